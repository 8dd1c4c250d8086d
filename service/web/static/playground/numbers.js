// Numbers as people type and read them.

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/** The number that a text spells, or the text itself: the service says what is wrong with it. */
export function number(text) {
  const trimmed = String(text).trim().replace(/^[−–]/, "-");
  return NUMBER.test(trimmed) ? Number(trimmed) : trimmed;
}

/** A number in few characters; whole numbers stay whole. */
export function short(value, digits = 4) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return String(value);
  const size = Math.abs(value);
  if (size >= 1e7 || size < 1e-4) return value.toExponential(2).replace("e+", "e");
  return String(Number(value.toPrecision(digits)));
}

/** What an option of one number, one an axis or a name was typed as: `2`, `2, 1`, `[[1,0],[2,1]]`, `same`. */
export function option(text) {
  const trimmed = text.trim();
  if (/^[[{]/.test(trimmed)) {
    try {
      return JSON.parse(trimmed);
    } catch {
      return trimmed;
    }
  }
  const parts = trimmed.split(/\s*[,;×x\s]\s*/).filter(Boolean);
  if (parts.length > 1 && parts.every((part) => NUMBER.test(part))) return parts.map(Number);
  return number(trimmed);
}

/** Rows of a pasted or linked block: cells apart by tabs, commas or blanks, rows by line ends or semicolons. */
export function block(text) {
  const bare = text.trim();
  if (bare.startsWith("[")) {
    try {
      const parsed = JSON.parse(bare);
      const rows = Array.isArray(parsed[0]) ? parsed : [parsed];
      return rows.map((row) => row.map(String));
    } catch {
      /* not JSON after all */
    }
  }
  const rows = bare.split(/\r?\n|;/).filter((row) => row.trim());
  const cells = rows.map((row) => (row.includes("\t") ? row.split("\t") : row.trim().split(/\s*,\s*|\s+/)));
  const width = Math.max(0, ...cells.map((row) => row.length));
  return cells.map((row) => [...row.map((cell) => cell.trim()), ...Array(width - row.length).fill("0")]);
}

/** The same, back to a text for a link. */
export const unblock = (rows) => rows.map((row) => row.join(",")).join(";");

export const largest = (values) =>
  values.flat(Infinity).reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);

/** The class that colours a value, as service/drawing/palette.py's `level` does it: only zero takes the middle. */
export function shade(value, bound) {
  if (typeof value !== "number" || !value || !bound) return "v5";
  const steps = Math.max(1, Math.round(5 * Math.min(1, Math.abs(value) / bound)));
  return `v${value > 0 ? 5 + steps : 5 - steps}`;
}

/** A shape as people say it. */
export const shape = (lengths) => lengths.join(" × ");
