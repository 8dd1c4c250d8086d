// The matrix mode's controls: each bears the name that people look for and knows the request's field it fills.

import { h } from "./dom.js";
import { checkField, segments, selectField, textField } from "./fields.js";

const PADDINGS = ["0", "1", "2", "valid", "same", "same_lower", "full"];
const BORDERS = [
  ["zeros", "zeros 0 0|1 2 3"],
  ["constant", "constant v v|1 2 3"],
  ["reflect", "reflect 3 2|1 2 3"],
  ["symmetric", "symmetric 2 1|1 2 3"],
  ["replicate", "replicate 1 1|1 2 3"],
  ["circular", "circular 2 3|1 2 3"],
];
const OPERATIONS = [
  ["cross_correlation", "cross-correlation"],
  ["convolution", "convolution (kernel flipped)"],
];
const KINDS = ["max", "average", "min", "lp"];

/**
 * Make the controls of a state: `set(name, text)` on every change, `refield()` where other controls are wanted,
 * `rebuild()` where other grids are.
 */
export function matrixOptions(state, { set, refield, rebuild }) {
  const text = (label, name, pointer, more = {}) =>
    textField(label, state[name], (value) => set(name, value), { pointer, ...more });
  const turn = (name) => (value) => {
    set(name, value);
    refield();
  };
  const kind = segments(
    "Layer",
    state.op,
    [
      ["conv", "Convolution"],
      ["pool", "Pooling"],
      ["transpose", "Transposed"],
    ],
    (op) => {
      set("op", op);
      rebuild();
    },
  );
  const made = BUILDERS[state.op]({ state, set, text, turn });
  return { places: made, elements: [kind.element, h("div.row", {}, made.map((each) => each.element))] };
}

const BUILDERS = {
  conv: ({ state, set, text, turn }) => [
    text("Stride", "stride", "stride"),
    text("Padding", "padding", "padding", { suggestions: PADDINGS }),
    text("Dilation", "dilation", "dilation"),
    text("Bias", "bias", "bias", { placeholder: "none" }),
    selectField("Border", state.border, BORDERS, turn("border"), { pointer: "padding_mode", wide: true }),
    ...(state.border === "constant" ? [text("Fill value", "border_value", "padding_value")] : []),
    selectField("Operation", state.operation, OPERATIONS, (value) => set("operation", value), {
      pointer: "operation",
      wide: true,
    }),
  ],
  transpose: ({ text }) => [
    text("Stride", "stride", "stride"),
    text("Padding", "padding", "padding", { suggestions: PADDINGS.slice(0, 3) }),
    text("Dilation", "dilation", "dilation"),
    text("Output padding", "output_padding", "output_padding"),
    text("Bias", "bias", "bias", { placeholder: "none" }),
  ],
  pool: ({ state, set, text, turn }) => [
    selectField("Kind", state.kind, KINDS, turn("kind"), { pointer: "kind" }),
    text("Window", "kernel_size", "kernel_size"),
    text("Stride", "pool_stride", "stride", { placeholder: "window" }),
    text("Padding", "padding", "padding", { suggestions: PADDINGS }),
    text("Dilation", "dilation", "dilation"),
    text("Output size", "output_size", "output_size", { placeholder: "by window" }),
    checkField("Ceil mode", state.ceil_mode === "true", (value) => set("ceil_mode", String(value)), { pointer: "ceil_mode" }),
    ...(state.kind === "average"
      ? [
          checkField(
            "Count padding",
            state.count_include_pad === "true",
            (value) => set("count_include_pad", String(value)),
            { pointer: "count_include_pad" },
          ),
        ]
      : []),
    ...(state.kind === "lp" ? [text("p", "p", "p")] : []),
  ],
};
