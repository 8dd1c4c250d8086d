// The same computation with PyTorch: padding as the plan resolved it, for PyTorch has neither `same` with a stride nor
// every border. The backward pass is the forward one and what autograd makes of it.

import { laid, python } from "./literals.js";
import { network } from "./network_pytorch.js";
import { instead, opened, saved, write as numpy } from "./numpy.js";

const MODES = { reflect: "reflect", symmetric: "symmetric", replicate: "edge", circular: "wrap" };
const HEAD = "import torch\nimport torch.nn.functional as F\n\n";

const tensor = (rows) => `torch.tensor(${laid(rows, "")}, dtype=torch.float64)`;

export function write(asked) {
  const { path, fields, plan, picture } = asked;
  if (fields.layers) return network(asked);
  if (path.includes("conv1d")) return signal(fields, plan);
  if (picture) return filtered(asked);
  if (plan.kind === "lp" && plan.output_size) return `# PyTorch has no adaptive Lp pool; NumPy:\n${numpy(asked)}`;
  const compute = path.includes("pool") ? pool(plan) : path.includes("transpose") ? transposed(plan) : conv2d(fields, plan);
  return fields.output_gradient ? backward(fields, plan, compute) : forward(fields, plan, compute);
}

// The steps of `compute` make the map `y` of `x` and `k`.
function forward(fields, plan, compute) {
  return `${imports(plan)}x = ${tensor(fields.input)}
${fields.kernel ? `k = ${tensor(fields.kernel)}\n` : ""}${compute}
print(${fields.bias === undefined ? "y" : `(y + ${python(fields.bias)})`}.tolist())
`;
}

function backward(fields, plan, compute) {
  const { bias, learning_rate: rate } = fields;
  const weights = [...(fields.kernel ? [["kernel", "k"]] : []), ...(bias === undefined ? [] : [["bias", "b"]])];
  const leaf = (value) => value.replace(/\)$/, ", requires_grad=True)");
  const given = [
    `x = ${leaf(tensor(fields.input))}`,
    ...(fields.kernel ? [`k = ${leaf(tensor(fields.kernel))}`] : []),
    ...(bias === undefined ? [] : [`b = torch.tensor(${python(bias)}, dtype=torch.float64, requires_grad=True)`]),
  ];
  const named = [["input", "x"], ...weights].map(([name, symbol]) => `"${name}": ${symbol}`);
  const updated = weights.map(
    ([name]) => `print("updated_${name}", (given["${name}"] - ${python(rate)} * given["${name}"].grad).tolist())\n`,
  );
  return `${imports(plan)}${given.join("\n")}
given = {${named.join(", ")}}
${compute}
${bias === undefined ? "y" : "(y + b)"}.backward(${tensor(fields.output_gradient)})
for name, value in given.items():
    print(f"{name}_gradient", value.grad.tolist())
${updated.join("")}`;
}

const geometry = (plan) => `stride=(${plan.stride}), dilation=(${plan.dilation})`;

const flip = (plan) => (plan.operation === "convolution" ? "k = k.flip(0, 1)  # PyTorch correlates: flip the kernel\n" : "");

/** Return how `x` (…, H, W) is padded: zeros and constants by F.pad, the other borders by the cells they name. */
function padding(plan, value = 0) {
  const [[top, bottom], [left, right]] = plan.padding;
  const mode = MODES[plan.padding_mode];
  if (!mode) return `x = F.pad(x, (${left}, ${right}, ${top}, ${bottom}), value=${value})`;
  return `rows = np.pad(np.arange(x.shape[-2]), (${top}, ${bottom}), mode="${mode}")
columns = np.pad(np.arange(x.shape[-1]), (${left}, ${right}), mode="${mode}")
x = x[..., rows, :][..., columns]`;
}

const imports = (plan) => (MODES[plan.padding_mode] ? `import numpy as np\n${HEAD}` : HEAD);

function conv2d(fields, plan) {
  return `${flip(plan)}${padding(plan, fields.padding_value)}
y = F.conv2d(x[None, None], k[None, None], ${geometry(plan)})[0, 0]`;
}

