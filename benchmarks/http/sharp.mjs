// Node with sharp (libvips): a PNG in, sharpened, a PNG out at the level given. `npm install sharp` beside this file.
import { createServer } from "node:http";
import { createRequire } from "node:module";

const [port, level] = process.argv.slice(2).map(Number);
const sharp = createRequire(process.cwd() + "/")("sharp");
const kernel = { width: 3, height: 3, kernel: [0, -1, 0, -1, 5, -1, 0, -1, 0], scale: 1 };

createServer(async (request, response) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const body = Buffer.concat(pieces);
  if (!body.length) return response.end();
  const picture = await sharp(body).convolve(kernel).png({ compressionLevel: level }).toBuffer();
  response.writeHead(200, { "content-type": "image/png", "content-length": picture.length });
  response.end(picture);
}).listen(port, "127.0.0.1");
