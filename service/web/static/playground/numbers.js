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
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  const six = general(value, 6);
  if (six.length <= 6 && !six.includes("e")) return six;
  if ((Number.isInteger(value) || size >= 10 ** digits) && size < 1e7) return String(rounded(value, exponent(value) + 1));
  const text = general(value, digits);
  return text.includes("e") ? rounded(value, 2).toExponential().replace("e+", "e") : text;
}

const exponent = (value) => Number(value.toExponential().split("e")[1]);

// As Python's format "g" writes it.
function general(value, digits) {
  const near = rounded(value, digits);
  const power = exponent(near);
  return power < -4 || power >= digits ? near.toExponential() : String(near);
}

// To so many digits; of two equally near the even one, as Python does it.
function rounded(value, digits) {
  const [mantissa, power] = value.toExponential(40).split("e");
  const [, sign, all] = mantissa.replace(".", "").match(/^(-?)(.*)$/);
  const tie = /^50*$/.test(all.slice(digits)) && Number(all[digits - 1]) % 2 === 0;
  return tie ? Number(`${sign}${all.slice(0, digits)}e${Number(power) - digits + 1}`) : Number(value.toPrecision(Math.max(1, digits)));
}

/** A number for a cell: as many of `digits` as leave it short. */
export function fitted(value, digits = 4) {
  const text = short(value, digits);
  return text.length > 6 && digits > 2 ? fitted(value, digits - 1) : text;
}

/** Whether a text may be one number with a decimal comma: no two cells then. */
export const oneNumber = (text) => /^[-+−–]?\d+,\d+$/.test(text.trim());

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
 * Rows of a pasted or linked block: JSON, an array as NumPy, PyTorch or MATLAB write it, or cells apart by tabs, commas
 * or blanks and rows by line ends or semicolons. Short rows are filled up with zeros; of nothing at all there are none.
 */
export function block(text) {
  const cells = nested(text.trim()) ?? bracketed(text.trim()) ?? separated(text);
  const width = cells.reduce((most, row) => Math.max(most, row.length), 0);
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

// `[[1. 2.]\n [3. 4.]]`, `np.array([[1, 2]], dtype=float)`, `tensor([1., 2.])`, `[1 2; 3 4]`.
function bracketed(text) {
  const [, array] = text.match(/^(?:[\w.]+\()?(\[[^]*\])(?:,[^[\]]*)?\)?;?$/) ?? [];
  const rows = array?.match(/[^[\]]*(?=\])/g)?.filter((row) => row.trim());
  if (!rows?.length || array.startsWith("[[[")) return null;
  return rows.flatMap((row) => row.split(";")).map(cellsOf);
}

function separated(text) {
  const lines = text.replace(/(\r?\n)+$/, "").split(/\r?\n/);
  // A spreadsheet's file, where the comma is the decimal one; else a semicolon ends a row.
  const file = lines.length > 1 && lines.every((line) => line.includes(";")) && lines.some((line) => /;\s*\S/.test(line));
  const rows = file ? lines.map((line) => trimmed(line.split(";"))) : lines.flatMap((line) => line.split(";").map(cellsOf));
  const told = rows.filter((row) => row.length > 1 || row[0]);
  // A blank line between rows says nothing, but in a column it is a blank cell.
  return told.length && told.every((row) => row.length === 1) ? rows : told;
}

const trimmed = (cells) => cells.map((cell) => cell.trim());

// A comma ends a cell but where tabs or blanks do: there it stands in one, and whoever reads the number judges it.
function cellsOf(line) {
  if (line.includes("\t")) return trimmed(line.split("\t"));
  const bare = line.trim();
  const inside = /[^\s,],[^\s,]/.test(bare) && /[^\s,]\s+[^\s,]/.test(bare) && !/,\s|\s,/.test(bare);
  return bare.split(inside ? /\s+/ : /\s*,\s*|\s+/);
}

/** The same, back to a text for a link: as JSON where a cell would not come back as it is. */
export function unblock(rows) {
  const texts = rows.map((row) => row.map((cell) => String(cell).trim()));
  return texts.flat().every((cell) => /^[^\s,;[\]]+$/.test(cell)) ? texts.map((row) => row.join(",")).join(";") : JSON.stringify(texts);
}

/** The smallest and largest of numbers, too many for Math.min's arguments. */
export function extent(data) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of data) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

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
