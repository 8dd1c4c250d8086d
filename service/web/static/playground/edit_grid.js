// A matrix to type into, paste into and resize. What is typed stays as typed: the service says what is wrong with it.

import { freshId, h, toast } from "./dom.js";
import { block, fitted, number, oneNumber } from "./numbers.js";
import { ARROWS, key, Plane } from "./plane.js";

/** The most rows or columns that a grid shows. */
export const LIMIT = 24;
// A list is one row, which scrolls.
const LIST_LIMIT = 64;

export class EditGrid {
  /**
   * @param label what the grid is, to everybody
   * @param values rows of texts or numbers
   * @param pointer the request's field
   * @param oneRow whether the grid is a list
   * @param fixed whether its size is not the person's to choose
   * @param changed called after every edit
   * @param picked called with a row and column that is pointed at or, then with true, focused; without when it is left
   */
  constructor(label, values, { pointer, oneRow = false, fixed = false, tools = [], changed, picked = () => {} }) {
    this.pointer = pointer;
    this.oneRow = oneRow;
    this.changed = changed;
    this.picked = picked;
    this.plane = new Plane(label);
    this.plane.table.classList.toggle("one-row", oneRow);
    this.active = [0, 0];
    const id = freshId(label);
    this.error = h("p.error", { id: `${id}-error`, hidden: true });
    const title = h("h2.grid-title", { id }, label);
    this.sizes = (oneRow ? ["Length"] : ["Rows", "Columns"]).map((name) => this.#size(name, id));
    const size = h("span.size", {}, this.sizes[0], oneRow ? null : h("span", { "aria-hidden": "true" }, "×"), this.sizes[1]);
    const bar = h("div.grid-tools", {}, fixed ? null : size, tools);
    this.element = h("section.grid-block", {}, title, this.plane.scroller, bar, this.error);
    this.plane.table.addEventListener("keydown", (event) => this.#key(event));
    this.plane.table.addEventListener("paste", (event) => this.#paste(event));
    this.plane.table.addEventListener("mouseleave", () => picked());
    this.set(values, { quiet: true });
  }

  #size(name, title) {
    return h("input.size-input", {
      type: "number",
      min: 1,
      max: this.oneRow ? LIST_LIMIT : LIMIT,
      "aria-label": name,
      "aria-describedby": title,
      onchange: () => this.resize(...this.sizes.map((input) => Number(input.value))),
    });
  }

  /** The numbers, and the texts that are none. */
  get values() {
    return this.texts.map((row) => row.map(number));
  }

  /** Show other values. */
  set(values, { quiet = false } = {}) {
    const given = values.length ? values : [["0"]]; // a link may hold none
    const rows = this.oneRow ? given.slice(0, 1) : given.slice(0, LIMIT);
    this.texts = rows.map((row) => row.slice(0, this.oneRow ? LIST_LIMIT : LIMIT).map(String));
    const [before, after] = [given, this.texts].map((grid) => `${grid.length} × ${grid[0].length}`);
    if (before !== after) toast(`${before} cells, of which the first ${after} have room here`);
    this.active = [0, 0];
    this.plane.build(this.texts.length, this.texts[0].length, (row, column) => this.#cell(row, column));
    [this.texts.length, this.texts[0].length].slice(this.oneRow ? 1 : 0).forEach((n, i) => (this.sizes[i].value = n));
    this.plane.fit();
    this.plane.paint(this.values);
    if (!quiet) this.changed();
  }

  /** Make it larger with zeros, or smaller. */
  resize(...lengths) {
    const [rows, columns] = this.oneRow ? [1, lengths[0]] : lengths;
    const bounded = (n, most) => Math.min(most, Math.max(1, Math.trunc(n) || 1));
    const [height, width] = [bounded(rows, LIMIT), bounded(columns, this.oneRow ? LIST_LIMIT : LIMIT)];
    this.set(Array.from({ length: height }, (_, r) => Array.from({ length: width }, (_, c) => this.texts[r]?.[c] ?? "0")));
  }

  #cell(row, column) {
    const input = h("input", {
      type: "text",
      inputmode: "text",
      autocomplete: "off",
      tabindex: row === this.active[0] && column === this.active[1] ? 0 : -1,
      "aria-label": this.oneRow ? `position ${column}` : `row ${row}, column ${column}`,
      oninput: () => this.#typed(row, column, input.value),
      onfocus: () => {
        this.#activate(row, column);
        input.value = this.texts[row][column];
        input.select();
        this.picked(row, column, true);
      },
      onblur: () => {
        this.#show(input, row, column);
        this.plane.fit();
        this.picked();
      },
    });
    this.#show(input, row, column);
    return { td: h("td", { onmouseenter: () => this.picked(row, column) }, input), input };
  }

  #show(input, row, column) {
    input.value = fitted(number(this.texts[row][column]), 3);
    input.title = number(input.value) === number(this.texts[row][column]) ? "" : this.texts[row][column];
  }

  #typed(row, column, text) {
    this.texts[row][column] = text;
    this.plane.fit();
    this.plane.paint(this.values);
    this.changed();
  }

  #activate(row, column) {
    const before = this.plane.cells.get(key(...this.active));
    if (before) before.input.tabIndex = -1;
    this.active = [row, column];
    this.plane.cells.get(key(row, column)).input.tabIndex = 0;
  }

  #key(event) {
    const { target } = event;
    const [row, column] = this.active;
    const step = event.key === "Enter" ? [1, 0] : ARROWS[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    // Inside a text that is being edited, left and right move the caret first.
    const all = target.selectionStart === 0 && target.selectionEnd === target.value.length;
    if (step[1] < 0 && !all && target.selectionStart > 0) return;
    if (step[1] > 0 && !all && target.selectionEnd < target.value.length) return;
    const next = this.plane.cells.get(key(row + step[0], column + step[1]));
    event.preventDefault();
    next?.input?.focus();
  }

  #paste(event) {
    const text = event.clipboardData.getData("text/plain");
    const rows = block(text);
    if (!rows.length || (rows.length === 1 && rows[0].length === 1) || oneNumber(text)) return;
    event.preventDefault();
    this.set(this.oneRow ? [rows.flat()] : rows);
    this.plane.cells.get(key(0, 0)).input.focus();
  }

  /** Say what is wrong, beside the grid and at the cell that it names. */
  fail(text, place = []) {
    this.error.textContent = text || "";
    this.error.hidden = !text;
    for (const { input } of this.plane.cells.values()) {
      input?.removeAttribute("aria-invalid");
      input?.removeAttribute("aria-describedby");
    }
    if (!text) return;
    const [row, column] = this.oneRow ? [0, place[0]] : place;
    const cells = column === undefined ? [...this.plane.cells.values()] : [this.plane.cells.get(key(row, column))];
    for (const cell of cells) {
      cell?.input?.setAttribute("aria-invalid", "true");
      cell?.input?.setAttribute("aria-describedby", this.error.id);
    }
  }
}
