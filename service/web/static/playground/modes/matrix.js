// Matrix mode: an input, a kernel, and how every cell of the answer comes to be.

import { get, post } from "../api.js";
import { Asker } from "../asking.js";
import { copyAs } from "../copy_as.js";
import { announce, h } from "../dom.js";
import { EditGrid } from "../edit_grid.js";
import { showProblem } from "../fields.js";
import { DEFAULTS, requestOf } from "../matrix_request.js";
import { matrixOptions } from "../matrix_options.js";
import { block, extent, short, unblock } from "../numbers.js";
import { key, MOST_CELLS } from "../plane.js";
import { Player } from "../player.js";
import { INPUTS, KERNELS } from "../presets.js";
import { StepView } from "../step_view.js";
import { framing, taps, traced, tracedAt, users } from "../steps.js";
import { ValueGrid } from "../value_grid.js";

export { DEFAULTS };

const SIGNS = { conv: "⋆", transpose: "⊛", pool: "" };

/** Build the mode into `place`; `changed(texts)` is told of every change. */
export function mount(place, texts, changed) {
  return new MatrixMode(place, texts, changed);
}

class MatrixMode {
  #answers = new Asker();
  #traces = new Asker();
  trace = null;
  answer = null;

  constructor(place, texts, changed) {
    this.state = { ...DEFAULTS, ...texts };
    if (!Object.hasOwn(SIGNS, this.state.op)) this.state.op = DEFAULTS.op;
    this.changed = changed;
    this.steps = new StepView();
    this.player = new Player(
      (at) => this.#show(at),
      () => this.#told,
    );
    this.message = h("p.error.general", { role: "alert", hidden: true });
    this.sum = h("div.equation");
    this.copy = copyAs(() => this.#snippetSource());
    this.gradients = h("div");
    this.panel = h(
      "details.panel",
      { ontoggle: () => this.#toggleGradients() },
      h("summary", {}, "Backward pass", h("span.aside", {}, "gradients for an output gradient, and one step of descent")),
      this.gradients,
    );
    this.options = h("div.options");
    this.explained = h("section.explain", { "aria-label": "How it is computed" }, this.player.element, this.steps.element);
    place.replaceChildren(
      this.options,
      this.message,
      this.sum,
      this.explained,
      this.panel,
      this.copy.element,
    );
    this.#rebuild();
    if (this.state.gradient) this.panel.open = true;
  }

  /** Leave the page: nothing goes on behind it. */
  unmount() {
    this.player.pause();
    this.#answers.stop();
    this.#traces.stop();
    this.backward?.stop();
  }

  /** Make the controls anew; whoever was at one of them still is. */
  #refield() {
    const focused = document.activeElement;
    const pointer = this.fields?.places.find((each) => each.control === focused)?.pointer;
    const atLayer = this.options.contains(focused) && focused.type === "radio";
    this.fields = matrixOptions(this.state, {
      set: (name, value) => this.#set(name, value),
      refield: () => this.#refield(),
      rebuild: () => this.#rebuild(),
    });
    this.options.replaceChildren(...this.fields.elements);
    if (pointer) this.fields.places.find((each) => each.pointer === pointer)?.control.focus();
    if (atLayer) this.options.querySelector("input:checked").focus();
  }

  #rebuild() {
    const { op } = this.state;
    this.#refield();
    this.input = new EditGrid("Input", block(this.state.input), {
      pointer: "input",
      tools: [presets("Example matrices", INPUTS, (values) => this.input.set(values))],
      changed: () => this.#set("input", unblock(this.input.texts)),
      picked: (row, column, focused) => {
        this.#showUsers(row, column);
        if (focused) announce(this.#told);
      },
    });
    this.kernel =
      op === "pool"
        ? null
        : new EditGrid("Kernel", block(this.state.kernel), {
            pointer: "kernel",
            tools: [kernelPresets((values) => this.kernel.set(values), (problem) => showProblem(problem, [], this.message))],
            changed: () => this.#set("kernel", unblock(this.kernel.texts)),
          });
    this.state.input = unblock(this.input.texts); // what a link has no room for is not sent either
    if (this.kernel) this.state.kernel = unblock(this.kernel.texts);
    this.output = new ValueGrid("Feature map", {
      picked: (row, column, focused) => {
        this.player.pause();
        this.player.go(row * this.output.values[0].length + column);
        if (focused) announce(this.#told);
      },
    });
    this.formula = h("dl.formula");
    this.output.element.append(this.formula);
    this.unframed = h("p.hint", { hidden: true }, "The padding around it is too large to show.");
    this.input.element.append(this.unframed);
    this.sign = h("span.sign", { "aria-hidden": "true" }, SIGNS[op]);
    this.sum.replaceChildren(
      this.input.element,
      this.kernel ? this.sign : h("span.sign", { "aria-hidden": "true" }, "→"),
      ...(this.kernel ? [this.kernel.element, h("span.sign", { "aria-hidden": "true" }, "=")] : []),
      this.output.element,
    );
    this.trace = this.answer = this.picked = null;
    this.answered = false;
    this.#ask();
    if (this.backward && this.backward.op !== op) this.#openGradients();
  }

  // What is explained, in words; nothing while it is that of another question or on its way.
  get #told() {
    return this.explained.classList.contains("stale") ? "" : this.steps.told;
  }

  get #places() {
    return [this.input, ...(this.kernel ? [this.kernel] : []), ...this.fields.places];
  }

