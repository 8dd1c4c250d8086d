// A network with PyTorch, layer by layer.

import { python } from "./literals.js";
import { decoded } from "./network_numpy.js";

export function network({ fields, picture }) {
  return `import base64
import io

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

${decoded(fields, picture)}
x = torch.from_numpy(np.atleast_3d(np.asarray(picture, dtype=np.float32)).transpose(2, 0, 1).copy())
${fields.layers.map(step).join("")}print(list(x.shape), x.min().item(), x.max().item())
`;
}

const tensor = (values) => `torch.tensor(${python(values)}, dtype=torch.float32)`;

const STEPS = {
  conv2d: (layer) =>
    `x = F.conv2d(padded(x, ${python(layer.padding ?? 0)}, ${python(size(layer.kernel))}, ${python(layer.stride ?? 1)}), ${tensor(layer.kernel)}, ${tensor(layer.bias)}, stride=${python(layer.stride ?? 1)})`,
  conv_transpose2d: (layer) =>
    `x = cropped(F.conv_transpose2d(x, ${tensor(layer.kernel)}, ${tensor(layer.bias)}, stride=${python(layer.stride ?? 1)}), ${python(layer.padding ?? 0)})`,
  pool2d: (layer) => pooled(layer),
  relu: () => "x = F.relu(x)",
  leaky_relu: (layer) => `x = F.leaky_relu(x, ${layer.negative_slope ?? 0.01})`,
  sigmoid: () => "x = x.sigmoid()",
  tanh: () => "x = x.tanh()",
  softmax: () => "x = x.softmax(0)",
  batch_norm: () => "x = x / (1 + 1e-5) ** 0.5  # mean 0, variance 1, weight 1, bias 0",
  flatten: () => "x = x.flatten()",
  linear: (layer) => `x = F.linear(x, ${tensor(layer.weight)}, ${tensor(layer.bias)})`,
};

const size = (kernel) => [kernel[0][0].length, kernel[0][0][0].length];

const PADDED = `
def pair(value):
    return [value, value] if isinstance(value, int) else value

def padded(x, padding, size, stride, fill=0.0):
    """Pad as TensorFlow's SAME does, for PyTorch's own "same" has no stride."""
    rim = []
    for axis, (n, k, s) in enumerate(zip(x.shape[-2:], pair(size), pair(stride))):
        total = max(0, (-(-n // s) - 1) * s + k - n)
        same = [total // 2, total - total // 2]
        named = {"same": same, "same_lower": same[::-1], "valid": [0, 0], "full": [k - 1, k - 1]}
        rim = [*(named[padding] if isinstance(padding, str) else pair(pair(padding)[axis])), *rim]
    return F.pad(x, rim, value=fill)

def cropped(x, padding):
    """Take padding off the rim of the output, as a transposed convolution does."""
    (top, bottom), (left, right) = [pair(side) for side in pair(padding)]
    return x[..., top : x.shape[-2] - bottom, left : x.shape[-1] - right]

`;

function pooled({ kind = "max", kernel_size: window, stride = window, padding = 0 }) {
  const rim = (fill) => `padded(x, ${python(padding)}, ${python(window)}, ${python(stride)}, ${fill})`;
  const call = { average: `F.avg_pool2d(${rim("0.0")}`, lp: `F.lp_pool2d(${rim("0.0")}, 2` }[kind];
  if (call) return `x = ${call}, ${python(window)}, stride=${python(stride)})`;
  const sign = kind === "min" ? "-" : "";
  const start = kind === "min" ? "x = -x\n" : "";
  return `${start}x = ${sign}F.max_pool2d(${rim('float("-inf")')}, ${python(window)}, stride=${python(stride)})`;
}

function step(layer, index) {
  return `${index ? "" : PADDED}${STEPS[layer.type](layer)}\n`;
}
