// Signal mode: fold, displace, multiply, integrate, for two signals that can be drawn.

import { post } from "../api.js";
import { Asker } from "../asking.js";
import { copyAs } from "../copy_as.js";
import { announce, h } from "../dom.js";
import { EditGrid } from "../edit_grid.js";
import { selectField, showProblem, textField } from "../fields.js";
import { block, number, option, short, signed, unblock } from "../numbers.js";
import { Player } from "../player.js";
import { MOST_STEMS, Plot } from "../plot.js";
import { traced, tracedAt } from "../steps.js";

export const DEFAULTS = {
  x: "0,0,1,1,1,1,0,0,0,0",
  h: "1,0.75,0.5,0.25",
  spacing: "",
  stride: "1",
  padding: "full",
  operation: "convolution",
};

const wave = (length, at) => Array.from({ length }, (_, i) => Number(at(i).toFixed(2)));
// Noise that is the same for everybody.
const noise = (i) => Math.sin(i * 12.9898) * 0.35 + Math.sin(i * 78.233) * 0.25;

const INPUTS = [
  ["Box", DEFAULTS.x.split(",")],
  ["Impulse", wave(9, (i) => Number(i === 4))],
  ["Ramp", wave(8, (i) => i)],
  ["Noisy wave", wave(32, (i) => Math.sin(i / 4) + noise(i))],
  ["Steps", [0, 0, 0, 2, 2, 2, 2, -1, -1, -1, 1, 1, 1]],
];
const KERNELS = [
  ["Decay", DEFAULTS.h.split(",")],
  ["Moving average of 5", Array(5).fill(0.2)],
  ["Box", [1, 1, 1, 1]],
  ["Triangle", [1, 2, 3, 2, 1]],
  ["Difference", [1, -1]],
];
const PATH = "v1/conv1d";

/** Build the mode into `place`; `changed(texts)` is told of every change. */
export function mount(place, texts, changed) {
  return new SignalMode(place, texts, changed);
}

class SignalMode {
  #asker = new Asker();
  #steps = new Asker();

  constructor(place, texts, changed) {
    this.state = { ...DEFAULTS, ...texts };
    this.changed = changed;
    this.message = h("p.error.general", { role: "alert", hidden: true });
    this.player = new Player(
      (at) => this.#show(at),
      () => this.total.textContent,
    );
    this.copy = copyAs(() => this.asked && { path: PATH, fields: this.asked, plan: this.answer.plan, result: "feature_maps" });
    this.x = this.#signal("Input", "x", INPUTS, "input", "x(t)");
    this.h = this.#signal("Kernel", "h", KERNELS, "kernel", "h(t)");
    this.plots = {
      fold: new Plot("Fold"),
      displace: new Plot("Displace"),
      multiply: new Plot("Multiply"),
      integrate: new Plot("Integrate"),
    };
    this.total = h("p.expression");
    this.explained = h("div.plots", {}, Object.values(this.plots).map((plot) => plot.element));
    place.replaceChildren(
      h("div.row", {}, this.#controls()),
      this.message,
      h("div.plots", {}, this.x.element, this.h.element),
      h(
        "section.explain",
        { "aria-label": "How it is computed" },
        this.player.element,
        this.explained,
        this.total,
      ),
      this.copy.element,
    );
    this.#ask();
  }

  unmount() {
    this.player.pause();
    this.#asker.stop();
    this.#steps.stop();
  }

  #controls() {
    const text = (label, name, pointer, more = {}) =>
      textField(label, this.state[name], (value) => this.#set(name, value), { pointer, ...more });
    const operations = [
      ["convolution", "convolution (h folded)"],
      ["cross_correlation", "cross-correlation"],
    ];
    this.fields = [
      text("Stride", "stride", "stride"),
      text("Padding", "padding", "padding", { suggestions: ["0", "full", "same", "valid"] }),
      selectField("Operation", this.state.operation, operations, (value) => this.#set("operation", value), { pointer: "operation", wide: true }),
      text("Sample spacing dt", "spacing", "sample_spacing", { placeholder: "none: a sum" }),
    ];
    return this.fields.map((each) => each.element);
  }

  #signal(label, name, presets, pointer, symbol) {
    const plot = new Plot(`${symbol}, drag to draw`, {
      edited: (at, value) => {
        const texts = [...grid.texts[0]];
        texts[at] = String(value);
        grid.set([texts]);
      },
    });
    const select = h(
      "select.preset",
      {
        "aria-label": `Fill ${symbol} with a preset`,
        onchange: () => {
          const [, values] = presets[select.selectedIndex - 1] ?? [];
          if (values) grid.set([values]);
          select.selectedIndex = 0;
        },
      },
      h("option", {}, "Presets"),
      presets.map(([words]) => h("option", {}, words)),
    );
    const grid = new EditGrid(label, block(this.state[name]), {
      pointer,
      oneRow: true,
      tools: [select],
      changed: () => this.#set(name, unblock(grid.texts)),
    });
    const element = h("div.signals", {}, grid.element, plot.element);
    return { grid, plot, element, kind: name };
  }

  #drawSignal({ grid, plot, kind }) {
    const points = grid.values[0].map((value, at) => [at, typeof value === "number" ? value : 0]);
    plot.draw([{ points, kind }], { from: 0, to: points.length - 1 });
  }

