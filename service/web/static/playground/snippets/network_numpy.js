// A network with NumPy alone: every layer by its definition.

import { python } from "./literals.js";

export function network({ fields, picture }) {
  return `import base64
import io

import numpy as np
from PIL import Image

layers = [
${fields.layers.map((layer) => `    ${python(layer)},\n`).join("")}]
${decoded(fields, picture)}
x = np.atleast_3d(np.asarray(picture, dtype=np.float32)).transpose(2, 0, 1)  # channels first

def pair(value):
    return (value, value) if np.isscalar(value) else tuple(value)

def pads(padding, axis, n, k, s):
    if not isinstance(padding, str):
        return pair(pair(padding)[axis])
    total = max(0, (-(-n // s) - 1) * s + k - n)
    same = (total // 2, total - total // 2)
    return {"same": same, "same_lower": same[::-1], "valid": (0, 0), "full": (k - 1, k - 1)}[padding]

def windows(x, size, layer, fill):
    size, stride = pair(size), pair(layer.get("stride", size if layer["type"] == "pool2d" else 1))
    rim = [pads(layer.get("padding", 0), axis, *each) for axis, each in enumerate(zip(x.shape[1:], size, stride))]
    x = np.pad(x, [(0, 0), *rim], constant_values=fill)
    return np.lib.stride_tricks.sliding_window_view(x, size, axis=(1, 2))[:, :: stride[0], :: stride[1]]

def conv2d(x, layer):
    k = np.array(layer["kernel"])
    maps = np.einsum("cijkl,fckl->fij", windows(x, k.shape[2:], layer, 0), k, optimize=True)
    return maps + np.array(layer["bias"])[:, None, None]

def conv_transpose2d(x, layer):
    k, (sh, sw) = np.array(layer["kernel"]), pair(layer.get("stride", 1))
    (top, bottom), (left, right) = [pair(side) for side in pair(layer.get("padding", 0))]
    (_, h, w), (_, filters, kh, kw) = x.shape, k.shape
    maps = np.zeros((filters, (h - 1) * sh + kh, (w - 1) * sw + kw))
    for a in range(kh):
        for b in range(kw):
            maps[:, a : a + h * sh : sh, b : b + w * sw : sw] += np.tensordot(k[:, :, a, b].T, x, axes=1)
    return maps[:, top : maps.shape[1] - bottom, left : maps.shape[2] - right] + np.array(layer["bias"])[:, None, None]

def pool2d(x, layer):
    kind = layer.get("kind", "max")
    w = windows(x, layer["kernel_size"], layer, {"max": -np.inf, "min": np.inf}.get(kind, 0))
    return {"max": w.max, "min": w.min, "average": w.mean}[kind](axis=(3, 4)) if kind != "lp" else np.sqrt((w**2).sum(axis=(3, 4)))

def softmax(x, layer):
    powers = np.exp(x - x.max(axis=0))
    return powers / powers.sum(axis=0)

run = {
    "conv2d": conv2d,
    "conv_transpose2d": conv_transpose2d,
    "pool2d": pool2d,
    "relu": lambda x, layer: np.maximum(x, 0),
    "leaky_relu": lambda x, layer: np.where(x < 0, x * layer.get("negative_slope", 0.01), x),
    "sigmoid": lambda x, layer: 1 / (1 + np.exp(-x)),
    "tanh": lambda x, layer: np.tanh(x),
    "softmax": softmax,
    "batch_norm": lambda x, layer: x / np.sqrt(1 + 1e-5),  # mean 0, variance 1, weight 1, bias 0
    "flatten": lambda x, layer: x.reshape(-1),
    "linear": lambda x, layer: np.array(layer["weight"]) @ x + np.array(layer["bias"]),
}
for layer in layers:
    x = run[layer["type"]](x, layer)
print(list(x.shape), float(x.min()), float(x.max()))
`;
}

/** The picture that the network saw, as a line of Python; `layers` and imports stand before it. */
export function decoded(fields, picture) {
  const mode = fields.color === "rgb" ? "RGB" : "L";
  return `picture = Image.open(io.BytesIO(base64.b64decode("${picture.base64}"))).convert("${mode}")`;
}
