// Back, play, step: through the positions of an output, one after the other.

import { announce, h } from "./dom.js";

const SPEEDS = [
  ["1200", "Slow"],
  ["600", "Normal"],
  ["200", "Fast"],
];

export class Player {
  #timer = 0;

  /** `show(position)` shows one of `total` positions, `told()` says what it shows. */
  constructor(show, told) {
    this.show = show;
    this.told = told;
    this.total = 0;
    this.at = 0;
    this.playWords = h("span", {}, "Play");
    this.play = h("button.primary", { type: "button", onclick: () => (this.#timer ? this.pause() : this.start()) }, this.playWords);
    this.speed = h("select", { "aria-label": "Speed" }, SPEEDS.map(([value, words]) => h("option", { value }, words)));
    this.speed.value = "600";
    this.speed.addEventListener("change", () => this.#timer && this.start());
    this.place = h("span.place");
    this.back = h("button", { type: "button", onclick: () => this.move(-1) }, "Back");
    this.step = h("button", { type: "button", onclick: () => this.move(1) }, "Step");
    this.element = h("div.player", {}, this.back, this.play, this.step, this.speed, this.place);
    this.reset(0); // a press before the first answer would go unheard
  }

  /** Whether it goes on by itself. */
  get playing() {
    return Boolean(this.#timer);
  }

  /** Say how many positions there are; the current one stays where it can. */
  reset(total) {
    this.total = total;
    for (const button of [this.back, this.play, this.step]) button.disabled = !total;
    this.go(Math.min(this.at, Math.max(0, total - 1)));
  }

  /** Show a position. */
  go(at) {
    this.at = at;
    this.place.textContent = this.total ? `${at + 1} of ${this.total}` : "";
    if (this.total) this.show(at);
  }

  /** Step by hand, round the end. */
  move(by) {
    this.pause();
    this.go((this.at + by + this.total) % this.total);
    announce(this.told());
  }

  start() {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.go((this.at + 1) % this.total), Number(this.speed.value));
    this.playWords.textContent = "Pause";
  }

  pause() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.playWords.textContent = "Play";
  }
}
