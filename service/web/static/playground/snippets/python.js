// The request as a Python program with httpx.

import { hasKey } from "../api.js";
import { KEY, laid, python, url } from "./literals.js";

export function write({ path, fields, picture, accept, result }) {
  const code = picture ? withPicture(path, fields, picture, accept) : withJson(path, fields, result);
  if (!hasKey()) return code;
  // The last request is the one to the API.
  const at = code.lastIndexOf("httpx.post(");
  const client = `httpx.Client(headers={"Authorization": f"Bearer {os.environ['${KEY}']}"}).post(`;
  return `import os\n\n${code.slice(0, at)}${client}${code.slice(at + "httpx.post(".length)}`;
}

function withJson(path, fields, result) {
  const told = Object.entries(fields).map(([key, value]) => `    ${JSON.stringify(key)}: ${laid(value)},\n`);
  return `import httpx

request = {
${told.join("")}}
response = httpx.post(${JSON.stringify(url(path))}, json=request, timeout=60)
response.raise_for_status()
${Array.isArray(result) ? several(result) : `print(response.json()[${JSON.stringify(result)}])`}
`;
}

const several = (names) => `answer = response.json()
for name in ${python(names)}:
    print(name, answer[name])`;

function withPicture(path, fields, picture, accept) {
  const text = (value) => (typeof value === "string" ? value : JSON.stringify(value));
  const told = Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, text(value)]));
  if (picture.base64) return network(path, told, picture);
  const read = picture.url
    ? `picture = httpx.get(${JSON.stringify(picture.url)}).raise_for_status().content`
    : `picture = Path(${JSON.stringify(picture.name)}).read_bytes()`;
  const png = accept === "image/png";
  const keep = png ? `Path("result.png").write_bytes(response.content)` : `print(response.json()["output_shape"])`;
  return `${png || !picture.url ? "from pathlib import Path\n\n" : ""}import httpx

${read}
response = httpx.post(
    ${JSON.stringify(url(path))},
    data=${python(told)},
    files={"input": picture},
    headers={"Accept": ${JSON.stringify(accept)}},
    timeout=60,
)
response.raise_for_status()
${keep}
`;
}

function network(path, told, picture) {
  return `import base64

import httpx

picture = base64.b64decode("${picture.base64}")
response = httpx.post(
    ${JSON.stringify(url(path))},
    data=${python(told)},
    files={"input": ("picture.png", picture)},
    timeout=60,
)
response.raise_for_status()
answer = response.json()
print(answer["output_shape"])
`;
}