function filtered({ fields, plan, picture }) {
  if (picture.unlike) return instead(picture);
  return `import numpy as np
${picture.url ? "from urllib.request import urlopen\n" : ""}from PIL import Image, ImageOps
${HEAD}${opened(picture, plan)}
x = torch.from_numpy(np.atleast_3d(x).transpose(2, 0, 1).astype("float64"))
k = ${tensor(picture.kernel)}
${flip(plan)}${padding(plan, fields.padding_value)}
y = F.conv2d(x[:, None], k[None, None], ${geometry(plan)})[:, 0]  # each channel on its own
maps = y.numpy()
${saved(fields.range ?? "clip")}`;
}

function signal(fields, plan) {
  const [[before, after]] = plan.padding;
  const spacing = fields.sample_spacing === undefined ? "" : `${fields.sample_spacing} * `;
  const fold = plan.operation === "convolution" ? ".flip(0)  # folded" : "";
  return `${HEAD}x = F.pad(torch.tensor(${python(fields.input)}, dtype=torch.float64), (${before}, ${after}))
h = torch.tensor(${python(fields.kernel)}, dtype=torch.float64)${fold}
y = ${spacing}F.conv1d(x[None, None], h[None, None], stride=${plan.stride[0]})[0, 0]
print(y.tolist())
`;
}

function transposed(plan) {
  const [[top, bottom], [left, right]] = plan.padding;
  const [extraRows, extraColumns] = plan.output_padding;
  const even = top === bottom && left === right;
  const call = (more) => `F.conv_transpose2d(x[None, None], k[None, None], ${geometry(plan)}${more})[0, 0]`;
  const extra = `, output_padding=(${extraRows}, ${extraColumns})`;
  if (even) return `y = ${call(`, padding=(${top}, ${left})${extra}`)}`;
  return `y = ${call(extra)}\ny = y[${top}:${top + plan.output_shape[0]}, ${left}:${left + plan.output_shape[1]}]`;
}

function pool(plan) {
  if (plan.output_size) return adaptive(plan);
  const [[top, bottom], [left, right]] = plan.padding;
  const [overRows, overColumns] = plan.overhang ?? [0, 0];
  const rim = `(${left}, ${right + overColumns}, ${top}, ${bottom + overRows})`;
  if (plan.kind === "max" || plan.kind === "min") {
    const sign = plan.kind === "min" ? "-" : "";
    return `x = F.pad(${sign}x[None, None], ${rim}, value=float("-inf"))
y = ${sign}F.max_pool2d(x, (${plan.kernel_size}), ${geometry(plan)})[0, 0]`;
  }
  const ones = `ones = torch.ones(1, 1, ${plan.kernel_size}, dtype=torch.float64)`;
  const sum = (what) => `F.conv2d(${what}, ones, ${geometry(plan)})`;
  if (plan.kind === "lp") {
    return `x = x[None, None]
${ones}
y = ${sum(`F.pad(x, ${rim}).abs() ** ${plan.p}`)}[0, 0]
y = torch.where(y > 0, y, 1) ** (1 / ${plan.p}) * (y > 0)  # a root has no slope at zero: such windows get none`;
  }
  const declared = `(${left}, ${right}, ${top}, ${bottom})`;
  const counted = plan.count_include_pad ? `F.pad(torch.ones_like(x), ${declared}, value=1)` : `F.pad(torch.ones_like(x), ${declared})`;
  return `x = x[None, None]
${ones}
counted = F.pad(${counted}, (0, ${overColumns}, 0, ${overRows}))  # which cells the divisor counts
y = (${sum(`F.pad(x, ${rim})`)} / ${sum("counted")})[0, 0]`;
}

function adaptive({ kind, output_size: size }) {
  const sign = kind === "min" ? "-" : "";
  const name = kind === "average" ? "adaptive_avg_pool2d" : "adaptive_max_pool2d";
  return `y = ${sign}F.${name}(${sign}x[None, None], (${size}))[0, 0]`;
}
