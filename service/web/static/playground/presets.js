// What grids can be filled with at once.

const fill = (rows, columns, at) => Array.from({ length: rows }, (_, r) => Array.from({ length: columns }, (_, c) => at(r, c)));

const picture = (...rows) => rows.map((row) => [...row].map((cell) => (cell === "#" ? 1 : 0)));

/** The page opens with these two: a ramp, and a filter for vertical edges; the answer is nine times -60. */
export const RAMP = fill(5, 5, (r, c) => 10 * (5 * r + c + 1));
export const EDGE = [
  [1, 0, -1],
  [1, 0, -1],
  [1, 0, -1],
];

const SEVEN = picture("........", ".######.", ".....##.", "....##..", "...##...", "...##...", "...##...", "........");
const THREE = picture("........", "..####..", ".##..##.", "....##..", ".....##.", ".##..##.", "..####..", "........");
const ZERO = picture("........", "..####..", ".##..##.", ".##..##.", ".##..##.", ".##..##.", "..####..", "........");

export const INPUTS = [
  ["ramp", "Ramp 10 to 250", RAMP],
  ["edge", "Edge", fill(6, 6, (r, c) => (c < 3 ? 10 : 0))],
  ["impulse", "Impulse", fill(7, 7, (r, c) => (r === 3 && c === 3 ? 1 : 0))],
  ["checkerboard", "Checkerboard", fill(8, 8, (r, c) => (r + c) % 2)],
  ["digit-0", "Digit 0", ZERO],
  ["digit-3", "Digit 3", THREE],
  ["digit-7", "Digit 7", SEVEN],
  ["large", "12 × 12 waves", fill(12, 12, (r, c) => Math.round(9 * Math.sin(r / 2) * Math.cos(c / 2)))],
  ["zeros", "Zeros", fill(5, 5, () => 0)],
];

export const KERNELS = [
  ["edge", "Vertical edges", EDGE],
  ["one", "One", [[1]]],
  ["column", "Middle column", fill(3, 3, (r, c) => (c === 1 ? 1 : 0))],
  ["numbers", "1 to 9", fill(3, 3, (r, c) => 3 * r + c + 1)],
  ["ones", "2 × 2 of ones", fill(2, 2, () => 1)],
];
