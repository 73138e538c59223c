/* An engine's options as a form, made from their typed descriptions. */

import { h } from "/ui/core/dom.js";
import { icon } from "/ui/core/icons.js";
import { field, options as choices } from "/ui/core/parts.js";

/** `given` holds what was changed, by name; `changed()` is called after each change. */
export function engineOptions(engine, given, state, changed) {
  const found = engine.options.filter((option) => matches(option, state.optionSearch));
  const set = Object.keys(given).length;
  return h("details", { key: `options-${engine.name}`, open: state.optionsOpen, ontoggle: (event) => {
    state.optionsOpen = event.currentTarget.open;
  } },
    h("summary", {}, icon("next"), "Engine options", h("span", { class: "faint small" }, set ? `${set} set` : `${engine.options.length}, all optional`)),
    engine.options.length > 8 && h("div", { class: "search option-search" }, icon("search"),
      h("input", { type: "search", "aria-label": "Search the options", placeholder: "Search the options", value: state.optionSearch, oninput: (event) => {
        state.optionSearch = event.target.value;
        changed();
      } })),
    h("div", { class: "engine-options" }, found.map((option) => field(option.name, control(option, given, changed), option.doc, `option-${option.name}`, typed(option)))),
    found.length === 0 && h("p", { class: "dim" }, "No option matches."));
}

/** What may be written there. */
function typed({ type, minimum, maximum }) {
  const low = minimum === null || minimum === undefined ? "" : ` ≥ ${minimum}`;
  const high = maximum === null || maximum === undefined ? "" : ` ≤ ${maximum}`;
  return type + low + high;
}

function matches({ name, doc }, search) {
  const wanted = search.trim().toLowerCase();
  return !wanted || name.toLowerCase().includes(wanted) || doc.toLowerCase().includes(wanted);
}

function control(option, given, changed) {
  const { name, type } = option;
  const keep = (value) => {
    if (value === undefined) delete given[name];
    else given[name] = value;
    changed();
  };
  const usual = option.default === null || option.default === undefined ? "the engine's choice" : String(option.default);
  if (option.choices?.length || type === "bool") {
    const values = type === "bool" ? ["true", "false"] : option.choices.map(String);
    const now = name in given ? String(given[name]) : "";
    return h("select", { value: now, onchange: (event) => keep(event.target.value === "" ? undefined : read(type, event.target.value)) }, choices([["", `default: ${usual}`], ...values], now));
  }
  const numeric = type === "int" || type === "float";
  return h("input", { type: numeric ? "number" : "text", inputmode: numeric ? "decimal" : null, min: option.minimum ?? null, max: option.maximum ?? null, step: type === "int" ? 1 : "any", placeholder: usual,
    value: name in given ? shown(given[name]) : "", onchange: (event) => keep(event.target.value === "" ? undefined : read(type, event.target.value)) });
}

function shown(value) {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function read(type, text) {
  if (type === "bool") return text === "true";
  if (type === "int" || type === "float") return Number(text);
  try {
    return /^[[{]/.test(text.trim()) ? JSON.parse(text) : text;
  } catch {
    return text;
  }
}
