// A matrix to look at: coloured by value, walked through with arrow keys, each cell pointed at.

import { h } from "./dom.js";
import { fitted, short } from "./numbers.js";
import { ARROWS, key, MOST_CELLS, Plane } from "./plane.js";

export class ValueGrid {
  /** `picked(row, column, focused)` is called for a cell that is pointed at or focused. */
  constructor(label, { picked = () => {}, left = () => {} } = {}) {
    this.plane = new Plane(label);
    this.active = [0, 0];
    this.picked = picked;
    this.shape = h("span.shape");
    this.large = h("p.hint", { hidden: true }, "Too large to show here. The programs below and the API have its numbers.");
    this.element = h(
      "section.grid-block",
      {},
      h("h2.grid-title", {}, label, this.shape),
      this.plane.scroller,
      this.large,
    );
    this.plane.table.addEventListener("keydown", (event) => this.#key(event));
    this.plane.table.addEventListener("mouseleave", () => left());
  }

  /** Show rows of numbers. */
  set(values, bound) {
    const [rows, columns] = [values.length, values[0].length];
    const large = rows * columns > MOST_CELLS;
    this.shape.textContent = `${rows} × ${columns}`;
    this.large.hidden = !large;
    this.plane.scroller.hidden = large;
    if (large) {
      this.values = null;
      this.plane.build(0, 0);
      return;
    }
    const same = this.values?.length === rows && this.values[0].length === columns;
    this.values = values;
    if (!same) {
      this.active = [Math.min(this.active[0], rows - 1), Math.min(this.active[1], columns - 1)];
      this.plane.build(rows, columns, (row, column) => this.#cell(row, column));
    }
    for (const [at, cell] of this.plane.cells) {
      const [row, column] = at.split(",").map(Number);
      cell.text.data = fitted(values[row][column]);
      cell.td.title = String(values[row][column]);
      cell.td.setAttribute("aria-label", `row ${row}, column ${column}: ${short(values[row][column], 6)}`);
    }
    this.plane.fit();
    this.plane.paint(values, bound);
  }

  #cell(row, column) {
    const text = document.createTextNode("");
    const pick = ({ type }) => {
      this.activate(row, column);
      this.picked(row, column, type === "focus");
    };
    const active = row === this.active[0] && column === this.active[1];
    const td = h("td", { tabindex: active ? 0 : -1, onfocus: pick, onmouseenter: pick }, text);
    return { td, text };
  }

  /** Make a cell the one that the keyboard enters. */
  activate(row, column) {
    const before = this.plane.cells.get(key(...this.active));
    if (before) before.td.tabIndex = -1;
    this.active = [row, column];
    const now = this.plane.cells.get(key(row, column));
    if (now) now.td.tabIndex = 0;
  }

  #key(event) {
    const step = ARROWS[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.plane.cells.get(key(this.active[0] + step[0], this.active[1] + step[1]))?.td.focus();
  }
}
