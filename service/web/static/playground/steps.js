// The steps of an operation as `/trace` tells them, and what can be looked up in them. Every coordinate here comes from
// the answer: the page knows no rule of padding, stride, dilation or flipping.

import { post } from "./api.js";
import { key } from "./plane.js";

// A tap is some hundred bytes of an answer: what a page of steps may hold, and what is asked for beforehand at most.
// Steps beyond that are asked for one by one, as they are looked at.
const TAPS_A_PAGE = 20_000;
const TAPS_BEFOREHAND = 60_000;

/**
 * Ask for the steps of an operation, page by page; `plan` is that of its answer. Of an output that is too large to be
 * shown a `glance` is enough.
 */
export async function traced(path, fields, plan, signal, glance = false) {
  const window = plan.kernel_shape ?? plan.kernel_size ?? plan.input_shape;
  const taps = window.reduce((product, length) => product * length, 1);
  const count = glance ? 1 : Math.max(1, Math.floor(TAPS_A_PAGE / taps));
  const ask = (start) => post(`${path}/trace`, { ...fields, start, count }, { signal });
  const first = await ask(0);
  const steps = first.steps;
  let next = first.next_start;
  while (!glance && next !== null && steps.length * taps < TAPS_BEFOREHAND) {
    const page = await ask(next);
    steps.push(...page.steps);
    next = page.next_start;
  }
  return { ...first, steps, complete: next === null };
}

/** Ask for the one step of a position. */
export async function tracedAt(path, fields, position, signal) {
  return (await post(`${path}/trace`, { ...fields, positions: [position] }, { signal })).steps[0];
}

/** Yield each tap of a step: where in the plane it reads, the input cell behind that, its weight, value and product. */
export function* taps(step, plan) {
  const [[top], [left]] = step.window;
  const [down, right] = plan.dilation ?? [1, 1];
  for (const [i, row] of step.patch.entries()) {
    for (const [j, value] of row.entries()) {
      const source = step.sources[i][j];
      yield {
        // A transposed convolution's taps are the input's own cells, wherever they are.
        at: step.taps ? key(...source) : key(top + i * down, left + j * right),
        source: source && key(...source),
        padded: step.padded[i][j],
        value,
        weight: step.kernel?.[i][j],
        product: step.products?.[i][j],
        tap: step.taps ? step.taps[i][j] : [i, j],
      };
    }
  }
}

/** What padding reads, and how far it reaches on each side. */
export function framing(trace) {
  const [rows, columns] = trace.plan.input_shape.slice(-2);
  const [[top, bottom], [left, right]] = trace.plan.operation === "conv_transpose" ? [[0, 0], [0, 0]] : (trace.plan.padding ?? [[0, 0], [0, 0]]);
  const ghosts = { top, bottom, left, right };
  const values = new Map();
  for (const step of trace.steps) {
    const [[, rowStop], [, columnStop]] = step.window;
    ghosts.bottom = Math.max(ghosts.bottom, rowStop - rows);
    ghosts.right = Math.max(ghosts.right, columnStop - columns);
    for (const { at, padded, value } of taps(step, trace.plan)) if (padded) values.set(at, value);
  }
  return { ghosts, read: (at) => values.get(at) };
}

/** For every input cell, the outputs that use it and the weights they use it with: the gradient's view. */
export function users(trace) {
  const found = new Map();
  for (const step of trace.steps) {
    for (const { source, weight } of taps(step, trace.plan)) {
      if (!source) continue;
      if (!found.has(source)) found.set(source, new Map());
      const place = key(...step.position);
      const weights = found.get(source).get(place) ?? [];
      if (weight !== undefined) weights.push(weight);
      found.get(source).set(place, weights);
    }
  }
  return found;
}
