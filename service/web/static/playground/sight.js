// What a position of a layer sees of the picture: from layer to layer back, in the plan's words. The plan's jump and
// start say how far windows are apart and where the first one begins; what lies beyond a layer's input is padding.

/**
 * Return the first and last picture cell that a position depends on, an axis: `[[top, bottom], [left, right]]`; null
 * where it sees nothing but padding. `layers` are the request's, `plans` the plan's, `input` the picture's shape.
 */
export function seen(layers, plans, input, index, at) {
  const shapes = [input, ...plans.map((plan) => plan.output_shape)];
  let spans = at.map((position) => [position, position]);
  for (let i = index; i >= 0; i--) {
    spans = spans.map((span, axis) => within(before(span, axis, layers[i], plans[i], plans[i - 1]), shapes[i][axis + 1]));
    if (spans.some((span) => !span)) return null;
  }
  return spans;
}

/** The layer, and the position there, that a feature which was flattened stands for; null where a layer weighed all. */
export function unflattened(layers, plans, input, index, feature) {
  const flat = layers.findIndex(({ type }) => type === "flatten");
  if (layers.slice(flat, index + 1).some(({ type }) => type === "linear" || type === "softmax")) return null;
  const [, rows, columns] = flat ? plans[flat - 1].output_shape : input;
  return [flat - 1, [Math.floor(feature / columns) % rows, feature % columns]];
}

// The positions of a layer's input that some of its output read.
function before([from, to], axis, { type, kernel_size: size }, plan, last) {
  if (!size) return [from, to];
  const taps = size[axis] ?? size[0] ?? size;
  const [jump, start] = [last?.jump[axis] ?? 1, last?.start[axis] ?? 0];
  if (type === "conv_transpose2d") {
    // An output q reads all i with q + b = i·s + t for a tap t.
    const stride = Math.round(jump / plan.jump[axis]);
    const cut = Math.round((plan.start[axis] - start) / plan.jump[axis] + (taps - 1) / 2);
    return [Math.ceil((from + cut - taps + 1) / stride), Math.floor((to + cut) / stride)];
  }
  const stride = Math.round(plan.jump[axis] / jump);
  const pad = Math.round((taps - 1) / 2 - (plan.start[axis] - start) / jump);
  return [from * stride - pad, to * stride - pad + taps - 1];
}

function within([from, to], length) {
  const span = [Math.max(0, from), Math.min(length - 1, to)];
  return span[0] <= span[1] ? span : null;
}
