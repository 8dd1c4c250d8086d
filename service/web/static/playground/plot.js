// Stem plots: a value a position, drawn at the width there is.

import { h, s } from "./dom.js";
import { extent, short } from "./numbers.js";

const MARGIN = { left: 40, right: 12, top: 12, bottom: 22 };
const HEIGHT = 160;
/** The most stems that are drawn: more take longer than their computation, and lie closer than a pixel. */
export const MOST_STEMS = 4000;

export class Plot {
  /** `edited(position, value)`, where given, is called as points are dragged. */
  constructor(name, { edited } = {}) {
    this.said = h("span.said");
    this.svg = s("svg", { role: "img", "aria-label": name });
    this.name = name;
    this.title = h("span.name", {}, name);
    this.large = h("p.hint", { hidden: true });
    this.element = h("figure.plot", {}, h("figcaption", {}, this.title, this.said), this.large, this.svg);
    new ResizeObserver(() => this.last && this.draw(...this.last)).observe(this.svg);
    if (edited) this.#letDrag(edited);
  }

  /**
   * Draw series `{points: [[position, value], …], kind, faint, now}` over positions `from` to `to`.
   * `span` shades positions, `said` describes all of it.
   */
  draw(series, { from, to, span, said = "" }) {
    this.last = [series, { from, to, span, said }];
    const width = this.svg.clientWidth || 560;
    const values = series.flatMap(({ points }) => points.map(([, value]) => value));
    const large = values.length > MOST_STEMS;
    this.large.hidden = !large;
    this.svg.classList.toggle("empty", large);
    if (large) {
      this.large.textContent = `${values.length} samples: too large to show here. The programs below and the API have its numbers.`;
      this.svg.replaceChildren();
      this.said.textContent = said;
      return;
    }
    const [low, most] = extent([0, ...values]);
    const high = most === low ? 1 : most; // nothing but zeros still needs a height
    const scale = { from, to, low, high, width };
    this.scale = scale;
    const x = (at) => MARGIN.left + ((at - from + 0.5) / (to - from + 1)) * (width - MARGIN.left - MARGIN.right);
    const y = (value) => MARGIN.top + ((high - value) / (high - low || 1)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
    const parts = [];
    if (span) {
      const left = x(span[0] - 0.5);
      parts.push(s("rect.span", { x: left, y: 4, width: x(span[1] - 0.5) - left, height: HEIGHT - MARGIN.bottom }));
    }
    parts.push(s("line.axis", { x1: MARGIN.left, x2: width - MARGIN.right, y1: y(0), y2: y(0) }));
    for (const value of new Set([low, high])) {
      parts.push(s("text.tick", { x: MARGIN.left - 6, y: y(value) + 4, "text-anchor": "end" }, short(value, 3)));
    }
    for (const at of ticks(from, to)) parts.push(s("text.tick", { x: x(at), y: HEIGHT - 4, "text-anchor": "middle" }, short(at)));
    for (const { points, kind, faint, now } of series) {
      const group = s(`g.series-${kind}${faint ? ".faint" : ""}`);
      for (const [at, value] of points) {
        group.append(s("line.stem", { x1: x(at), x2: x(at), y1: y(0), y2: y(value) }));
        group.append(s(at === now ? "circle.now" : "circle", { cx: x(at), cy: y(value), r: at === now ? 5 : 3.5 }));
      }
      parts.push(group);
    }
    this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.svg.setAttribute("aria-label", said ? `${this.name}: ${said}` : this.name);
    this.svg.replaceChildren(...parts);
    this.said.textContent = said;
  }

  #letDrag(edited) {
    this.element.classList.add("edit");
    let held = null;
    const move = (event) => {
      const { from, to, low, high, width } = held;
      const box = this.svg.getBoundingClientRect();
      const at = Math.floor(from + ((event.clientX - box.left - MARGIN.left) / (width - MARGIN.left - MARGIN.right)) * (to - from + 1));
      const part = (event.clientY - box.top - MARGIN.top) / (HEIGHT - MARGIN.top - MARGIN.bottom);
      const grain = Math.max(1, Math.abs(high), Math.abs(low)) / 20;
      const value = Math.round((high - part * (high - low)) / grain) * grain;
      if (at >= from && at <= to) edited(at, Number(value.toPrecision(4)));
    };
    this.svg.addEventListener("pointerdown", (event) => {
      held = this.scale;
      this.svg.setPointerCapture(event.pointerId);
      move(event);
    });
    this.svg.addEventListener("pointermove", (event) => held && move(event));
    for (const end of ["pointerup", "pointercancel"]) this.svg.addEventListener(end, () => (held = null));
  }
}

function ticks(from, to) {
  const ten = 10 ** Math.max(0, Math.floor(Math.log10((to - from) / 8 || 1)));
  const every = [1, 2, 5, 10].map((step) => step * ten).find((step) => (to - from) / step <= 8);
  const first = Math.ceil(from / every) * every;
  return Array.from({ length: Math.floor((to - first) / every) + 1 }, (_, i) => first + i * every);
}
