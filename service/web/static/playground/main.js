// Starts the page: the mode that the address names, the tabs, the theme, the link to share.

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

async function show(name, values = remembered[name] ?? {}) {
  current?.mounted.unmount();
  for (const tab of tabs) tab.toggleAttribute("aria-current", tab.dataset.mode === name);
  for (const tab of tabs) if (tab.dataset.mode === name) tab.setAttribute("aria-current", "page");
  const { mount, DEFAULTS } = await MODES[name]();
  const known = Object.fromEntries(Object.entries(values).filter(([key]) => key in DEFAULTS));
  remembered[name] = known;
  const changed = (texts) => {
    remembered[name] = { ...texts };
    link.write(name, texts, DEFAULTS);
  };
  link.writeNow(name, known, DEFAULTS);
  current = { name, DEFAULTS };
  document.title = `${name[0].toUpperCase()}${name.slice(1)} · Convolution playground`;
  place.dataset.mode = name;
  current.mounted = mount(place, known, changed);
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
