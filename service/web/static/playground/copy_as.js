// "Copy as": the question on the page as a program, runnable as pasted. The writers are loaded when first asked for.

import { copy, freshId, h, toast } from "./dom.js";

const LANGUAGES = [
  ["curl", "curl"],
  ["python", "Python"],
  ["numpy", "NumPy"],
  ["pytorch", "PyTorch"],
];

/**
 * Make the panel. `source()` returns what is asked: `{path, fields, plan, result}`, for pictures also `picture` and
 * `accept`; or null while there is no answer. Of several values `result` is the list of their names.
 */
export function copyAs(source, heading = "Copy as") {
  let chosen = null;
  const id = freshId("code");
  const code = h("pre.code", { id, tabindex: 0, role: "group", "aria-label": "Code", hidden: true });
  const button = h("button", { type: "button", hidden: true, onclick: () => copy(code.textContent, "Code", code) }, "Copy");

  async function refresh() {
    const language = chosen;
    const asked = language && source();
    if (asked) {
      const loaded = await import(`./snippets/${language}.js`).catch(() => null);
      if (language !== chosen) return; // another was chosen while this one came
      if (!loaded) {
        toast("The service did not answer. Choose it again to try again.");
        choose(null);
        return;
      }
      code.textContent = loaded.write(asked);
    }
    code.hidden = button.hidden = !asked;
  }

  function choose(language) {
    chosen = language;
    buttons.forEach((each, i) => each.setAttribute("aria-expanded", String(LANGUAGES[i][0] === chosen)));
    refresh();
  }

  const buttons = LANGUAGES.map(([name, words]) =>
    h(
      "button",
      {
        type: "button",
        "aria-expanded": "false",
        "aria-controls": id,
        onclick: () => choose(chosen === name ? null : name),
      },
      words,
    ),
  );
  const element = h(
    "section.copy-as",
    { "aria-label": `${heading} code` },
    h("div.bar", {}, h("h2", {}, heading), ...buttons, h("span.spring"), button),
    code,
  );
  return { element, refresh };
}
