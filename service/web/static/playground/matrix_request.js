// The matrix mode's state, and the request that it spells.

import { block, number, option, unblock } from "./numbers.js";
import { EDGE, RAMP } from "./presets.js";

/** What the mode opens with, as texts: also what a link leaves out. */
export const DEFAULTS = {
  op: "conv",
  input: unblock(RAMP),
  kernel: unblock(EDGE),
  bias: "",
  stride: "1",
  padding: "0",
  dilation: "1",
  border: "zeros",
  border_value: "0",
  operation: "cross_correlation",
  output_padding: "0",
  kind: "max",
  kernel_size: "2",
  output_size: "",
  pool_stride: "",
  ceil_mode: "false",
  count_include_pad: "true",
  p: "2",
  gradient: "",
  learning_rate: "0.01",
};

const PATHS = { conv: "v1/conv2d", transpose: "v1/conv_transpose2d", pool: "v1/pool2d" };

/** The request of a state of texts: `{path, fields}`, with what equals the API's own default left out. */
export function requestOf(state) {
  const fields = { input: block(state.input).map((row) => row.map(number)) };
  const tell = (name, value, standard) => {
    if (value !== standard && value !== "") fields[name] = value;
  };
  if (state.op === "pool") {
    tell("kind", state.kind, "max");
    if (state.output_size.trim()) fields.output_size = option(state.output_size);
    else fields.kernel_size = option(state.kernel_size);
    tell("stride", option(state.pool_stride), "");
  } else {
    fields.kernel = block(state.kernel).map((row) => row.map(number));
    tell("bias", number(state.bias), "");
    tell("stride", option(state.stride), 1);
  }
  tell("padding", option(state.padding), 0);
  tell("dilation", option(state.dilation), 1);
  if (state.op === "conv") {
    tell("padding_mode", state.border, "zeros");
    if (state.border === "constant") tell("padding_value", number(state.border_value), 0);
    tell("operation", state.operation, "cross_correlation");
  } else if (state.op === "transpose") {
    tell("output_padding", option(state.output_padding), 0);
  } else {
    tell("ceil_mode", state.ceil_mode === "true", false);
    if (state.kind === "average") tell("count_include_pad", state.count_include_pad === "true", true);
    if (state.kind === "lp") tell("p", number(state.p), 2);
  }
  return { path: PATHS[state.op], fields };
}
