// Network mode: layers, what each makes and sees, and every map of them on a picture.

import { post, send } from "../api.js";
import { Asker } from "../asking.js";
import { copyAs } from "../copy_as.js";
import { announce, h } from "../dom.js";
import { selectField, showProblem, textField } from "../fields.js";
import { LayerList } from "../layer_list.js";
import { planned, Random, readLayers, weighted, writeLayers } from "../layers.js";
import { MapStrip } from "../map_strip.js";
import { readPacked } from "../npy.js";
import { shape, short } from "../numbers.js";
import { PictureSource } from "../picture_source.js";
import { seen, unflattened } from "../sight.js";

export const DEFAULTS = {
  layers: "conv2d:8,5,1,same,gabor;relu;pool2d:max,2,,0;conv2d:8,3,1,same,random;relu;pool2d:max,2,,0;conv2d:4,3,1,same,random",
  size: "96",
  color: "gray",
  seed: "1",
};

const SIZES = ["48", "64", "96", "128", "192"];

/** Build the mode into `place`; `changed(texts)` is told of every change. */
export function mount(place, texts, changed) {
  return new NetworkMode(place, texts, changed);
}

class NetworkMode {
  #plans = new Asker();
  #runs = new Asker();

  constructor(place, texts, changed) {
    this.state = { ...DEFAULTS, ...texts };
    if (!SIZES.includes(this.state.size)) this.state.size = DEFAULTS.size;
    this.changed = changed;
    this.message = h("p.error.general", { role: "alert", hidden: true });
    this.list = new LayerList(readLayers(this.state.layers), () => this.#set("layers", writeLayers(this.list.layers)));
    this.source = new PictureSource(() => this.#shrink(), (text) => this.#refused(new Error(text)));
    this.source.acceptDrops(place);
    this.frame = h("div.field-of-view", { hidden: true });
    this.picture = h("div.seen", {}, this.frame);
    this.totals = h("p.hint");
    this.seen = h("p.hint", {}, "Click a pixel of a map, or walk through a map with the arrow keys, to see what it sees.");
    this.maps = h("div.outputs");
    this.copy = copyAs(() => this.asked);
    place.replaceChildren(
      this.message,
      h(
        "div.network",
        {},
        h("section.side", { "aria-label": "Layers" }, h("h2.visually-hidden", {}, "Layers"), this.#controls(), this.list.element, this.totals),
        h(
          "section.main",
          { "aria-label": "Maps" },
          h("h2.visually-hidden", {}, "Maps"),
          h("div.input-view", {}, this.picture, h("div.signals", {}, this.source.element, this.seen)),
          this.maps,
        ),
      ),
      this.copy.element,
    );
    this.source.useSample();
  }

  unmount() {
    this.#plans.stop();
    this.#runs.stop();
    this.source.stop();
  }

  #controls() {
    this.fields = [
      selectField("Picture size", this.state.size, SIZES, (value) => this.#resize("size", value), { pointer: "input_shape" }),
      selectField("Color", this.state.color, [["gray", "grey"], ["rgb", "red, green, blue"]], (value) => this.#set("color", value), { pointer: "color" }),
      textField("Seed", this.state.seed, (value) => this.#set("seed", value), { pointer: "seed" }),
    ];
    const run = h("button.primary", { type: "button", onclick: () => this.#ask() }, "Run");
    return h("div.row", {}, this.fields.map((each) => each.element), h("div.field.bottom", {}, run));
  }

  #set(name, value) {
    this.state[name] = value;
    this.changed(this.state);
    this.#ask();
  }

  #resize(name, value) {
    this.state[name] = value;
    this.changed(this.state);
    this.#shrink();
  }

  // The picture that the network sees: at most so many pixels a side.
  async #shrink() {
    const { image, file } = this.source;
    if (!image?.naturalWidth) {
      this.#refused(new Error(`${file.name} cannot be shown by this browser; choose a PNG, JPEG or WebP here`));
      return;
    }
    const scale = Math.min(1, Number(this.state.size) / Math.max(image.naturalWidth, image.naturalHeight));
    const canvas = h("canvas", {
      width: Math.max(1, Math.round(image.naturalWidth * scale)),
      height: Math.max(1, Math.round(image.naturalHeight * scale)),
      role: "img",
      "aria-label": "The picture as the network sees it",
    });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
    const bytes = new Uint8Array(await blob.arrayBuffer());
    this.pixels = { canvas, blob, base64: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")) };
    this.picture.replaceChildren(canvas, this.frame);
    this.#ask();
  }

  get #inputShape() {
    const { width, height } = this.pixels.canvas;
    return [this.state.color === "rgb" ? 3 : 1, height, width];
  }

  #ask() {
    if (!this.pixels) return;
    if (!/^\d+$/.test(this.state.seed.trim())) {
      this.#refused(Object.assign(new Error(`the seed is "${this.state.seed}"; it must be a whole number such as 1`), { errors: [] }));
      return;
    }
    const layers = this.list.layers.map(planned);
    const input = this.#inputShape;
    this.#runs.stop();
    this.#plans.ask((signal) => post("v1/networks/plan", { input_shape: input, layers }, { signal }), {
      answered: (plan) => this.#planned({ plan, layers, input }),
      refused: (problem) => this.#refused(problem),
    });
  }

  get #places() {
    return [this.list, ...this.fields];
  }

