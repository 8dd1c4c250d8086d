// What editable and read-only grids share: a table whose cells are known by their coordinates, coloured by value, with
// a frame of ghost cells around it where padding stands, marks for windows, and small notes in the corners.

import { h } from "./dom.js";
import { fitted, largest, shade } from "./numbers.js";

/** The most cells that are drawn: more take a browser longer than anybody waits. */
export const MOST_CELLS = 4096;

export const key = (row, column) => `${row},${column}`;

export class Plane {
  cells = new Map();
  rows = 0;
  columns = 0;
  #ghosts = { top: 0, left: 0, bottom: 0, right: 0 };
  #marked = [];
  #noted = [];

  constructor(label, { caption } = {}) {
    this.label = label;
    this.body = h("tbody");
    this.table = h("table.plane", { role: "grid", "aria-label": label }, this.body);
    this.scroller = h("div.scroller", {}, this.table);
    this.caption = caption;
  }

  /** Build `rows` by `columns` cells with `make(row, column)`, and the frame around them. */
  build(rows, columns, make) {
    this.rows = rows;
    this.columns = columns;
    this.make = make;
    this.cells.clear();
    this.#lay();
  }

  /** Surround the plane with ghost cells: how many on each side, and what each reads (undefined: nothing does). */
  frame(ghosts, read) {
    const before = this.#ghosts;
    this.#ghosts = ghosts;
    if (Object.keys(ghosts).some((side) => ghosts[side] !== before[side])) this.#lay();
    for (const [at, cell] of this.cells) {
      if (!cell.ghost) continue;
      const value = read(at);
      cell.text.data = value === undefined ? "" : value === null ? "·" : fitted(value, 3);
      cell.td.title = value === undefined ? "around the input; no window reads it" : "around the input";
    }
    this.fit();
  }

  #lay() {
    const { top, left, bottom, right } = this.#ghosts;
    const focused = this.table.contains(document.activeElement) ? document.activeElement : null;
    const rows = [];
    for (let row = -top; row < this.rows + bottom; row++) {
      const line = h("tr");
      for (let column = -left; column < this.columns + right; column++) {
        const inside = row >= 0 && column >= 0 && row < this.rows && column < this.columns;
        const at = key(row, column);
        let cell = this.cells.get(at);
        if (!cell || Boolean(cell.ghost) === inside) cell = inside ? this.make(row, column) : ghost();
        this.cells.set(at, cell);
        line.append(cell.td);
      }
      rows.push(line);
    }
    const kept = new Set(rows.flatMap((line) => [...line.children]));
    for (const [at, cell] of this.cells) if (!kept.has(cell.td)) this.cells.delete(at);
    this.body.replaceChildren(...rows);
    focused?.focus({ preventScroll: true });
    const columns = this.columns + left + right;
    const size = Math.max(columns, (this.rows + top + bottom) * 0.8);
    this.table.style.setProperty("--columns", columns);
    this.table.dataset.size = size <= 8 ? "large" : size <= 11 ? "medium" : size <= 15 ? "small" : size <= 18 ? "tiny" : "micro";
  }

  /** Where its rows and columns begin and end, ghosts included. */
  get reach() {
    const { top, left, bottom, right } = this.#ghosts;
    return [[-top, this.rows + bottom], [-left, this.columns + right]];
  }

  /** Write all texts as large as the longest of them allows. */
  fit() {
    let longest = 1;
    for (const { input, text } of this.cells.values()) longest = Math.max(longest, (input ? input.value : text.data).length);
    this.table.style.setProperty("--characters", longest);
  }

  /** Colour every cell by its value. */
  paint(values, bound = largest(values)) {
    for (let row = 0; row < this.rows; row++) {
      for (let column = 0; column < this.columns; column++) {
        const { td } = this.cells.get(key(row, column));
        td.dataset.shade = shade(values[row][column], bound);
      }
    }
  }

  /** Mark cells: `{name: [coordinates]}`; earlier marks go away. */
  mark(marks) {
    for (const [td, name] of this.#marked) td.classList.remove(name);
    this.#marked = [];
    for (const [name, places] of Object.entries(marks)) {
      for (const at of places) {
        const td = this.cells.get(at)?.td;
        if (!td) continue;
        td.classList.add(name);
        this.#marked.push([td, name]);
      }
    }
  }

  /** Write small notes into cells, by their coordinates; earlier notes go away. */
  note(notes) {
    for (const td of this.#noted) delete td.dataset.note;
    this.#noted = [];
    for (const [at, text] of notes) {
      const td = this.cells.get(at)?.td;
      if (!td) continue;
      td.dataset.note = text;
      this.#noted.push(td);
    }
  }
}

function ghost() {
  const text = document.createTextNode("");
  return { ghost: true, text, td: h("td.ghost", {}, text) };
}

/** The arrow keys' steps. */
export const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
