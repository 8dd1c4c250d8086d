// The network mode's layers: how one is written in a link, what it takes, and the weights it is run with.

import { get } from "./api.js";
import { option } from "./numbers.js";

/** What each type of layer takes: `[name, label, default]` in the order of a link. */
export const TYPES = {
  conv2d: [
    ["filters", "Filters", "8"],
    ["kernel_size", "Size", "3"],
    ["stride", "Stride", "1"],
    ["padding", "Padding", "same"],
    ["weights", "Weights", "random"],
  ],
  conv_transpose2d: [
    ["filters", "Filters", "8"],
    ["kernel_size", "Size", "2"],
    ["stride", "Stride", "2"],
    ["padding", "Padding", "0"],
  ],
  pool2d: [
    ["kind", "Kind", "max"],
    ["kernel_size", "Window", "2"],
    ["stride", "Stride", ""],
    ["padding", "Padding", "0"],
  ],
  relu: [],
  leaky_relu: [["negative_slope", "Slope", "0.1"]],
  sigmoid: [],
  tanh: [],
  softmax: [],
  batch_norm: [],
  flatten: [],
  linear: [["features", "Features", "10"]],
};

/** What fields with few values offer. */
export const OFFERS = { kind: ["max", "average", "min", "lp"], weights: ["random", "gabor"] };

/** Layers as a link has them: `conv2d:8,3,1,same,gabor;relu`. */
export function readLayers(text) {
  return text
    .split(";")
    .map((part) => part.trim())
    .filter((part) => Object.hasOwn(TYPES, part.split(":")[0]))
    .map((part) => {
      const [type, values] = part.split(":");
      const given = values === undefined ? [] : parted(values);
      const fields = TYPES[type].map(([name, , standard], i) => [name, given[i] ?? standard]);
      return { type, ...Object.fromEntries(fields) };
    });
}

// At the commas that no brackets hold.
function parted(text) {
  let depth = 0;
  const parts = [""];
  for (const letter of text) {
    depth += (letter === "[") - (letter === "]");
    if (letter === "," && depth <= 0) parts.push("");
    else parts[parts.length - 1] += letter;
  }
  return parts;
}

/** The same back. */
export function writeLayers(layers) {
  return layers
    .map(({ type, ...fields }) => {
      const values = TYPES[type].map(([name]) => spelled(String(fields[name] ?? "").trim()));
      return values.length ? `${type}:${values.join(",")}` : type;
    })
    .join(";");
}

// Nested lists stand in their brackets; elsewhere commas part fields, and blanks do as well between numbers.
function spelled(text) {
  const value = option(text);
  const nested = Array.isArray(value) && /^[[\],\d.-]+$/.test(JSON.stringify(value));
  return nested && text.startsWith("[") ? JSON.stringify(value) : text.replace(/[,;:[\]]/g, " ");
}

/** A layer as `/networks/plan` takes it. */
export function planned({ type, ...fields }) {
  const told = { type };
  for (const [name] of TYPES[type]) {
    if (name === "weights" || fields[name] === "") continue;
    told[name] = name === "kind" ? fields[name] : option(fields[name]);
  }
  return told;
}

/**
 * Layer `index` as `/networks` takes it: with weights for the shape that comes in, from a plan of the layers before.
 */
export async function weighted(layer, index, shape, random, signal) {
  const { filters, features, kernel_size: size, ...told } = planned(layer);
  const channels = shape[0];
  const [rows, columns] = Array.isArray(size) ? size : [size, size];
  if (layer.type === "conv2d") {
    told.kernel =
      layer.weights === "gabor"
        ? await gabors(index, filters, channels, [rows, columns], signal)
        : random.array([filters, channels, rows, columns], channels * rows * columns);
    told.bias = Array(filters).fill(0);
  } else if (layer.type === "conv_transpose2d") {
    told.kernel = random.array([channels, filters, rows, columns], channels * rows * columns);
    told.bias = Array(filters).fill(0);
  } else if (layer.type === "linear") {
    told.weight = random.array([features, channels], channels);
    told.bias = Array(features).fill(0);
  } else if (layer.type === "batch_norm") {
    Object.assign(told, { mean: Array(channels).fill(0), variance: Array(channels).fill(1) });
    Object.assign(told, { weight: Array(channels).fill(1), bias: Array(channels).fill(0) });
  }
  if (size !== undefined && layer.type === "pool2d") told.kernel_size = size;
  return told;
}

// Filters for edges in every direction, as the first layer of a trained network has them.
async function gabors(index, count, channels, [rows, columns], signal) {
  if (rows !== columns) {
    const detail = `layer ${index} (conv2d): Gabor filters are square and this size is ${rows} × ${columns}; give one number, or choose random weights`;
    throw Object.assign(new Error(detail), { errors: [{ pointer: `/layers/${index}/kernel_size`, detail }] });
  }
  // Whole degrees: of very many filters some are alike, and each is asked for once.
  const angles = Array.from({ length: count }, (_, i) => Math.round((180 * i) / count));
  const asked = [...new Set(angles)].map(async (theta) => {
    const query = `size=${rows}&sigma=${Math.max(0.5, rows / 4)}&wavelength=${Math.max(2, rows)}&theta=${theta}&phase=90&gamma=1`;
    const { kernel } = await get(`v1/kernels/gabor?${query}`, signal);
    return [theta, kernel.map((row) => row.map((value) => Number((value / channels).toFixed(4))))];
  });
  const made = new Map(await Promise.all(asked));
  return angles.map((theta) => Array(channels).fill(made.get(theta)));
}

/** Weights that are the same for everybody who has the same seed: normal, with He's variance of 2 / inputs. */
export class Random {
  constructor(seed) {
    this.state = seed >>> 0;
  }

  // Mulberry32.
  #uniform() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  #normal() {
    return Math.sqrt(-2 * Math.log(1 - this.#uniform())) * Math.cos(2 * Math.PI * this.#uniform());
  }

  array([length, ...rest], inputs) {
    const scale = Math.sqrt(2 / inputs);
    return Array.from({ length }, () =>
      rest.length ? this.array(rest, inputs) : Number((this.#normal() * scale).toFixed(4)),
    );
  }
}
