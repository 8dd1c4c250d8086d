// The backward pass with NumPy alone: what the forward pass read, each output's gradient gives back.

import { array, python } from "./literals.js";
import { padded } from "./numpy.js";

export function gradients({ path, fields, plan }) {
  if (path.includes("pool")) return pool(fields, plan);
  return path.includes("transpose") ? transposed(fields, plan) : conv2d(fields, plan);
}

const given = ({ input, kernel, output_gradient: gradient }) => `import numpy as np

x = ${array(input)}
${kernel ? `k = ${array(kernel)}\n` : ""}g = ${array(gradient)}  # of the output
`;

const strides = (plan) => `(sh, sw), (dh, dw) = (${plan.stride}), (${plan.dilation})`;

const WINDOW = `    rows = slice(i * sh, i * sh + dh * (kh - 1) + 1, dh)
    columns = slice(j * sw, j * sw + dw * (kw - 1) + 1, dw)`;

// With one step of descent, each weight against its gradient.
function told({ bias, learning_rate: rate }) {
  const biased = bias !== undefined;
  return `print("input_gradient", gx.tolist())
print("kernel_gradient", gk.tolist())
${biased ? `print("bias_gradient", g.sum())\n` : ""}print("updated_kernel", (k - ${python(rate)} * gk).tolist())
${biased ? `print("updated_bias", ${python(bias)} - ${python(rate)} * g.sum())\n` : ""}`;
}

function conv2d(fields, plan) {
  const flipped = plan.operation === "convolution";
  const [[top], [left]] = plan.padding;
  const filled = plan.padding_mode === "zeros" || plan.padding_mode === "constant";
  const pad = padded(plan, fields.padding_value).replace("x = ", "p = ");
  const back = filled
    ? `gx = gp[${top}:${top} + x.shape[0], ${left}:${left} + x.shape[1]]  # nothing learns from what padding was filled with`
    : `${padded(plan).replace("x = np.pad(x", "cells = np.pad(np.arange(x.size).reshape(x.shape)")}
gx = np.bincount(cells.ravel(), gp.ravel(), x.size).reshape(x.shape)  # a cell that padding repeats collects for all`;
  return `${given(fields)}${strides(plan)}
${pad}
w = ${flipped ? "k[::-1, ::-1]  # a convolution flips the kernel" : "k"}

gp, gk = np.zeros_like(p), np.zeros_like(k)
kh, kw = k.shape
for (i, j), value in np.ndenumerate(g):
${WINDOW}
    gk += value * p[rows, columns]
    gp[rows, columns] += value * w
${flipped ? "gk = gk[::-1, ::-1]\n" : ""}${back}
${told(fields)}`;
}

function transposed(fields, plan) {
  const [[top, bottom], [left, right]] = plan.padding;
  return `${given(fields)}${strides(plan)}

# Padding took cells off the rim of the output: nothing comes back from there.
p = np.pad(g, [(${top}, ${bottom}), (${left}, ${right})])
gx, gk = np.zeros_like(x), np.zeros_like(k)
kh, kw = k.shape
for (i, j), value in np.ndenumerate(x):
${WINDOW}
    gx[i, j] = (p[rows, columns] * k).sum()
    gk += value * p[rows, columns]
${told(fields)}`;
}

// What a window's cells get of its output's gradient.
const SHARES = {
  max: `    at = np.unravel_index(window.argmax(), window.shape)  # of several the first
    gx[rows[at[0]], columns[at[1]]] += value`,
  min: `    at = np.unravel_index(window.argmin(), window.shape)  # of several the first
    gx[rows[at[0]], columns[at[1]]] += value`,
};

function pool(fields, plan) {
  const { kind, p } = plan;
  const lp = `    norm = (np.abs(window) ** ${p}).sum() ** (1 / ${p})
    if norm:
        gx[np.ix_(rows, columns)] += value * np.sign(window) * (np.abs(window) / norm) ** (${p} - 1)`;
  const average = (divisor) => `    gx[np.ix_(rows, columns)] += value / ${divisor}`;
  const shared = (divisor) => SHARES[kind] ?? (kind === "lp" ? lp : average(divisor));
  const head = `${given(fields)}gx = np.zeros_like(x)
(H, W)`;
  if (plan.output_size) {
    return `${head}, (oh, ow) = x.shape, g.shape
for (i, j), value in np.ndenumerate(g):
    rows = np.arange(i * H // oh, -(-(i + 1) * H // oh))
    columns = np.arange(j * W // ow, -(-(j + 1) * W // ow))
    window = x[np.ix_(rows, columns)]
${shared("window.size")}
print("input_gradient", gx.tolist())
`;
  }
  const [[top, bottom], [left, right]] = plan.padding;
  const [kh, kw] = plan.kernel_size;
  const padding = kind === "average" && plan.count_include_pad;
  const counted = padding
    ? `    # The divisor counts the padding, but not what overhangs it.
    divisor = (rows < H + ${bottom}).sum() * (columns < W + ${right}).sum()\n`
    : "";
  return `${head}, ${strides(plan).replace(" = ", " = x.shape, ")}
for (i, j), value in np.ndenumerate(g):
    rows = i * sh - ${top} + dh * np.arange(${kh})
    columns = j * sw - ${left} + dw * np.arange(${kw})
${counted}    rows, columns = rows[(rows >= 0) & (rows < H)], columns[(columns >= 0) & (columns < W)]
    window = x[np.ix_(rows, columns)]
${shared(padding ? "divisor" : "window.size")}
print("input_gradient", gx.tolist())
`;
}
