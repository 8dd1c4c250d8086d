// The request as a curl command.

import { quoted, url } from "./literals.js";

export function write({ path, fields, picture, accept }) {
  if (!picture) {
    return `curl -sS ${quoted(url(path))} \\\n  -H 'Content-Type: application/json' \\\n  -d ${quoted(JSON.stringify(fields))}\n`;
  }
  const file = picture.name;
  const fetch = picture.url ? `curl -sS -o ${quoted(file)} ${quoted(picture.url)}\n` : "";
  const parts = Object.entries(fields).map(([key, value]) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return `  --form-string ${quoted(`${key}=${text}`)} \\\n`;
  });
  const form = `  -F ${quoted(`input=@${file}`)} \\\n${parts.join("")}`;
  return `${fetch}curl -sS ${quoted(url(path))} \\\n${form}  -H 'Accept: ${accept}' -o ${quoted(`result.${extension(accept)}`)}\n`;
}

const extension = (accept) => ({ "image/png": "png", "application/json": "json" })[accept] ?? "npy";
