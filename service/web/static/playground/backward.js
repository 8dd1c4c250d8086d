// The backward panel: gradients for an output gradient, and one step of descent.

import { post } from "./api.js";
import { Asker } from "./asking.js";
import { copyAs } from "./copy_as.js";
import { h } from "./dom.js";
import { EditGrid, LIMIT } from "./edit_grid.js";
import { showProblem, textField } from "./fields.js";
import { requestOf } from "./matrix_request.js";
import { block, number, shape, unblock } from "./numbers.js";
import { ValueGrid } from "./value_grid.js";

const NOTE =
  "∂L/∂y, what a loss L sends back for the feature map y. Ones: L is the sum of y. Below, x is the input, k the kernel, b the bias.";

// Larger gradients are not asked for: a request of them is longer than a page should send at every keystroke.
const MOST = 65_536;

// What an answer may hold, and its name here.
const GRADIENTS = [
  ["input_gradient", "∂L/∂x"],
  ["kernel_gradient", "∂L/∂k"],
  ["bias_gradient", "∂L/∂b"],
];
const UPDATED = [
  ["updated_kernel", "Updated kernel"],
  ["updated_bias", "Updated bias"],
];

export class Backward {
  #asker = new Asker();

  /** `set(name, text)` keeps a text in the link, `use({kernel, bias})` takes the updated ones over. */
  constructor({ place, state, set, use }) {
    Object.assign(this, { state, set, use });
    this.message = h("p.error.general", { role: "alert", hidden: true });
    this.rate = textField("Learning rate", state.learning_rate, (value) => this.#typed("learning_rate", value), {
      pointer: "learning_rate",
    });
    this.given = h("div.equation");
    this.results = h("div.equation");
    this.updated = h("div.equation");
    this.op = state.op;
    const take = () => this.use({ kernel: this.answer.updated_kernel, bias: this.answer.updated_bias });
    this.take = h("button", { type: "button", disabled: true, onclick: take }, "Use the updated weights");
    const descent = h("div.equation", {}, h("div.beside", {}, this.rate.element, this.take), this.updated);
    this.copy = copyAs(() => this.asked, "Copy gradients as");
    const weighted = state.op !== "pool";
    place.replaceChildren(
      h("div.backward", {}, this.given, this.message, this.results, ...(weighted ? [descent] : []), this.copy.element),
    );
  }

  stop() {
    this.#asker.stop();
  }

  /** Another question is under way: what is shown may not be taken over. */
  wait() {
    this.#asker.stop();
    this.take.disabled = true;
  }

  /** What is shown belongs to another question. */
  outdated() {
    this.wait();
    this.#current(null);
  }

  // Whether what is shown answers `asked`, or, where that is null, what was asked before.
  #current(asked) {
    this.asked = asked;
    this.take.disabled = !asked;
    for (const place of [this.results, this.updated]) place.classList.toggle("stale", !asked);
    this.copy.refresh();
  }

  /** The output of a plan has this shape: so has its gradient. */
  planned(plan) {
    this.plan = plan;
    const [rows, columns] = plan.output_shape;
    if (rows > LIMIT || columns > LIMIT) {
      this.#fixed(rows, columns);
      return;
    }
    const kept = this.gradient?.texts ?? (this.state.gradient ? block(this.state.gradient) : null);
    const fits = kept?.length === rows && kept[0].length === columns;
    if (!this.gradient?.texts || !fits) {
      const values = fits ? kept : ones(rows, columns, "1");
      this.gradient = new EditGrid("Output gradient", values, {
        pointer: "output_gradient",
        fixed: true,
        changed: () => this.#typed("gradient", unblock(this.gradient.texts)),
      });
      this.given.replaceChildren(this.gradient.element, h("p.beside.hint", {}, NOTE));
      this.#typed("gradient", unblock(this.gradient.texts));
    } else {
      this.ask();
    }
  }

  // Of an output that no grid has room for the gradient is all ones, which a link spells as one of them.
  #fixed(rows, columns) {
    const sent = rows * columns <= MOST;
    const words = `The output is ${shape([rows, columns])}, too large to edit its gradient here`;
    const hint = h("p.hint", {}, sent ? `${words}: it is all ones.` : `${words} or to send ones: the API takes it.`);
    const error = h("p.error", { hidden: true });
    const element = h("div.beside", {}, hint, h("p.hint", {}, NOTE), error);
    const fail = (text) => {
      error.textContent = text;
      error.hidden = !text;
    };
    this.gradient = sent ? { pointer: "output_gradient", values: ones(rows, columns, 1), element, fail } : null;
    this.given.replaceChildren(element);
    this.state.gradient = "1";
    this.set("gradient", "1");
    if (sent) this.ask();
    else this.outdated();
  }

  #typed(name, text) {
    this.state[name] = text;
    this.set(name, text);
    this.ask();
  }

  /** Ask again, for the state as it is. */
  ask() {
    if (!this.gradient) return;
    this.wait();
    const request = requestOf(this.state);
    const { plan } = this;
    const path = `${request.path}/gradients`;
    const fields = { ...request.fields, output_gradient: this.gradient.values };
    if (this.state.op !== "pool") fields.learning_rate = number(this.state.learning_rate);
    this.#asker.ask((signal) => post(path, fields, { signal }), {
      answered: (answer) => this.#answered(answer, { path, fields, plan }),
      refused: (problem) => {
        showProblem(problem, [this.gradient, this.rate], this.message);
        this.outdated();
      },
    });
  }

  #answered(answer, request) {
    showProblem(null, [this.gradient, this.rate], this.message);
    this.answer = answer;
    const held = ([name]) => answer[name] !== undefined;
    this.results.replaceChildren(...GRADIENTS.filter(held).map(([name, label]) => shown(label, answer[name])));
    this.updated.replaceChildren(...UPDATED.filter(held).map(([name, label]) => shown(label, answer[name])));
    const result = [...GRADIENTS, ...UPDATED].filter(held).map(([name]) => name);
    this.#current({ ...request, result });
  }
}

const ones = (rows, columns, one) => Array.from({ length: rows }, () => Array(columns).fill(one));

function shown(label, value) {
  const grid = new ValueGrid(label);
  grid.set(Array.isArray(value) ? value : [[value]]);
  return grid.element;
}
