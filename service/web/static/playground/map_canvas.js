// One feature map as pixels on the diverging palette: blue below zero, pale at zero, red above.

import { h } from "./dom.js";

let table = null;

function colours() {
  if (table) return table;
  const style = getComputedStyle(document.documentElement);
  const stops = Array.from({ length: 11 }, (_, i) => style.getPropertyValue(`--diverging-${i}`).trim());
  const rgb = stops.map((stop) => [1, 3, 5].map((at) => parseInt(stop.slice(at, at + 2), 16)));
  table = Array.from({ length: 257 }, (_, level) => {
    const at = (level / 256) * 10;
    const low = Math.min(9, Math.floor(at));
    return rgb[low].map((value, i) => Math.round(value + (rgb[low + 1][i] - value) * (at - low)));
  });
  return table;
}

/** Draw a plane of numbers; `bound` is the magnitude at full strength. */
export function mapCanvas(data, rows, columns, bound, label) {
  const canvas = h("canvas", { width: columns, height: rows, role: "img", "aria-label": label });
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  const table = colours();
  for (let i = 0; i < data.length; i++) {
    const level = bound ? Math.round(128 + 128 * Math.max(-1, Math.min(1, data[i] / bound))) : 128;
    image.data.set(table[level], 4 * i);
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
