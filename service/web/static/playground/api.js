// The page's only way to an answer: the public API, as any other client has it.

/** The service's own root, wherever it is mounted: this file is at static/playground/api.js. */
const ROOT = new URL("../../", import.meta.url);

/** The address of a path of the API. */
export const address = (path) => new URL(path, ROOT).href;

/** What the service refused, or why there was no answer. */
class Problem extends Error {
  constructor({ title, detail, status = 0, errors = [], type = "" }) {
    super(detail || title);
    Object.assign(this, { title, status, errors, type });
  }
}

let key = "";

/** Send an API key with every request from now on. */
export function useKey(text) {
  key = text.trim();
}

/** Whether requests carry a key. */
export const hasKey = () => Boolean(key);

async function ask(path, options) {
  let response;
  const headers = key ? { ...options.headers, Authorization: `Bearer ${key}` } : options.headers;
  try {
    response = await fetch(address(path), { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({
      title: "No answer",
      detail: "The service did not answer. What you typed is kept; change anything to try again.",
    });
  }
  if (response.ok) return response;
  if (response.status === 401) document.dispatchEvent(new Event("key-wanted"));
  const body = await response.json().catch(() => ({}));
  throw new Problem({ title: response.statusText, detail: `The service answered ${response.status}.`, ...body });
}

/** Ask for JSON. */
export async function get(path, signal) {
  return (await ask(path, { signal })).json();
}

/** Send fields; with `file`, as a form in which it is the input. The whole response comes back. */
export function send(path, fields, { signal, accept = "application/json", file } = {}) {
  const headers = { Accept: accept };
  let body = JSON.stringify(fields);
  if (file) {
    body = new FormData();
    for (const [key, value] of Object.entries(fields)) {
      body.set(key, typeof value === "string" ? value : JSON.stringify(value));
    }
    body.set("input", file, file.name || "picture");
  } else {
    headers["Content-Type"] = "application/json";
  }
  return ask(path, { method: "POST", headers, body, signal });
}

/** Send fields and read the JSON that comes back. */
export async function post(path, fields, options) {
  return (await send(path, fields, options)).json();
}
