// The maps of one layer side by side; a pixel of any of them can be picked by pointer or by arrow keys.

import { h } from "./dom.js";
import { mapCanvas } from "./map_canvas.js";
import { extent, shape, short } from "./numbers.js";
import { ARROWS } from "./plane.js";

const SHOWN = 16;

export class MapStrip {
  /** `picked([row, column], value)` is called for a pixel. */
  constructor(index, type, { shape: lengths, data }, picked) {
    const [count, rows, columns] = lengths.length === 3 ? lengths : [1, 1, lengths.at(-1)];
    const [low, high] = extent(data);
    const bound = Math.max(Math.abs(low), Math.abs(high));
    const maps = [];
    for (let i = 0; i < Math.min(count, SHOWN); i++) {
      const plane = data.subarray(i * rows * columns, (i + 1) * rows * columns);
      maps.push(oneMap(`${type} ${index + 1}, map ${i}`, plane, rows, columns, bound, picked));
    }
    const words = `${shape(lengths)}, ${short(low)} to ${short(high)}`;
    this.element = h(
      "section.output",
      {},
      h("h3", {}, `${index + 1} ${type}`, h("span.aside", {}, words)),
      h("div.strip", {}, maps, count > SHOWN ? h("p.hint", {}, `and ${count - SHOWN} more`) : null),
    );
  }
}

function oneMap(name, plane, rows, columns, bound, picked) {
  let at = [Math.floor(rows / 2), Math.floor(columns / 2)];
  const dot = h("span.dot", { hidden: true });
  const canvas = mapCanvas(plane, rows, columns, bound, name);
  const pick = (row, column) => {
    at = [Math.min(rows - 1, Math.max(0, row)), Math.min(columns - 1, Math.max(0, column))];
    for (const other of document.querySelectorAll(".dot")) other.hidden = true;
    dot.hidden = false;
    dot.style.left = `${(100 * (at[1] + 0.5)) / columns}%`;
    dot.style.top = `${(100 * (at[0] + 0.5)) / rows}%`;
    picked(at, plane[at[0] * columns + at[1]]);
  };
  return h(
    "button.one-map",
    {
      type: "button",
      onclick: (event) => {
        const box = canvas.getBoundingClientRect();
        // A click by keyboard has no place: it picks where the dot is.
        if (!event.detail) pick(...at);
        else pick(Math.floor(((event.clientY - box.top) / box.height) * rows), Math.floor(((event.clientX - box.left) / box.width) * columns));
      },
      onkeydown: (event) => {
        const step = ARROWS[event.key];
        if (!step) return;
        event.preventDefault();
        pick(at[0] + step[0], at[1] + step[1]);
      },
    },
    canvas,
    dot,
  );
}