  #planned(asked) {
    const { plan, input } = asked;
    showProblem(null, this.#places, this.message);
    this.list.describe(plan);
    const { total_parameters: parameters, total_macs: macs, output_shape: output } = plan;
    this.totals.textContent = `${shape(input)} becomes ${shape(output)}. ${parameters.toLocaleString("en")} parameters, ${macs.toLocaleString("en")} multiply-accumulates.`;
    announce(`Output ${output.join(" by ")}, ${parameters} parameters`);
    // What the plan's limit refuses is refused by the service: no weights are made for it.
    if (plan.accepted) this.#run(asked);
    else this.#refused(new Error(`This network is beyond a limit of the service: ${plan.refused_by}. Make a layer smaller, or take one away.`));
  }

  #run(asked) {
    const { plan, input } = asked;
    const { blob } = this.pixels;
    const question = async (signal) => {
      const random = new Random(Number(this.state.seed) || 0);
      const layers = [];
      for (const [i, layer] of this.list.layers.entries()) {
        const incoming = i ? plan.layers[i - 1].output_shape : input;
        layers.push(await weighted(layer, i, incoming, random, signal));
      }
      const fields = { layers, return: "all", encoding: "base64", color: this.state.color };
      const file = new File([blob], "picture.png", { type: "image/png" });
      return { fields, answer: await (await send("v1/networks", fields, { signal, file })).json() };
    };
    this.#runs.ask(question, {
      delay: 120,
      answered: ({ fields, answer }) => this.#ran(asked, fields, answer),
      refused: (problem) => this.#refused(problem),
    });
  }

  #ran(asked, fields, answer) {
    this.maps.classList.remove("stale");
    this.shown = asked; // what was asked since is not what the maps show
    const { layers, color } = fields;
    const picture = { name: "picture.png", base64: this.pixels.base64 };
    this.asked = { path: "v1/networks", fields: { layers, color }, plan: asked.plan, picture, accept: "application/json" };
    const strips = answer.layers.map((layer, index) => {
      const strip = new MapStrip(index, layer.type, readPacked(layer.output), (at, value) => this.#look(index, at, value));
      return strip.element;
    });
    this.maps.replaceChildren(...strips);
    this.frame.hidden = true;
    this.copy.refresh();
  }

  #refused(problem) {
    showProblem(problem, this.#places, this.message);
    this.maps.classList.add("stale");
  }

  // What a position sees of the picture; a feature sees what the position does that it was before it was flattened.
  #look(index, at, value) {
    const { plan, layers, input } = this.shown;
    const flat = plan.layers[index].jump === null;
    const stood = flat ? unflattened(layers, plan.layers, input, index, at[1]) : [index, at];
    const spans = stood && seen(layers, plan.layers, input, ...stood);
    this.frame.hidden = !spans;
    if (spans) {
      const [[top, bottom], [left, right]] = spans;
      const part = (cells, length) => `${(100 * cells) / length}%`;
      this.frame.style.top = part(top, input[1]);
      this.frame.style.left = part(left, input[2]);
      this.frame.style.bottom = part(input[1] - 1 - bottom, input[1]);
      this.frame.style.right = part(input[2] - 1 - right, input[2]);
    }
    const place = flat ? `feature ${at[1]}` : `position (${at.join(", ")})`;
    this.seen.textContent = `Layer ${index + 1}, ${place}: ${short(value)}. ${stood ? told(spans) : "It is made from all features."}`;
    announce(this.seen.textContent);
  }
}

function told(spans) {
  if (!spans) return "It sees nothing but padding.";
  const [rows, columns] = spans.map(([from, to], axis) => {
    const word = ["row", "column"][axis];
    return from === to ? `${word} ${from}` : `${word}s ${from} to ${to}`;
  });
  return `It sees ${rows}, ${columns} of the picture.`;
}
