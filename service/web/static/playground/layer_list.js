// The list of layers: add, remove, move, change, and what the plan says of each.

import { h } from "./dom.js";
import { choices, selectField, textField } from "./fields.js";
import { shape, short } from "./numbers.js";
import { OFFERS, TYPES } from "./layers.js";

export class LayerList {
  pointer = "layers";

  /** `changed()` is called after every change of `layers`. */
  constructor(layers, changed) {
    this.layers = layers;
    this.changed = changed;
    this.list = h("ol.layers");
    this.adder = h("select", { "aria-label": "Type of the new layer" }, choices(Object.keys(TYPES)));
    const add = h("button", { type: "button", onclick: () => this.#add(this.adder.value) }, "Add layer");
    this.error = h("p.error", { hidden: true });
    this.element = h("div.network-layers", {}, this.list, h("div.bar", {}, this.adder, add), this.error);
    this.#build();
  }

  #add(type) {
    this.layers.push({ type, ...Object.fromEntries(TYPES[type].map(([name, , standard]) => [name, standard])) });
    this.#build();
    this.changed();
    this.list.lastElementChild.querySelector("input, select, button").focus();
  }

  #move(index, to) {
    const [layer] = this.layers.splice(index, 1);
    if (to !== null) this.layers.splice(to, 0, layer);
    this.#build();
    this.changed();
    const row = this.list.children[Math.min(to ?? index, this.layers.length - 1)];
    (row?.querySelector("button:not([disabled])") ?? this.adder).focus();
  }

  #build() {
    this.rows = this.layers.map((layer, index) => this.#row(layer, index));
    this.list.replaceChildren(...this.rows.map((row) => row.element));
  }

  #row(layer, index) {
    const fields = TYPES[layer.type].map(([name, label]) => {
      const set = (value) => {
        layer[name] = value;
        this.changed();
      };
      const more = { pointer: name };
      return OFFERS[name]
        ? selectField(label, layer[name], OFFERS[name], set, more)
        : textField(label, layer[name], set, { ...more, placeholder: name === "stride" ? "window" : "" });
    });
    const tool = (words, sign, act, off) => {
      const name = `${words} layer ${index + 1}, ${layer.type}`;
      return h("button.tool", { type: "button", "aria-label": name, title: words, onclick: act, disabled: off }, sign);
    };
    const facts = h("p.facts");
    const error = h("p.error", { hidden: true });
    const element = h(
      "li.layer",
      {},
      h(
        "div.layer-head",
        {},
        h("h3", {}, layer.type),
        tool("Move up", "↑", () => this.#move(index, index - 1), index === 0),
        tool("Move down", "↓", () => this.#move(index, index + 1), index === this.layers.length - 1),
        tool("Remove", "×", () => this.#move(index, null), this.layers.length === 1),
      ),
      fields.length ? h("div.layer-fields", {}, fields.map((field) => field.element)) : null,
      facts,
      error,
    );
    return { element, facts, error, fields };
  }

  /** Show what a plan says of each layer. */
  describe(plan) {
    this.rows.forEach(({ facts }, index) => {
      const layer = plan?.layers[index];
      if (!layer) return;
      const { output_shape: output, parameters, receptive_field: field, jump } = layer;
      const parts = [shape(output), `${parameters.toLocaleString("en")} parameters`];
      if (field?.length) parts.push(`sees ${shape(field)}`);
      if (jump?.length) parts.push(`jump ${shape(jump.map((cells) => short(cells)))}`);
      facts.replaceChildren(...parts.map((words) => h("span", {}, words)));
    });
  }

  /** Say what is wrong at the layer, and there at the field, that a pointer names. */
  fail(text, [index, name] = []) {
    const whole = index === undefined;
    this.error.textContent = whole ? text : "";
    this.error.hidden = !whole || !text;
    this.rows.forEach(({ error, fields }, at) => {
      const here = text && String(at) === index;
      const field = here && fields.find((each) => each.pointer === name);
      for (const each of fields) each.fail(each === field ? text : "");
      error.textContent = here && !field ? text : "";
      error.hidden = !here || Boolean(field);
    });
  }
}
