// Elements without markup in strings: nothing that came from outside is ever parsed as HTML, so no policy has to allow it.

/** Make an element: `h("p.note", {id: "x", onclick: f, "aria-live": "polite"}, "text", child)`. */
export function h(name, properties = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  return dress(document.createElement(tag), classes, properties, children);
}

const SVG = "http://www.w3.org/2000/svg";

/** The same for SVG. */
export function s(name, properties = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  return dress(document.createElementNS(SVG, tag), classes, properties, children);
}

function dress(element, classes, properties, children) {
  if (classes.length) element.classList.add(...classes);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Text for screen readers alone. */
export const hidden = (...children) => h("span.visually-hidden", {}, ...children);

let count = 0;

/** An id that no other element has. */
export const freshId = (stem) => `${stem.toLowerCase().replace(/[^a-z]+/g, "-")}-${++count}`;

/** Say something to screen readers, and to nobody else. */
export function announce(text) {
  if (!text) return;
  const region = document.getElementById("announcer");
  // The same words twice are a change only if they go away in between.
  if (region.textContent === text) region.textContent = "";
  region.textContent = text;
}

/** Show a short message at the foot of the window for a moment. */
export function toast(text) {
  const place = document.getElementById("toast");
  place.textContent = text;
  place.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => (place.hidden = true), 3000);
}

/** Copy text; where the browser does not allow that, select it in `fallback` instead. */
export async function copy(text, what, fallback) {
  try {
    await navigator.clipboard.writeText(text);
    toast(`${what} copied`);
  } catch {
    // Browsers keep the clipboard from pages that did not come over TLS.
    if (fallback) getSelection().selectAllChildren(fallback);
    toast(fallback ? `${what} selected: copy it with your keyboard` : `${what}: copy it from the address bar`);
  }
}

/** Hand bytes to the person as a file. */
export function save(blob, name) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  release(link.href);
}

/** Let go of an object URL, once whatever still loads from it has. */
export function release(url) {
  if (url) setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
