// A kernel by its name with its parameters on sliders, or one's own numbers.

import { get } from "./api.js";
import { Asker } from "./asking.js";
import { choices, selectField, sliderField } from "./fields.js";
import { EditGrid } from "./edit_grid.js";
import { h } from "./dom.js";
import { block, number, unblock } from "./numbers.js";

const OWN = "own";
// Sliders end where pictures stop to change in an interesting way; the API goes further (`GET /v1/kernels`).
const REACH = { size: 21, sigma: 8, amount: 5, angle: 180, theta: 180, phase: 180, wavelength: 32, gamma: 2 };

export class KernelPicker {
  #asker = new Asker();

  /** `state` has `kernel`, `parameters` and `values` as texts; `changed()` is called once the numbers are known. */
  constructor(state, changed, failed) {
    Object.assign(this, { state, changed, failed, pointer: "kernel" });
    this.select = selectField("Kernel", state.kernel, [[state.kernel, state.kernel]], (name) => this.#choose(name), { pointer: "kernel" });
    this.about = h("p.hint");
    this.sliders = h("div.sliders");
    this.grid = null;
    this.place = h("div");
    this.element = h("div.picker", {}, this.select.element, this.about, this.sliders, this.place);
  }

  /** Fetch the names and the numbers. */
  async start() {
    const { kernels } = await get("v1/kernels");
    this.kernels = new Map(kernels.map((each) => [each.name, each]));
    this.select.control.replaceChildren(...choices([...this.kernels.keys(), [OWN, "your own numbers"]]));
    if (!this.kernels.has(this.state.kernel) && this.state.kernel !== OWN) this.state.kernel = "sobel_x";
    this.select.control.value = this.state.kernel;
    this.#describe();
    this.#fetch();
  }

  stop() {
    this.#asker.stop();
  }

  fail(text, place) {
    this.select.fail(this.grid ? "" : text);
    this.grid?.fail(text, place);
  }

  #choose(name) {
    this.state.kernel = name;
    this.state.parameters = "";
    this.#describe();
    this.#fetch();
  }

  get #given() {
    return Object.fromEntries(new URLSearchParams(this.state.parameters.replaceAll(",", "&")));
  }

  #describe() {
    const { state } = this;
    const entry = this.kernels.get(state.kernel);
    this.about.textContent = entry ? entry.description : "Type numbers, paste them, resize.";
    const given = this.#given;
    const sliders = (entry?.parameters ?? []).map(({ name, type, default: standard, minimum, maximum, odd, unit }) => {
      const most = Math.min(maximum, REACH[name] ?? maximum);
      const value = Number(given[name] ?? standard);
      const least = Math.max(minimum, -most);
      const step = odd ? 2 : type === "integer" || most > 20 ? 1 : 0.1;
      return sliderField(name[0].toUpperCase() + name.slice(1), { value, minimum: least, maximum: most, step, unit }, (value) => this.#slide(name, value)).element;
    });
    this.sliders.replaceChildren(...sliders);
  }

  #slide(name, value) {
    const given = { ...this.#given, [name]: value };
    this.state.parameters = Object.entries(given).map((pair) => pair.join("=")).join(",");
    this.#fetch(60);
  }

  #fetch(delay = 0) {
    const { kernel, parameters, values } = this.state;
    if (kernel === OWN) {
      this.#show(block(values));
      return;
    }
    const query = parameters ? `?${parameters.replaceAll(",", "&")}` : "";
    this.#asker.ask((signal) => get(`v1/kernels/${encodeURIComponent(kernel)}${query}`, signal), {
      delay,
      answered: (answer) => this.#show(answer.kernel),
      refused: this.failed,
    });
  }

  #show(rows) {
    this.matrix = rows.map((row) => row.map(number));
    this.state.values = unblock(rows);
    if (!this.grid) {
      this.grid = new EditGrid("Values", rows, { pointer: "kernel", changed: () => this.#edited() });
      this.place.replaceChildren(this.grid.element);
    } else if (unblock(this.grid.texts) !== unblock(rows)) {
      this.quiet = true;
      this.grid.set(rows, { quiet: true });
      this.quiet = false;
    }
    this.changed();
  }

  #edited() {
    if (this.quiet) return;
    this.state.kernel = OWN;
    this.state.parameters = "";
    this.select.control.value = OWN;
    this.#describe();
    this.matrix = this.grid.values;
    this.state.values = unblock(this.grid.texts);
    this.changed();
  }

  /** What the request says. */
  get asked() {
    if (this.state.kernel === OWN) return this.matrix;
    const given = Object.fromEntries(Object.entries(this.#given).map(([key, value]) => [key, Number(value)]));
    return Object.keys(given).length ? { name: this.state.kernel, ...given } : this.state.kernel;
  }
}