  #set(name, value) {
    this.state[name] = value;
    this.changed(this.state);
    this.#ask();
  }

  #ask() {
    const { path, fields } = requestOf(this.state);
    this.player.pause();
    this.#traces.stop();
    this.backward?.wait();
    this.#answers.ask((signal) => post(path, fields, { signal }), {
      answered: (answer) => {
        this.#answered(answer);
        const [rows, columns] = answer.output_shape;
        // Only then, for whatever is refused would be refused again, in the same words.
        this.#traces.ask((signal) => traced(path, fields, answer.plan, signal, rows * columns > MOST_CELLS), {
          answered: (trace) => this.#traced({ ...trace, path, fields }),
          refused: (problem) => this.#untraced(problem),
        });
        this.backward?.planned(answer.plan);
      },
      refused: (problem) => this.#refused(problem),
    });
  }

  #answered(answer) {
    showProblem(null, this.#places, this.message);
    this.sum.classList.remove("stale");
    this.answered = true;
    this.answer = answer;
    this.output.set(answer.feature_maps);
    // The steps that are shown are those of the answer before, until its own come.
    this.trace = null;
    this.#explains(false);
    const range = `values from ${extent(answer.feature_maps.flat()).map((value) => short(value)).join(" to ")}`;
    announce(`Feature map ${answer.output_shape.join(" by ")}, ${range}`);
    this.copy.refresh();
  }

  #refused(problem) {
    showProblem(problem, this.#places, this.message);
    this.sum.classList.add("stale");
    this.#explains(false);
    this.answered = false;
    this.copy.refresh();
    this.backward?.outdated();
  }

  // An answer without its steps: it stands, and what is known of another one goes.
  #untraced(problem) {
    showProblem(problem, this.#places, this.message);
    this.steps.clear();
    this.formula.replaceChildren();
    this.player.reset(0);
  }

  // Whether the steps and the formula are those of the question on the page.
  #explains(current) {
    this.explained.classList.toggle("stale", !current);
    this.formula.classList.toggle("stale", !current);
    if (current) return;
    for (const grid of [this.input, this.kernel, this.output]) {
      grid?.plane.mark({});
      grid?.plane.note([]);
    }
  }

  #traced(trace) {
    this.trace = trace;
    this.users = users(trace);
    this.#explains(true);
    this.#frame(framing(trace));
    this.formula.replaceChildren(
      ...trace.formula.flatMap(({ name, expression, result, general }) => [
        h("dt", {}, name),
        h("dd", { title: general }, `${expression} = `, h("strong", {}, String(result))),
      ]),
    );
    this.player.reset(trace.total_positions);
    if (this.picked) this.#showUsers(...this.picked); // before there was anything to show
  }

  #frame({ ghosts, read }) {
    const { plane } = this.input;
    const rows = plane.rows + ghosts.top + ghosts.bottom;
    const columns = plane.columns + ghosts.left + ghosts.right;
    this.unframed.hidden = rows * columns <= MOST_CELLS;
    plane.frame(this.unframed.hidden ? ghosts : { top: 0, bottom: 0, left: 0, right: 0 }, read);
  }

  #show(at) {
    if (!this.trace) return;
    const { plan, steps } = this.trace;
    const step = steps[at];
    if (!step) {
      this.#explains(false);
      this.#fetchStep(at);
      return;
    }
    this.explained.classList.toggle("stale", !this.answered);
    const window = [];
    const tapped = [];
    const notes = [];
    const read = [];
    for (const tap of taps(step, plan)) {
      tapped.push(tap.at);
      if (tap.weight !== undefined) notes.push([tap.at, `×${short(tap.weight, 3)}`]);
      if (tap.padded && tap.source) read.push(tap.source);
    }
    const mirrored = read.filter((at) => !tapped.includes(at));
    // Of a window that reaches far beyond what is drawn, what is.
    const [[top, bottom], [left, right]] = step.window.map(([from, to], axis) => {
      const [first, end] = this.input.plane.reach[axis];
      return [Math.max(from, first), Math.min(to, end)];
    });
    for (let row = top; row < bottom; row++) for (let column = left; column < right; column++) window.push(key(row, column));
    const selected = step.selected ? [key(...step.selected)] : [];
    this.input.plane.mark({ window, tap: tapped, mirrored, selected });
    this.input.plane.note(notes);
    const [row, column] = step.position.slice(-2);
    this.output.plane.mark({ current: [key(row, column)] });
    this.output.plane.note([]);
    this.output.activate(row, column);
    this.kernel?.plane.mark(step.taps ? { tap: step.taps.flat().map((tap) => key(...tap)) } : {});
    this.steps.show(step, plan);
  }

  // A step that was not asked for beforehand.
  #fetchStep(at) {
    const { trace } = this;
    const { path, fields } = trace;
    const columns = trace.output_shape.at(-1);
    this.#traces.ask((signal) => tracedAt(path, fields, [Math.floor(at / columns), at % columns], signal), {
      answered: (step) => {
        trace.steps[at] = step;
        if (this.trace !== trace || this.player.at !== at) return;
        this.#show(at);
        if (!this.player.playing) announce(this.#told);
      },
      refused: (problem) => {
        showProblem(problem, this.#places, this.message);
        this.steps.clear();
      },
    });
  }

  #showUsers(row, column) {
    this.picked = row === undefined ? null : [row, column];
    if (!this.trace) return;
    if (row === undefined) {
      this.#show(this.player.at);
      return;
    }
    const found = this.users.get(key(row, column)) ?? new Map();
    this.player.pause();
    this.input.plane.mark({ source: [key(row, column)] });
    this.input.plane.note([]);
    this.output.plane.mark({ user: [...found.keys()] });
    const weighed = ([at, weights]) => [at, weights.length > 1 ? `${weights.length} taps` : `×${short(weights[0], 3)}`];
    this.output.plane.note([...found].filter(([, weights]) => weights.length).map(weighed));
    this.steps.showUsers([row, column], found, this.trace.complete);
  }

  #toggleGradients() {
    if (this.panel.open) {
      this.#openGradients();
      return;
    }
    this.backward?.stop();
    this.backward = null;
    this.gradients.replaceChildren();
  }

  async #openGradients() {
    const loaded = await import("../backward.js").catch(() => null);
    if (!this.panel.open) return; // closed again while it came
    if (!loaded) {
      this.gradients.replaceChildren(h("p.error", { role: "alert" }, "The service did not answer. Close the panel and open it to try again."));
      return;
    }
    this.backward?.stop();
    const { Backward } = loaded;
    this.backward = new Backward({
      place: this.gradients,
      state: this.state,
      set: (name, value) => {
        this.state[name] = value;
        this.changed(this.state);
      },
      use: ({ kernel, bias }) => {
        if (bias !== undefined) this.state.bias = String(bias);
        if (kernel) this.state.kernel = unblock(kernel);
        this.changed(this.state);
        this.#rebuild();
      },
    });
    if (this.answered) this.backward.planned(this.answer.plan);
  }

  #snippetSource() {
    if (!this.answered) return null;
    return { ...requestOf(this.state), plan: this.answer.plan, result: "feature_maps" };
  }
}

function presets(label, list, use) {
  const select = h(
    "select.preset",
    {
      "aria-label": label,
      onchange: () => {
        const [, , values] = list.find(([name]) => name === select.value) ?? [];
        if (values) use(values);
        select.selectedIndex = 0;
      },
    },
    h("option", { value: "" }, "Presets"),
    list.map(([name, words]) => h("option", { value: name }, words)),
  );
  return select;
}

function kernelPresets(use, failed) {
  const select = presets("Named and example weights", KERNELS, use);
  const named = h("optgroup", { label: "By name" });
  select.append(named);
  get("v1/kernels")
    .then(({ kernels }) => named.append(...kernels.map(({ name }) => h("option", { value: `:${name}` }, name))))
    .catch(() => named.remove()); // the page works without them
  // "input" comes before "change", which sets the select back.
  select.addEventListener("input", () => {
    const [, name] = select.value.split(":");
    if (name) get(`v1/kernels/${name}`).then(({ kernel }) => use(kernel), failed);
  });
  return select;
}
