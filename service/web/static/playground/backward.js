// The backward panel: gradients for an output gradient, and one step of descent.

import { post } from "./api.js";
import { Asker } from "./asking.js";
import { h } from "./dom.js";
import { EditGrid } from "./edit_grid.js";
import { showProblem, textField } from "./fields.js";
import { requestOf } from "./matrix_request.js";
import { block, number, short, unblock } from "./numbers.js";
import { ValueGrid } from "./value_grid.js";

export class Backward {
  #asker = new Asker();

  /** `set(name, text)` keeps a text in the link, `use({kernel, bias})` takes the updated ones over. */
  constructor({ place, state, set, use }) {
    Object.assign(this, { state, set, use });
    this.message = h("p.error.general", { hidden: true });
    this.rate = textField("Learning rate", state.learning_rate, (value) => this.#typed("learning_rate", value), {
      pointer: "learning_rate",
    });
    this.results = h("div.equation");
    this.given = h("div.equation.given");
    place.replaceChildren(this.given, this.message, this.results);
  }

  stop() {
    this.#asker.stop();
  }

  /** The output has this shape: so has its gradient. */
  shaped([rows, columns]) {
    const kept = this.gradient?.texts ?? (this.state.gradient ? block(this.state.gradient) : null);
    const fits = kept?.length === rows && kept[0].length === columns;
    if (!this.gradient || !fits) {
      const values = fits ? kept : Array.from({ length: rows }, () => Array(columns).fill("1"));
      this.gradient = new EditGrid("Output gradient", values, {
        pointer: "output_gradient",
        fixed: true,
        changed: () => this.#typed("gradient", unblock(this.gradient.texts)),
      });
      const note = "∂L/∂y, what a loss L sends back for the feature map y. Ones: L is the sum of y. Below, x is what came in and k what was slid over it.";
      const rate = this.state.op === "pool" ? null : this.rate.element;
      this.given.replaceChildren(this.gradient.element, h("div.beside", {}, h("p.hint", {}, note), rate));
      this.#typed("gradient", unblock(this.gradient.texts));
    } else {
      this.ask();
    }
  }

  #typed(name, text) {
    this.state[name] = text;
    this.set(name, text);
    this.ask();
  }

  /** Ask again, for the state as it is. */
  ask() {
    if (!this.gradient) return;
    const { path, fields } = requestOf(this.state);
    const wanted = { ...fields, output_gradient: this.gradient.values };
    if (this.state.op !== "pool") wanted.learning_rate = number(this.state.learning_rate);
    this.#asker.ask((signal) => post(`${path}/gradients`, wanted, { signal }), {
      answered: (answer) => this.#answered(answer),
      refused: (problem) => showProblem(problem, [this.gradient, this.rate], this.message),
    });
  }

  #answered(answer) {
    showProblem(null, [this.gradient, this.rate], this.message);
    const parts = [shown("∂L/∂x", answer.input_gradient)];
    if (answer.kernel_gradient) parts.push(shown("∂L/∂k", answer.kernel_gradient));
    if (answer.updated_kernel) parts.push(shown("After one descent", answer.updated_kernel));
    if (answer.bias_gradient !== undefined) {
      const words = `∂L/∂b ${short(answer.bias_gradient)}, after one descent ${short(answer.updated_bias)}`;
      parts.push(h("p.hint", {}, words));
    }
    if (answer.updated_kernel) {
      const use = () => this.use({ kernel: answer.updated_kernel, bias: answer.updated_bias });
      parts.push(h("button", { type: "button", onclick: use }, "Use the updated weights"));
    }
    this.results.replaceChildren(...parts);
  }
}

function shown(label, values) {
  const grid = new ValueGrid(label);
  grid.set(values);
  return grid.element;
}
