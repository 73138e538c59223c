/* Adding a model of one's own to the catalog, and removing it. */

import { enc, get, post, remove } from "/ui/core/api.js";
import { h, render } from "/ui/core/dom.js";
import { icon } from "/ui/core/icons.js";
import { confirm, failed, toast } from "/ui/core/overlay.js";
import { field, iconButton, note, options } from "/ui/core/parts.js";

const KINDS = ["LLM", "embedding", "rerank"];
const STARTS = {
  LLM: { version: 2, model_name: "my-model", model_family: "my-model", model_lang: ["en"], model_ability: ["chat"], context_length: 8192, model_specs: [{ model_format: "ggufv2", model_size_in_billions: 1, quantization: "Q4_K_M", model_uri: "/models/my-model", model_file_name_template: "my-model.{quantization}.gguf" }] },
  embedding: { version: 2, model_name: "my-embedding", dimensions: 384, max_tokens: 512, language: ["en"], model_specs: [{ model_format: "pytorch", quantization: "none", model_uri: "/models/my-embedding" }] },
  rerank: { version: 2, model_name: "my-reranker", language: ["en"], type: "normal", max_tokens: 512, model_specs: [{ model_format: "pytorch", quantization: "none", model_uri: "/models/my-reranker" }] },
};

export function mount(place) {
  const state = { kind: "LLM", text: start("LLM"), refused: "", busy: false, own: [] };
  const draw = () => render(place, page(state, draw));
  draw();
  own(state).then(draw);
}

function start(kind) {
  return JSON.stringify(STARTS[kind], null, 2);
}

async function own(state) {
  const lists = await Promise.all(KINDS.map((kind) => get(`/v1/model_registrations/${kind}`).then((list) => list.filter((each) => !each.is_builtin).map((each) => ({ kind, name: each.model_name }))).catch(() => [])));
  state.own = lists.flat();
}

function page(state, draw) {
  const titles = [h("a", { class: "crumb", href: "#/launch" }, icon("back"), "Catalog"), h("h1", {}, "Register a model"), h("p", { class: "dim" }, "It is then in the catalog of the whole cluster, and launched like any other.")];
  return [h("header", { class: "page-head" }, h("div", { class: "titles" }, titles)), form(state, draw), list(state, draw)];
}

function form(state, draw) {
  const choose = (event) => {
    if (state.text === start(state.kind)) state.text = start(event.target.value);
    state.kind = event.target.value;
    draw();
  };
  const write = (event) => {
    Object.assign(state, { text: event.target.value, refused: "" });
    draw();
  };
  return h("form", { class: "card card-pad stack", key: "form", onsubmit: (event) => submit(event, state, draw) },
    field("Kind", h("select", { class: "slim", value: state.kind, onchange: choose }, options(KINDS, state.kind)), null, "register-kind"),
    field("Description", h("textarea", { class: "mono", rows: 23, spellcheck: "false", value: state.text, oninput: write }), "JSON or YAML, as Xinference has it. model_uri names files of the node; model_id and model_hub a repository.", "register-text"),
    state.refused && note("bad", state.refused),
    h("div", { class: "row" }, h("button", { class: "btn btn-main", disabled: state.busy }, "Register")));
}

async function submit(event, state, draw) {
  event.preventDefault();
  Object.assign(state, { busy: true, refused: "" });
  draw();
  try {
    await post(`/v1/model_registrations/${state.kind}`, { model: state.text, persist: true });
    toast("It is in the catalog now.", "good");
    await own(state);
  } catch (error) {
    state.refused = error.missing ? "This server cannot register models." : error.message;
  }
  state.busy = false;
  draw();
}

function list(state, draw) {
  if (!state.own.length) return null;
  const drop = async ({ kind, name }) => {
    if (!(await confirm(`Remove ${name}?`, "It leaves the catalog. What runs of it goes on.", "Remove"))) return;
    await remove(`/v1/model_registrations/${kind}/${enc(name)}`).catch(failed);
    await own(state);
    draw();
  };
  return h("section", { class: "card", key: "own" }, h("div", { class: "card-head" }, h("h2", {}, "Registered here")),
    h("div", { class: "table-wrap" }, h("table", {}, h("tbody", {}, state.own.map((each) => h("tr", { key: each.name },
      h("td", {}, h("a", { href: `#/launch/${each.kind}/${enc(each.name)}` }, each.name)), h("td", {}, h("span", { class: "tag" }, each.kind)),
      h("td", { class: "r" }, iconButton("trash", `Remove ${each.name}`, () => drop(each)))))))));
}
