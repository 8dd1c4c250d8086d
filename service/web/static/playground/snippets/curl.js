// The request as a curl command.

import { hasKey } from "../api.js";
import { KEY, quoted, url } from "./literals.js";

export function write({ path, fields, picture, accept }) {
  const key = hasKey() ? `  -H "Authorization: Bearer $${KEY}" \\\n` : "";
  if (!picture) {
    return `curl -sS ${quoted(url(path))} \\\n${key}  -H 'Content-Type: application/json' \\\n  -d ${quoted(JSON.stringify(fields))}\n`;
  }
  const file = picture.base64 ? "picture.png" : picture.name;
  let fetch = picture.url ? `curl -sS -o ${quoted(file)} ${quoted(picture.url)}\n` : "";
  if (picture.base64) fetch = `base64 -d > ${file} <<'END'\n${lines(picture.base64)}\nEND\n`;
  const parts = Object.entries(fields).map(([key, value]) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    if (text.length < 4000) return `  --form-string ${quoted(`${key}=${text}`)} \\\n`;
    // A shell's words have a length; files have not.
    fetch += `cat > ${key}.json <<'END'\n${text}\nEND\n`;
    return `  -F ${quoted(`${key}=<${key}.json`)} \\\n`;
  });
  const form = `  -F ${quoted(`input=@${file}`)} \\\n${parts.join("")}`;
  return `${fetch}curl -sS ${quoted(url(path))} \\\n${key}${form}  -H 'Accept: ${accept}' -o ${quoted(`result.${extension(accept)}`)}\n`;
}

const extension = (accept) => ({ "image/png": "png", "application/json": "json" })[accept] ?? "npy";

const lines = (text) => text.match(/.{1,100}/g).join("\n");
