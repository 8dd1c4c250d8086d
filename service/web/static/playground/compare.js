// A picture and what became of it, one over the other, with a divider to drag.

import { h } from "./dom.js";

export class Compare {
  constructor() {
    this.before = h("img.before", { alt: "The picture" });
    this.after = h("img.after", { alt: "The result" });
    this.line = h("span.divider", { "aria-hidden": "true" });
    this.range = h("input", {
      type: "range",
      min: 0,
      max: 100,
      step: 1,
      value: 50,
      "aria-label": "Divider",
      oninput: () => this.#place(),
    });
    this.element = h(
      "div.compare",
      {},
      this.before,
      this.after,
      this.line,
      h("span.tag.left", { "aria-hidden": "true" }, "picture"),
      h("span.tag.right", { "aria-hidden": "true" }, "result"),
      this.range,
    );
    this.#place();
  }

  #place() {
    this.element.style.setProperty("--divider", `${this.range.value}%`);
    this.range.setAttribute("aria-valuetext", `${this.range.value} % picture, ${100 - this.range.value} % result`);
  }
}
