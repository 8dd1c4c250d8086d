// Reads the .npy files and packed arrays that the service answers with.

const TYPES = { f4: Float32Array, f8: Float64Array, i4: Int32Array, u1: Uint8Array, i1: Int8Array, u2: Uint16Array, i2: Int16Array };
const NAMES = { float32: "f4", float64: "f8", int32: "i4", uint8: "u1", int8: "i1", uint16: "u2", int16: "i2" };

/** Return `{shape, data}` of an .npy file in C order, little-endian, as the service writes it. */
export function readNpy(buffer) {
  const view = new DataView(buffer);
  const wide = view.getUint8(6) > 1;
  const start = wide ? 12 : 10;
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const header = new TextDecoder("latin1").decode(new Uint8Array(buffer, start, length));
  const [, type] = header.match(/'descr': *'[<|]([a-z]\d)'/);
  const shape = header.match(/'shape': *\(([^)]*)\)/)[1].split(",").map((n) => n.trim()).filter(Boolean).map(Number);
  return { shape, data: new TYPES[type](buffer.slice(start + length)) };
}

/** Return `{shape, data}` of an array that was answered with `encoding: "base64"`. */
export function readPacked({ shape, dtype, base64 }) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return { shape, data: new TYPES[NAMES[dtype]](bytes.buffer) };
}
