// Picture mode: a kernel over a picture, the result beside it.

import { post, send } from "../api.js";
import { Asker } from "../asking.js";
import { Compare } from "../compare.js";
import { copyAs } from "../copy_as.js";
import { announce, h, release, save } from "../dom.js";
import { selectField, showProblem, textField } from "../fields.js";
import { KernelPicker } from "../kernel_picker.js";
import { mapCanvas } from "../map_canvas.js";
import { readNpy } from "../npy.js";
import { extent, option, short } from "../numbers.js";
import { isCmyk, pngDepth } from "../picture_kind.js";
import { PictureSource } from "../picture_source.js";

export const DEFAULTS = {
  kernel: "sobel_x",
  parameters: "",
  values: "",
  stride: "1",
  padding: "same",
  dilation: "1",
  border: "reflect",
  operation: "cross_correlation",
  color: "gray",
  range: "absolute",
};

const CHANNELS = { 1: ["Grey"], 3: ["Red", "Green", "Blue"] };
const PATH = "v1/conv2d";

/** Build the mode into `place`; `changed(texts)` is told of every change. */
export function mount(place, texts, changed) {
  return new PictureMode(place, texts, changed);
}

class PictureMode {
  #asker = new Asker();
  #maps = new Asker();

  constructor(place, texts, changed) {
    this.state = { ...DEFAULTS, ...texts };
    this.changed = changed;
    this.message = h("p.error.general", { role: "alert", hidden: true });
    this.compare = new Compare();
    this.summary = h("p.hint");
    this.source = new PictureSource(() => this.#loaded(), (text) => this.#refused(new Error(text)));
    this.source.acceptDrops(place);
    this.kernel = new KernelPicker(
      this.state,
      () => this.#ask(),
      (problem) => this.#refused(problem),
    );
    this.copy = copyAs(() => this.#snippetSource());
    this.channels = h("div.maps");
    this.panel = h(
      "details.panel",
      { ontoggle: () => this.#askMaps() },
      h("summary", {}, "Channel maps", h("span.aside", {}, "the numbers before they become pixels")),
      this.channels,
    );
    place.replaceChildren(this.message, h("div.studio", {}, this.#stage(), this.#controls()), this.panel, this.copy.element);
    this.source.useSample();
    this.kernel.start().catch((problem) => this.#refused(problem));
  }

  unmount() {
    this.#asker.stop();
    this.#maps.stop();
    this.kernel.stop();
    this.source.stop();
    release(this.url);
  }

  #stage() {
    const download = (words, act) => h("button", { type: "button", onclick: act }, words);
    return h(
      "div.stage",
      {},
      this.compare.element,
      this.source.element,
      h(
        "div.bar",
        {},
        this.summary,
        h("span.spring"),
        download("Download PNG", () => this.png && save(this.png, "result.png")),
        download("Download .npy", () => this.#downloadNpy()),
      ),
    );
  }

  #controls() {
    const { state } = this;
    const select = (label, name, options, pointer) =>
      selectField(label, state[name], options, (value) => this.#set(name, value), { pointer });
    const text = (label, name) => textField(label, state[name], (value) => this.#set(name, value), { pointer: name });
    this.range = select("Range", "range", [["clip", "clip to 0…255"], ["absolute", "absolute"], ["normalize", "normalize"], ["offset", "offset +128"]], "range");
    this.fields = [
      this.range,
      select("Color", "color", [["gray", "grey"], ["rgb", "red, green, blue"], ["auto", "as it is"]], "color"),
      text("Stride", "stride"),
      text("Padding", "padding"),
      text("Dilation", "dilation"),
      select("Border", "border", ["zeros", "reflect", "symmetric", "replicate", "circular"], "padding_mode"),
      select("Operation", "operation", [["cross_correlation", "cross-correlation"], ["convolution", "convolution"]], "operation"),
    ];
    const pairs = h("div.pairs", {}, this.fields.map((each) => each.element));
    return h("div.controls", {}, this.kernel.element, pairs);
  }

  #set(name, value) {
    this.state[name] = value;
    this.#ask();
  }

  #loaded() {
    this.compare.before.src = this.source.url;
    this.#ask();
  }

  get #fieldsAsked() {
    const { state } = this;
    const fields = { kernel: this.kernel.asked };
    const tell = (name, value, standard) => {
      if (value !== standard) fields[name] = value;
    };
    tell("stride", option(state.stride), 1);
    tell("padding", option(state.padding), 0);
    tell("dilation", option(state.dilation), 1);
    tell("padding_mode", state.border, "zeros");
    tell("operation", state.operation, "cross_correlation");
    tell("color", state.color, "auto");
    tell("range", state.range, "clip");
    return fields;
  }

  #ask() {
    if (!this.kernel.matrix || !this.source.file) return;
    this.#suggestRange();
    this.changed(this.#told);
    const [fields, file, matrix] = [this.#fieldsAsked, this.source.file, this.kernel.matrix];
    const asked = { fields, file, picture: { ...this.source.described, kernel: matrix } };
    this.#asker.ask(
      async (signal) => {
        const response = await send(PATH, fields, { signal, file, accept: "image/png" });
        return { blob: await response.blob(), shape: response.headers.get("X-Output-Shape").split(",").map(Number) };
      },
      {
        delay: 30,
        answered: (answer) => this.#answered(asked, answer),
        refused: (problem) => {
          this.asked = null;
          this.#refused(problem);
          this.copy.refresh();
        },
      },
    );
  }

  // A kernel that sums to nothing answers below zero as often as above: with "clip" half of it would be black. One whose
  // weights are many and large answers far beyond 255.
  #suggestRange() {
    if (this.suggestedFor === this.state.kernel) return;
    const first = this.suggestedFor === undefined;
    this.suggestedFor = this.state.kernel;
    if (first || this.state.kernel === "own") return;
    const weights = this.kernel.matrix.flat();
    const sum = weights.reduce((total, value) => total + value, 0);
    const reach = weights.reduce((total, value) => total + Math.abs(value), 0);
    this.state.range = Math.abs(sum) < 1e-6 ? "absolute" : reach > 12 ? "normalize" : "clip";
    this.range.control.value = this.state.range;
  }

  // The numbers belong to the link only where they are the person's own.
  get #told() {
    const own = this.state.kernel === "own";
    return { ...this.state, values: own ? this.state.values : "" };
  }

  #answered(asked, { blob, shape }) {
    showProblem(null, [...this.fields, this.kernel], this.message);
    this.asked = asked;
    this.png = blob;
    release(this.url);
    this.url = URL.createObjectURL(blob);
    this.compare.after.src = this.url;
    this.compare.element.classList.remove("stale");
    this.shape = shape;
    const said = `Feature map ${shape.join(" × ")}, ${Math.round(blob.size / 1024)} kB as PNG`;
    this.summary.textContent = said;
    announce(said);
    this.copy.refresh();
    this.#askMaps();
  }

  #refused(problem) {
    showProblem(problem, [...this.fields, this.kernel], this.message);
    this.compare.element.classList.add("stale");
  }

