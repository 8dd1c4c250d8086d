// The same computation with NumPy alone, without the service: padding as the plan resolved it, then the definition.

import { array, python } from "./literals.js";
import { network } from "./network_numpy.js";
import { gradients } from "./numpy_gradients.js";

const MODES = { reflect: "reflect", symmetric: "symmetric", replicate: "edge", circular: "wrap" };

export function write({ path, fields, plan, picture }) {
  if (fields.output_gradient) return gradients({ path, fields, plan });
  if (fields.layers) return network({ fields, picture });
  const name = path.split("/").pop();
  if (name === "conv1d") return signal(fields, plan);
  if (name === "conv_transpose2d") return transposed(fields, plan);
  if (name === "pool2d") return pool(fields, plan);
  if (picture) return picture.unlike ? instead(picture) : filtered(fields, plan, picture);
  return conv2d(fields, plan);
}

/** Return the line that pads `x` on its last two axes as a plan says. */
export function padded(plan, value, axes = "") {
  const mode = MODES[plan.padding_mode];
  const how = mode ? `mode="${mode}"` : `constant_values=${value ?? 0}`;
  return `x = np.pad(x, [${axes}${plan.padding.map((pair) => `(${pair})`).join(", ")}], ${how})`;
}

const WINDOWS = `(dh, dw), (sh, sw) = dilation, stride
windows = np.lib.stride_tricks.sliding_window_view(x, (dh * (kh - 1) + 1, dw * (kw - 1) + 1), axis=(-2, -1))
windows = windows[..., ::sh, ::sw, ::dh, ::dw]`;

const geometry = (plan) => `stride, dilation = (${plan.stride}), (${plan.dilation})`;

const flip = (plan) => (plan.operation === "convolution" ? "\nk = k[::-1, ::-1]  # a convolution flips the kernel" : "");

const bias = (fields) => (fields.bias === undefined ? "" : ` + ${python(fields.bias)}`);

function conv2d(fields, plan) {
  return `import numpy as np

x = ${array(fields.input)}
k = ${array(fields.kernel)}${flip(plan)}
${geometry(plan)}
${padded(plan, fields.padding_value)}

kh, kw = k.shape
${WINDOWS}
print((np.einsum("ijkl,kl->ij", windows, k)${bias(fields)}).tolist())
`;
}

/** Where a program would read another picture than the service did: that, in words and in place of a program. */
export const instead = ({ unlike }) => `# ${unlike}\n# The curl and Python programs send it to the service as it is.\n`;

// The Pillow mode of a plan's channels.
const modeOf = ({ input_shape: shape }) => (shape.length === 3 && shape[0] === 3 ? "RGB" : "L");

/** Lines that open a picture as the service does: upright as its EXIF says, alpha set aside. */
export function opened(picture, plan) {
  const file = picture.url ? `urlopen(${JSON.stringify(picture.url)})` : JSON.stringify(picture.name);
  return `x = ImageOps.exif_transpose(Image.open(${file})).convert("${modeOf(plan)}")  # upright, without alpha`;
}

function filtered(fields, plan, picture) {
  return `${picture.url ? "from urllib.request import urlopen\n\n" : ""}import numpy as np
from PIL import Image, ImageOps

${opened(picture, plan)}
x = np.asarray(x, dtype=np.float64)
x = np.atleast_3d(x).transpose(2, 0, 1)  # channels first
k = ${array(picture.kernel)}${flip(plan)}
${geometry(plan)}
${padded(plan, fields.padding_value, "(0, 0), ")}

kh, kw = k.shape
${WINDOWS}
maps = np.einsum("cijkl,kl->cij", windows, k)
${saved(fields.range ?? "clip")}`;
}

/** Return how `maps`, an array (C, H, W), becomes a picture. */
export const saved = (range) => `${RANGES[range]}
pixels = np.rint(maps).clip(0, 255).astype(np.uint8)
Image.fromarray(pixels.transpose(1, 2, 0).squeeze()).save("result.png")
`;

const RANGES = {
  clip: "# clip: values below 0 are black, above 255 white",
  absolute: "maps = np.abs(maps)",
  offset: "maps = maps + 128",
  normalize:
    "low, high = maps.min(axis=(1, 2), keepdims=True), maps.max(axis=(1, 2), keepdims=True)\n" +
    "maps = 255 * (maps - low) / np.where(high > low, high - low, 1)",
};

function signal(fields, plan) {
  const [[before, after]] = plan.padding;
  const spacing = fields.sample_spacing === undefined ? "" : `${fields.sample_spacing} * `;
  return `import numpy as np

x = np.pad(np.array(${python(fields.input)}, dtype=np.float64), (${before}, ${after}))
h = np.array(${python(fields.kernel)}, dtype=np.float64)${plan.operation === "convolution" ? "[::-1]  # folded" : ""}
windows = np.lib.stride_tricks.sliding_window_view(x, len(h))[::${plan.stride[0]}]
print((${spacing}(windows * h).sum(axis=-1)).tolist())
`;
}

function transposed(fields, plan) {
  const [[top, bottom], [left, right]] = plan.padding;
  const [rows, columns] = plan.output_shape;
  return `import numpy as np

x = ${array(fields.input)}
k = ${array(fields.kernel)}
(sh, sw), (dh, dw) = (${plan.stride}), (${plan.dilation})

# Every input cell spreads over the output through the kernel; padding then takes cells off the rim.
y = np.zeros((${rows + top + bottom}, ${columns + left + right}))
for (i, j), value in np.ndenumerate(x):
    for (a, b), weight in np.ndenumerate(k):
        y[i * sh + a * dh, j * sw + b * dw] += value * weight
y = y[${top}:${rows + top}, ${left}:${columns + left}]
print((y${bias(fields)}).tolist())
`;
}

const REDUCERS = {
  max: "windows.max(axis=(-2, -1))",
  min: "windows.min(axis=(-2, -1))",
  average: "np.nanmean(windows, axis=(-2, -1))",
  lp: null,
};

function pool(fields, plan) {
  const reduce = REDUCERS[plan.kind] ?? `((np.abs(windows) ** ${plan.p}).sum(axis=(-2, -1)) ** (1 / ${plan.p}))`;
  if (plan.output_size) return adaptive(fields, plan, reduce);
  const rim = { max: "-np.inf", min: "np.inf", lp: "0", average: plan.count_include_pad ? "0" : "np.nan" }[plan.kind];
  const over = plan.overhang ?? [0, 0];
  const past = { max: "-np.inf", min: "np.inf", lp: "0", average: "np.nan" }[plan.kind];
  const overhang = over.some(Boolean)
    ? `\nx = np.pad(x, [(0, ${over[0]}), (0, ${over[1]})], constant_values=${past})  # ceil mode: the last windows overhang`
    : "";
  return `import numpy as np

x = ${array(fields.input)}
${geometry(plan)}
x = np.pad(x, [${plan.padding.map((pair) => `(${pair})`).join(", ")}], constant_values=${rim})${overhang}

kh, kw = ${plan.kernel_size}
${WINDOWS}
print(${reduce}.tolist())
`;
}

function adaptive(fields, plan, reduce) {
  return `import numpy as np

x = ${array(fields.input)}
(H, W), (oh, ow) = x.shape, (${plan.output_size})

def pooled(windows):
    return ${reduce}

print([
    [float(pooled(x[i * H // oh : -(-(i + 1) * H // oh), j * W // ow : -(-(j + 1) * W // ow)])) for j in range(ow)]
    for i in range(oh)
])
`;
}
