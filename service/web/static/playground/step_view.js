// One step written out: the window, the kernel it meets, their products and the sum.

import { h } from "./dom.js";
import { largest, shade, short, signed } from "./numbers.js";

// Windows of more rows or columns are not drawn once more, expressions of more letters not written out.
const MOST = 9;
const LONGEST = 600;

export class StepView {
  constructor() {
    this.title = h("h2.step-title");
    this.grids = h("div.step-grids");
    this.expression = h("p.expression");
    this.element = h("div.step", {}, this.title, this.grids, this.expression);
  }

  /** Show nothing. */
  clear() {
    this.title.textContent = "The steps of this answer did not come";
    this.grids.replaceChildren();
    this.expression.textContent = "";
  }

  /** What it shows, in words. */
  get told() {
    return `${this.title.textContent}: ${this.expression.textContent}`;
  }

  /** Show how one output value came to be. */
  show(step, plan) {
    const place = step.position.join(", ");
    this.title.textContent = `Position (${place})`;
    const total = h("div.total", {}, h("span.total-label", {}, label(step, plan)), h("strong", {}, short(step.value, 6)));
    const parts = [];
    const [rows, columns] = [step.patch.length, step.patch[0]?.length ?? 0];
    if (rows > MOST || columns > MOST || rows * columns === 0) {
      parts.push(sign("Σ"), total); // the input itself shows such a window better, or there is none
    } else if (step.kernel) {
      const flipped = plan.operation === "convolution" ? "kernel, flipped" : step.taps ? "taps it meets" : "kernel";
      parts.push(small("window", step.patch, step.padded), sign("⊙"), small(flipped, step.kernel));
      parts.push(sign("="), small("products", step.products), sign("Σ"), total);
    } else {
      parts.push(small("what the window holds", step.patch, step.padded), sign("→"), total);
    }
    this.grids.replaceChildren(...parts);
    const reached = step.patch.flat().length > 0;
    this.expression.textContent = reached ? written(step.expression, step.value) : "No cell of the input reaches it.";
  }

  /** Show which outputs use an input cell; `complete` where all of them are known. */
  showUsers([row, column], found, complete) {
    this.title.textContent = `Input cell (${row}, ${column})`;
    this.grids.replaceChildren();
    const uses = [...found].map(([at, weights]) => {
      const [r, c] = at.split(",");
      return `(${r}, ${c})${weights.length ? ` with ${weights.map((weight) => short(weight, 4)).join(" and ")}` : ""}`;
    });
    const many = complete ? uses.length || "No" : `At least ${uses.length}`;
    const said = complete && uses.length === 1 ? "1 output uses it" : `${many} outputs use it`;
    this.expression.textContent = uses.length ? `${said}: ${uses.join(", ")}. Its gradient flows back from these.` : `${said}.`;
  }
}

const label = (step, plan) => (step.kernel ? (step.bias ? "sum + bias" : "sum") : plan.kind);

function written(expression, value) {
  const shown = expression.length > LONGEST ? `${expression.slice(0, LONGEST)} …` : expression;
  return `${signed(shown)} = ${short(value, 6)}`;
}

const sign = (text) => h("span.sign", { "aria-hidden": "true" }, text);

function small(label, rows, padded) {
  const bound = largest(rows);
  const body = rows.map((row, i) =>
    h(
      "tr",
      {},
      row.map((value, j) => {
        const td = h("td", {}, value === null ? "·" : short(value, 6)); // as in the expression
        td.dataset.shade = shade(value, bound);
        if (padded?.[i][j]) td.classList.add("padded");
        return td;
      }),
    ),
  );
  return h("figure.small-figure", {}, h("figcaption", {}, label), h("table.small", {}, h("tbody", {}, body)));
}
