// Labelled controls, each with a place for what the service says about it.

import { announce, freshId, h } from "./dom.js";

/**
 * Wrap a control in its label and its place for an error; `pointer` is the request's field it belongs to. On a phone a
 * `wide` one has a line of its own.
 */
export function field(label, control, { pointer, hint, wide } = {}) {
  const id = (control.id ||= freshId(label));
  const error = h("p.error", { id: `${id}-error`, hidden: true });
  const element = h(wide ? "div.field.wide" : "div.field", {}, h("label", { for: id }, label), control, hint && h("p.hint", {}, hint), error);
  return { element, control, pointer, fail: (text) => fail(control, error, text) };
}

/** Say, or with an empty text stop saying, what is wrong with a control. */
export function fail(control, error, text) {
  error.textContent = text || "";
  error.hidden = !text;
  control.toggleAttribute("aria-invalid", Boolean(text));
  if (text) {
    control.setAttribute("aria-invalid", "true");
    control.setAttribute("aria-describedby", error.id);
  } else {
    control.removeAttribute("aria-describedby");
  }
}

/** A field of text; `suggestions` are offered but not required. */
export function textField(label, value, oninput, { suggestions, ...more } = {}) {
  const list = suggestions && h("datalist", { id: freshId("list") }, suggestions.map((value) => h("option", { value })));
  const control = h("input", {
    type: "text",
    autocomplete: "off",
    spellcheck: "false",
    value,
    list: list?.id,
    placeholder: more.placeholder,
    inputmode: more.inputmode,
    oninput: () => oninput(control.value),
  });
  const made = field(label, control, more);
  if (list) made.element.append(list);
  return made;
}

/** A field that takes one of some values: `[[value, words], …]` or values alone. */
export function selectField(label, value, options, onchange, more = {}) {
  const control = h("select", { onchange: () => onchange(control.value) }, choices(options));
  control.value = value;
  return field(label, control, more);
}

/** The options of a select; `{label, options}` makes a group. */
export function choices(options) {
  return options.map((entry) => {
    if (entry.options) return h("optgroup", { label: entry.label }, choices(entry.options));
    const [value, words] = Array.isArray(entry) ? entry : [entry, entry];
    return h("option", { value }, words);
  });
}

/** A field that is on or off. */
export function checkField(label, value, onchange, { pointer } = {}) {
  const control = h("input", { type: "checkbox", onchange: () => onchange(control.checked) });
  control.checked = value;
  const made = field(label, control, { pointer });
  made.element.classList.add("check");
  return made;
}

/** A number on a slider, with the number beside it. */
export function sliderField(label, { value, minimum, maximum, step, unit }, oninput, more = {}) {
  const shown = h("output", {}, String(value));
  const control = h("input", {
    type: "range",
    min: minimum,
    max: maximum,
    step,
    value,
    oninput: () => {
      shown.textContent = control.value;
      oninput(Number(control.value));
    },
  });
  const made = field(label, control, more);
  made.element.classList.add("slider");
  made.element.firstChild.after(h("span.reading", { "aria-hidden": "true" }, shown, unit ? ` ${unit}` : ""));
  return made;
}

/** One of a few choices, all in sight. `choose` marks another one. */
export function segments(label, value, options, onchange) {
  const name = freshId(label);
  const inputs = options.map(([value, words]) => {
    const input = h("input", { type: "radio", name, value, onchange: () => onchange(value) });
    return { input, element: h("label.segment", {}, input, h("span", {}, words)) };
  });
  const choose = (value) => inputs.forEach(({ input }) => (input.checked = input.value === value));
  choose(value);
  const element = h("fieldset.segments", {}, h("legend.visually-hidden", {}, label), inputs.map((each) => each.element));
  return { element, choose };
}

/**
 * Put a problem where its pointers lead: `places` are fields (or anything with `pointer` and `fail(text, rest)`),
 * `general` is for whatever no place claims.
 */
export function showProblem(problem, places, general) {
  const entries = problem?.errors?.length ? problem.errors : problem ? [{ pointer: "", detail: problem.message }] : [];
  const unclaimed = [];
  const told = new Map();
  for (const { pointer, detail } of entries) {
    const [, first, ...rest] = pointer.split("/");
    const place = places.find((each) => each.pointer === first);
    if (place && !told.has(place)) told.set(place, [detail, rest]); // a place has room for one: the first
    else if (!place) unclaimed.push(detail);
  }
  for (const place of places) place.fail(...(told.get(place) ?? ["", []]));
  for (const row of new Set(places.map((place) => place.element.parentElement))) {
    row?.classList.toggle("crowded", row.querySelectorAll(":scope > .field > .error:not([hidden])").length > 1);
  }
  general.textContent = unclaimed.join(" ");
  general.hidden = !unclaimed.length;
  // The general place is an alert and speaks for itself.
  if (told.size) announce([...told.values()].map(([detail]) => detail).join(" "));
}
