// Values as programs write them.

import { address } from "../api.js";

/** A value as a Python literal. */
export function python(value) {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value === "object") {
    return `{${Object.entries(value).map(([key, entry]) => `${JSON.stringify(key)}: ${python(entry)}`).join(", ")}}`;
  }
  return JSON.stringify(value);
}

/** A text as one word of a POSIX shell. */
export const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** The absolute address of a path of this service. */
export const url = (path) => address(path);

/** Rows on lines of their own, for matrices; anything else on one line. */
export function laid(value, indent = "    ") {
  const rows = Array.isArray(value) && Array.isArray(value[0]);
  return rows ? `[\n${value.map((row) => `${indent}    ${python(row)},\n`).join("")}${indent}]` : python(value);
}

/** A nested list as a two-dimensional NumPy expression. */
export const array = (rows) => `np.array(${laid(rows, "")}, dtype=np.float64)`;

/** The environment variable that programs read an API key from: a key itself does not belong into what is passed on. */
export const KEY = "CONVOLUTION_KEY";