  async #downloadNpy() {
    try {
      const response = await send(PATH, this.#fieldsAsked, { file: this.source.file, accept: "application/x-npy" });
      save(await response.blob(), "result.npy");
    } catch (problem) {
      this.#refused(problem);
    }
  }

  #askMaps() {
    if (!this.panel.open || !this.png) return;
    const [fields, file] = [this.#fieldsAsked, this.source.file];
    const question = async (signal) => {
      const response = await send(PATH, fields, { signal, file, accept: "application/x-npy" });
      return readNpy(await response.arrayBuffer());
    };
    this.#maps.ask(question, { answered: (maps) => this.#showMaps(maps), refused: (problem) => this.#refused(problem) });
  }

  #showMaps({ shape, data }) {
    const [rows, columns] = shape.slice(-2);
    const count = data.length / (rows * columns);
    const [low, high] = extent(data);
    const bound = Math.max(Math.abs(low), Math.abs(high));
    const figures = Array.from({ length: count }, (_, i) => {
      const plane = data.subarray(i * rows * columns, (i + 1) * rows * columns);
      const [least, most] = extent(plane);
      const name = (CHANNELS[count] ?? [])[i] ?? `Map ${i}`;
      const words = `${name}, ${short(least)} to ${short(most)}`;
      return h("figure.map", {}, mapCanvas(plane, rows, columns, bound, `${words}`), h("figcaption", {}, words));
    });
    this.channels.replaceChildren(...figures);
  }

  #snippetSource() {
    const { asked } = this;
    if (!asked) return null;
    if (!asked.plan && !asked.picture.unlike) {
      this.#describe(asked);
      return null;
    }
    return { path: PATH, fields: asked.fields, plan: asked.plan, picture: asked.picture, accept: "image/png" };
  }

  // What programs need: the padding in numbers, and where Pillow would read another picture than the service did.
  async #describe(asked) {
    const { naturalHeight, naturalWidth } = this.source.image;
    const [bytes, result] = await Promise.all([asked.file, this.png].map(async (file) => new Uint8Array(await file.arrayBuffer())));
    asked.picture.unlike = unlike(bytes, result, naturalWidth);
    const channels = this.shape.length === 3 ? [this.shape[0]] : [];
    const { color, range, kernel, ...options } = asked.fields;
    const fields = { ...options, kernel: asked.picture.kernel, input_shape: [...channels, naturalHeight, naturalWidth] };
    try {
      if (!asked.picture.unlike) asked.plan = (await post(`${PATH}/plan`, fields)).plan;
      if (asked === this.asked) this.copy.refresh();
    } catch (problem) {
      if (asked === this.asked) this.#refused(problem);
    }
  }
}

function unlike(bytes, result, width) {
  if (!width) return "This browser cannot show the picture, so its size is not known here.";
  if (pngDepth(result) === 16) return "The picture has 16 bits a sample, of which Pillow would keep 8.";
  if (isCmyk(bytes)) return "The picture is CMYK, which Pillow and the service turn into other colours.";
  return "";
}
