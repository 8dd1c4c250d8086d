// The state lives in the address, after the #: the mode, and whatever differs from what the mode opens with.

/** What the address says: `{mode, values}`, values being texts by name. */
export function read() {
  const [mode, query = ""] = location.hash.slice(1).split("?");
  return { mode, values: Object.fromEntries(new URLSearchParams(query)) };
}

let timer = 0;

/** Write a mode and its texts into the address, leaving out those that equal `defaults`. */
export function write(mode, values, defaults) {
  clearTimeout(timer);
  timer = setTimeout(() => history.replaceState(null, "", hash(mode, values, defaults)), 150);
}

/** Write at once what is waiting to be written. */
export function writeNow(mode, values, defaults) {
  clearTimeout(timer);
  history.replaceState(null, "", hash(mode, values, defaults));
}

/** The same in a new entry of the browser's history. */
export function step(mode, values, defaults) {
  clearTimeout(timer);
  history.pushState(null, "", hash(mode, values, defaults));
}

/** The part of the address after and with the #. */
function hash(mode, values, defaults) {
  const told = Object.entries(values).filter(([key, value]) => value !== (defaults[key] ?? ""));
  // Commas, semicolons and the like may stand in a fragment as they are, and are far easier to read so.
  const query = told.map(([key, value]) => `${key}=${encodeURIComponent(value).replace(/%(2C|3B|3A|5B|5D)/g, decodeURIComponent)}`);
  return `#${mode}${query.length ? `?${query.join("&")}` : ""}`;
}
