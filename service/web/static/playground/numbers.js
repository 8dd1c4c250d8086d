// Numbers as people type and read them.

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/** The number that a text spells, or the text itself: the service says what is wrong with it. */
export function number(text) {
  const trimmed = String(text).trim().replace(/^[−–]/, "-");
  const spelled = NUMBER.test(trimmed) ? Number(trimmed) : Infinity;
  return Number.isFinite(spelled) ? spelled : trimmed;
}

/** A text with the proper minus sign, which is as wide as a plus and read out as one reads it. */
export const signed = (text) => text.replaceAll("-", "−");

/** A number in few characters: whole and short ones as they are, as service/drawing/numbers.py's `short` does it. */
export function short(value, digits = 4) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  return signed(plain(value, digits));
}

function plain(value, digits) {
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return String(value);
  const size = Math.abs(value);
  if (size >= 1e7 || size < 1e-4) return value.toExponential(digits > 2 ? 2 : 1).replace("e+", "e");
  const six = String(Number(value.toPrecision(6)));
  return six.length <= 6 ? six : String(Number(value.toPrecision(digits)));
}

/** A number for a cell: as many of `digits` as leave it short. */
export function fitted(value, digits = 4) {
  const text = short(value, digits);
  return text.length > 6 && digits > 2 ? fitted(value, digits - 1) : text;
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

/**
 * Rows of a pasted or linked block: JSON, or cells apart by tabs, commas or blanks and rows by line ends or semicolons.
 * Short rows are filled up with zeros; of nothing at all there are no rows.
 */
export function block(text) {
  const bare = text.trim();
  const cells = nested(bare) ?? separated(bare);
  const width = Math.max(0, ...cells.map((row) => row.length));
  return width ? cells.map((row) => [...row, ...Array(width - row.length).fill("0")]) : [];
}

function nested(text) {
  if (!text.startsWith("[")) return null;
  try {
    const parsed = JSON.parse(text);
    const rows = parsed.some(Array.isArray) ? parsed : [parsed];
    return rows.map((row) => [row].flat().map((cell) => (typeof cell === "string" ? cell : JSON.stringify(cell))));
  } catch {
    return null; // not JSON after all
  }
}

function separated(text) {
  const rows = text.split(/\r?\n|;/).filter((row) => row.trim());
  return rows.map((row) => (row.includes("\t") ? row.split("\t") : row.trim().split(/\s*,\s*|\s+/)).map((cell) => cell.trim()));
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
