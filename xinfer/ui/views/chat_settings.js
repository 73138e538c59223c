/* What a conversation is asked with: prompt, sampling, tools, the shape of replies. */

import { h } from "/ui/core/dom.js";
import { number } from "/ui/core/format.js";
import { icon } from "/ui/core/icons.js";
import { button, field, options } from "/ui/core/parts.js";
import { CHOICES } from "/ui/views/chat_request.js";

const EXAMPLES = {
  tools: [{ type: "function", function: { name: "weather", description: "The weather in a city now", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } } }],
  schema: { type: "object", properties: { answer: { type: "string" }, sure: { type: "boolean" } }, required: ["answer", "sure"] },
};

/** Which parts a person has unfolded. */
const unfolded = { tools: false, schema: false };

/** Changes `settings` in place; `begun` says whether there is anything to begin anew. */
export function side(settings, act, begun) {
  const set = (name) => (value) => {
    settings[name] = value;
    act.draw();
  };
  const area = (label, name, rows, placeholder) => text(label, { name, rows, placeholder, value: settings[name] }, set(name));
  return h("aside", { class: "card side", "aria-label": "Settings" },
    area("System prompt", "system", 4, "You are …"),
    slider("Temperature", settings.temperature, 0, 2, 0.05, set("temperature")),
    slider("Top p", settings.topP, 0, 1, 0.01, set("topP")),
    slider("Max tokens", settings.maxTokens, 16, 4096, 16, set("maxTokens")),
    fold("tools", "Tools", area("Functions as JSON", "tools", 8, "[]"), calls(settings.choice, set("choice"))),
    fold("schema", "JSON schema", area("The reply follows it", "schema", 8, "{}")),
    button("New conversation", act.clear, { kind: "btn-s", glyph: "plus", disabled: !begun }));
}

function fold(name, title, ...parts) {
  const keep = (event) => {
    unfolded[name] = event.target.open;
  };
  return h("details", { key: name, open: unfolded[name], ontoggle: keep }, h("summary", {}, icon("next"), title), h("div", { class: "stack pane" }, parts));
}

function calls(choice, set) {
  const entries = Object.entries(CHOICES).map(([name, [title]]) => [name, title]);
  return field("Whether it calls them", h("select", { value: choice, onchange: (event) => set(event.target.value) }, options(entries, choice)), CHOICES[choice][1], "chat-choice");
}

function text(label, { name, rows, placeholder, value }, set) {
  const example = name in EXAMPLES && !value && button("Example", () => set(JSON.stringify(EXAMPLES[name], null, 1)), { kind: "btn-quiet btn-s" });
  return field(label, h("textarea", { rows, placeholder, class: name === "system" ? "" : "mono small", spellcheck: "false", value, oninput: (event) => set(event.target.value) }), null, `chat-${name}`, example);
}

function slider(label, value, min, max, step, set) {
  const id = `chat-${label.replace(" ", "-").toLowerCase()}`;
  return h("div", { class: "slider", key: label }, h("label", { class: "label", for: id }, label), h("output", { class: "num small dim", for: id }, number(value, step < 1 ? 2 : 0)),
    h("input", { id, type: "range", min, max, step, value: String(value), oninput: (event) => set(Number(event.target.value)) }));
}
