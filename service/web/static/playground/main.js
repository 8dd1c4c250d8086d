// Starts the page: the mode that the address names, the tabs, the theme, the link to share.

import { useKey } from "./api.js";
import { watchProgress } from "./asking.js";
import { copy } from "./dom.js";
import * as link from "./link.js";

const MODES = {
  matrix: () => import("./modes/matrix.js"),
  picture: () => import("./modes/picture.js"),
  signal: () => import("./modes/signal.js"),
  network: () => import("./modes/network.js"),
};

const place = document.getElementById("mode");
const tabs = [...document.querySelectorAll("[data-mode]")];
// What was typed in a mode is there when one comes back to it.
const remembered = {};
let current = null;
let shown = 0;

async function show(name, values = remembered[name] ?? {}) {
  const turn = ++shown;
  for (const tab of tabs) tab.toggleAttribute("aria-current", tab.dataset.mode === name);
  for (const tab of tabs) if (tab.dataset.mode === name) tab.setAttribute("aria-current", "page");
  const { mount, DEFAULTS } = await MODES[name]();
  if (turn !== shown) return; // another mode was chosen while this one came
  current?.mounted.unmount();
  const known = Object.fromEntries(Object.entries(values).filter(([key, value]) => key in DEFAULTS && value !== ""));
  remembered[name] = known;
  const changed = (texts) => {
    remembered[name] = { ...texts };
    link.write(name, texts, DEFAULTS);
  };
  link.writeNow(name, known, DEFAULTS);
  document.title = `${name[0].toUpperCase()}${name.slice(1)} · Convolution playground`;
  place.dataset.mode = name;
  current = { name, DEFAULTS, mounted: mount(place, known, changed) };
}

function followAddress() {
  const { mode, values } = link.read();
  show(mode in MODES ? mode : "matrix", mode in MODES ? values : {});
}

for (const tab of tabs) {
  tab.addEventListener("click", (event) => {
    event.preventDefault();
    show(tab.dataset.mode);
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
document.addEventListener("key-wanted", () => {
  keyForm.hidden = false;
});
keyForm.addEventListener("submit", (event) => {
  event.preventDefault();
  useKey(document.getElementById("key").value);
  keyForm.hidden = true;
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