  #set(name, value) {
    this.state[name] = value;
    this.changed(this.state);
    this.#ask();
  }

  get #fieldsAsked() {
    const { state } = this;
    const fields = { input: this.x.grid.values[0], kernel: this.h.grid.values[0] };
    const tell = (name, value, standard) => {
      if (value !== standard && value !== "") fields[name] = value;
    };
    tell("stride", option(state.stride), 1);
    tell("padding", option(state.padding), 0);
    tell("operation", state.operation, "cross_correlation");
    tell("sample_spacing", number(state.spacing), "");
    return fields;
  }

  #ask() {
    this.player.pause();
    this.#drawSignal(this.x);
    this.#drawSignal(this.h);
    const fields = this.#fieldsAsked;
    const question = async (signal) => {
      const answer = await post(PATH, fields, { signal });
      return [answer, await traced(PATH, fields, answer.plan, signal, answer.output_shape[0] > MOST_STEMS)];
    };
    this.#asker.ask(question, {
      answered: ([answer, trace]) => this.#answered(fields, answer, trace),
      refused: (problem) => this.#refused(problem),
    });
  }

  get #places() {
    return [this.x.grid, this.h.grid, ...this.fields];
  }

  #answered(fields, answer, trace) {
    showProblem(null, this.#places, this.message);
    this.explained.classList.remove("stale");
    this.asked = fields;
    this.answer = answer;
    this.trace = { ...trace, of: fields };
    const { plan } = answer;
    const last = trace.complete ? trace.steps.at(-1).window[0][1] : plan.input_shape[0] + plan.padding[0][1];
    this.reach = { from: Math.min(0, -plan.padding[0][0]), to: Math.max(plan.input_shape[0], last) - 1 };
    announce(`Feature map of ${answer.output_shape[0]} samples`);
    this.player.reset(trace.total_positions);
    this.copy.refresh();
  }

  #refused(problem) {
    showProblem(problem, this.#places, this.message);
    this.explained.classList.add("stale");
    this.asked = null;
    this.copy.refresh();
  }

  #show(at) {
    const step = this.trace?.steps[at];
    if (!step) {
      if (this.trace) this.#fetchStep(at);
      return;
    }
    const { plan } = this.trace;
    const folded = plan.operation === "convolution";
    const [start, stop] = step.window[0];
    const spread = (values) => values.map((value, i) => [start + i * plan.dilation[0], value]);
    const x = this.trace.of.input.map((value, i) => [i, value]);
    const h = this.trace.of.kernel.map((value, i) => [i, value]);
    const last = step.kernel.length - 1;
    // The kernel as the window meets it, around the origin: folded, it lies to the left of it.
    const met = step.kernel.map((value, i) => [folded ? i - last : i, value]);
    const { fold, displace, multiply, integrate } = this.plots;
    fold.title.textContent = folded ? "1 Fold" : "1 As it is";
    fold.draw([{ points: h, kind: "h", faint: folded }, ...(folded ? [{ points: met, kind: "h" }] : [])], {
      from: folded ? -last : 0,
      to: last,
      said: folded ? "h(τ) becomes h(−τ)" : "correlation does not fold",
    });
    displace.title.textContent = "2 Displace";
    displace.draw([{ points: x, kind: "x" }, { points: spread(step.kernel), kind: "h" }], {
      ...this.reach,
      span: [start, stop],
      said: folded ? `h(t − τ) at t = ${short((step.stages?.displace ?? at) * (step.sample_spacing ?? 1))}, over x(τ)` : `h at ${start}, over x`,
    });
    multiply.title.textContent = "3 Multiply";
    multiply.draw([{ points: spread(step.products), kind: "product" }], {
      ...this.reach,
      span: [start, stop],
      said: "the products, tap by tap",
    });
    integrate.title.textContent = "4 Integrate";
    const y = this.answer.feature_maps.map((value, i) => [i, value]);
    const done = y.slice(0, at + 1);
    integrate.draw([{ points: y.slice(at + 1), kind: "y", faint: true }, { points: done, kind: "y", now: at }], {
      from: 0,
      to: Math.max(0, y.length - 1),
      said: `y[${at}] = ${short(step.value, 6)}`,
    });
    this.total.textContent = `${signed(step.expression)} = ${short(step.value, 6)}`;
  }

  // A step that was not asked for beforehand.
  #fetchStep(at) {
    const { trace } = this;
    this.#steps.ask((signal) => tracedAt(PATH, trace.of, [at], signal), {
      answered: (step) => {
        trace.steps[at] = step;
        if (this.trace === trace && this.player.at === at) this.#show(at);
      },
      refused: (problem) => showProblem(problem, this.#places, this.message),
    });
  }
}
