// Starts the page: the mode that the address names, the tabs, the theme, the link to share.

import { useKey } from "./api.js";
import { watchProgress } from "./asking.js";
import { copy, toast } from "./dom.js";
import * as link from "./link.js";

const MODES = {
  matrix: () => import("./modes/matrix.js"),
  picture: () => import("./modes/picture.js"),
  signal: () => import("./modes/signal.js"),
  network: () => import("./modes/network.js"),
};

const place = document.getElementById("mode");
const tabs = [...document.querySelectorAll("[data-mode]")];
// An option may be left empty; a grid has a cell at least.
const GRIDS = new Set(["input", "kernel", "x", "h", "layers"]);
// What was typed in a mode is there when one comes back to it.
const remembered = {};
let current = null;
let shown = 0;

/** Show a mode; `step` makes a step in the browser's history of it, for Back to return from. */
async function show(name, { values = remembered[name] ?? {}, step = false } = {}) {
  const turn = ++shown;
  markTab(name);
  const loaded = await MODES[name]().catch(() => null);
  if (turn !== shown) return; // another mode was chosen while this one came
  if (!loaded) {
    markTab(current?.name);
    toast("The service did not answer. Choose the mode again to try again.");
    return;
  }
  const { mount, DEFAULTS } = loaded;
  current?.mounted.unmount();
  const known = Object.fromEntries(Object.entries(values).filter(([key, value]) => Object.hasOwn(DEFAULTS, key) && (value !== "" || !GRIDS.has(key))));
  remembered[name] = known;
  const changed = (texts) => {
    remembered[name] = { ...texts };
    link.write(name, texts, DEFAULTS);
  };
  if (step) link.step(name, known, DEFAULTS);
  else link.writeNow(name, known, DEFAULTS);
  document.title = `${name[0].toUpperCase()}${name.slice(1)} · Convolution playground`;
  place.dataset.mode = name;
  current = { name, DEFAULTS, mounted: mount(place, known, changed) };
}

function markTab(name) {
  for (const tab of tabs) {
    if (tab.dataset.mode === name) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
}

function followAddress() {
  const { mode, values } = link.read();
  const known = Object.hasOwn(MODES, mode);
  show(known ? mode : "matrix", { values: known ? values : {} });
}

for (const tab of tabs) {
  tab.addEventListener("click", (event) => {
    event.preventDefault();
    if (current) link.writeNow(current.name, remembered[current.name], current.DEFAULTS);
    show(tab.dataset.mode, { step: tab.dataset.mode !== current?.name });
  });
}
window.addEventListener("hashchange", followAddress);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  place.focus();
});

document.getElementById("share").addEventListener("click", () => {
  link.writeNow(current.name, remembered[current.name], current.DEFAULTS);
  copy(location.href, "Link");
});

// Where the operator has set keys, the page needs one as everybody does. It lasts as long as the tab.
const keyForm = document.getElementById("key-form");
const key = document.getElementById("key");
document.addEventListener("key-wanted", () => {
  keyForm.hidden = false;
  if (document.activeElement === document.body || document.activeElement === place) key.focus();
});
key.addEventListener("input", () => key.setCustomValidity(""));
keyForm.addEventListener("submit", (event) => {
  event.preventDefault();
  const [letter] = key.value.trim().match(/[^\x20-\x7e\xa0-\xff]/u) ?? [];
  if (letter) {
    key.setCustomValidity(`The key holds "${letter}", which no request can carry; it is of Latin letters, digits and signs.`);
    key.reportValidity();
    return;
  }
  useKey(key.value);
  keyForm.hidden = true;
  place.focus();
  show(current.name);
});

const THEMES = ["auto", "light", "dark"];
const theme = document.getElementById("theme");

function paint(name) {
  document.documentElement.dataset.theme = name;
  theme.value = name;
}

theme.addEventListener("change", () => {
  paint(theme.value);
  try {
    localStorage.setItem("theme", theme.value);
  } catch {
    /* the choice then lasts as long as the page */
  }
});

function rememberedTheme() {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null;
  }
}

paint(THEMES.includes(rememberedTheme()) ? rememberedTheme() : "auto");
watchProgress(
  document.getElementById("progress"),
  document.getElementById("progress-words"),
  document.getElementById("cancel"),
);
followAddress();
