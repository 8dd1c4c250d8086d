// What a program would have to know of a picture, read from the files themselves.

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47];

/** Bits a sample of a PNG: its header has them; 0 for anything else. */
export const pngDepth = (bytes) => (SIGNATURE.every((byte, i) => bytes[i] === byte) ? bytes[24] : 0);

/** Whether a file is a JPEG of four inks: its frame header counts the components. */
export function isCmyk(bytes) {
  let at = bytes[0] === 0xff && bytes[1] === 0xd8 ? 2 : bytes.length;
  while (at + 9 < bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1];
    // C4, C8 and CC are no frame headers; FF fills up.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) return bytes[at + 9] === 4;
    at += marker === 0xff ? 1 : 2 + bytes[at + 2] * 256 + bytes[at + 3];
  }
  return false;
}
