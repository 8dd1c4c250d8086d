// The same computation with PyTorch: padding as the plan resolved it, for PyTorch has neither `same` with a stride nor
// every border.

import { laid, python } from "./literals.js";
import { network } from "./network_pytorch.js";
import { saved, write as numpy } from "./numpy.js";

const MODES = { reflect: "reflect", symmetric: "symmetric", replicate: "edge", circular: "wrap" };
const HEAD = "import torch\nimport torch.nn.functional as F\n\n";

const tensor = (rows) => `torch.tensor(${laid(rows, "")}, dtype=torch.float64)`;

export function write(asked) {
  const { path, fields, plan, picture } = asked;
  const name = path.split("/").pop();
  if (fields.layers) return network(asked);
  if (name === "conv1d") return signal(fields, plan);
  if (name === "conv_transpose2d") return transposed(fields, plan);
  if (name === "pool2d") return pool(fields, plan);
  return picture ? filtered(asked) : conv2d(fields, plan);
}

const geometry = (plan) => `stride=(${plan.stride}), dilation=(${plan.dilation})`;

const flip = (plan) => (plan.operation === "convolution" ? "\nk = k.flip(0, 1)  # PyTorch correlates: flip the kernel" : "");

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

const bias = (fields) => (fields.bias === undefined ? "" : ` + ${python(fields.bias)}`);

function conv2d(fields, plan) {
  return `${imports(plan)}x = ${tensor(fields.input)}
k = ${tensor(fields.kernel)}${flip(plan)}
${padding(plan, fields.padding_value)}
y = F.conv2d(x[None, None], k[None, None], ${geometry(plan)})[0, 0]${bias(fields)}
print(y.tolist())
`;
}

function filtered({ fields, plan, picture }) {
  const open = picture.url ? `urlopen(${JSON.stringify(picture.url)})` : JSON.stringify(picture.name);
  return `import numpy as np
${picture.url ? "from urllib.request import urlopen\n" : ""}from PIL import Image
${HEAD}x = np.asarray(Image.open(${open}).convert("${plan.input_shape.length === 3 ? "RGB" : "L"}"))
x = torch.from_numpy(np.atleast_3d(x).transpose(2, 0, 1).astype("float64"))
k = ${tensor(picture.kernel)}${flip(plan)}
${padding(plan, fields.padding_value)}
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

function transposed(fields, plan) {
  const [[top, bottom], [left, right]] = plan.padding;
  const [extraRows, extraColumns] = plan.output_padding;
  const even = top === bottom && left === right;
  const call = (more) => `F.conv_transpose2d(x[None, None], k[None, None], ${geometry(plan)}${more})[0, 0]`;
  const extra = `, output_padding=(${extraRows}, ${extraColumns})`;
  const y = even
    ? call(`, padding=(${top}, ${left})${extra}`)
    : `${call(extra)}\ny = y[${top}:${top + plan.output_shape[0]}, ${left}:${left + plan.output_shape[1]}]`;
  return `${HEAD}x = ${tensor(fields.input)}
k = ${tensor(fields.kernel)}
y = ${y}
print((y${bias(fields)}).tolist())
`;
}

function pool(fields, plan) {
  if (plan.output_size) return adaptive(fields, plan);
  const [[top, bottom], [left, right]] = plan.padding;
  const [overRows, overColumns] = plan.overhang ?? [0, 0];
  const rim = `(${left}, ${right + overColumns}, ${top}, ${bottom + overRows})`;
  const start = `${HEAD}x = ${tensor(fields.input)}[None, None]\n`;
  if (plan.kind === "max" || plan.kind === "min") {
    const [before, after] = plan.kind === "min" ? ["-", "-"] : ["", ""];
    return `${start}x = F.pad(${before}x, ${rim}, value=float("-inf"))
y = F.max_pool2d(x, (${plan.kernel_size}), ${geometry(plan)})
print((${after}y)[0, 0].tolist())
`;
  }
  const ones = `ones = torch.ones(1, 1, ${plan.kernel_size}, dtype=torch.float64)`;
  const sum = (what) => `F.conv2d(${what}, ones, ${geometry(plan)})`;
  if (plan.kind === "lp") {
    return `${start}${ones}
y = ${sum(`F.pad(x, ${rim}).abs() ** ${plan.p}`)} ** (1 / ${plan.p})
print(y[0, 0].tolist())
`;
  }
  const declared = `(${left}, ${right}, ${top}, ${bottom})`;
  const counted = plan.count_include_pad ? `F.pad(torch.ones_like(x), ${declared}, value=1)` : `F.pad(torch.ones_like(x), ${declared})`;
  return `${start}${ones}
counted = F.pad(${counted}, (0, ${overColumns}, 0, ${overRows}))  # which cells the divisor counts
y = ${sum(`F.pad(x, ${rim})`)} / ${sum("counted")}
print(y[0, 0].tolist())
`;
}

function adaptive(fields, plan) {
  const size = `(${plan.output_size})`;
  const x = tensor(fields.input);
  const calls = {
    max: `F.adaptive_max_pool2d(x, ${size})`,
    min: `-F.adaptive_max_pool2d(-x, ${size})`,
    average: `F.adaptive_avg_pool2d(x, ${size})`,
  };
  if (!calls[plan.kind]) return `# PyTorch has no adaptive Lp pool; NumPy:\n${numpy({ path: "v1/pool2d", fields, plan })}`;
  return `${HEAD}x = ${x}[None, None]\ny = ${calls[plan.kind]}\nprint(y[0, 0].tolist())\n`;
}
