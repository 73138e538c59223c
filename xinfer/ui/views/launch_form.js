/* Launching one model: engine, format, size, quantization, as far as they can run here. */

import { enc, get, post } from "/ui/core/api.js";
import { h, render } from "/ui/core/dom.js";
import { icon } from "/ui/core/icons.js";
import { nodes, refresh, watch } from "/ui/core/live.js";
import { failed, toast } from "/ui/core/overlay.js";
import { button, code, empty, failure, field, ghosts, note, options, segments } from "/ui/core/parts.js";
import { go } from "/ui/core/router.js";
import { credential, may } from "/ui/core/session.js";
import { engineOptions } from "/ui/views/engine_options.js";
import { body, cli, curl, yaml } from "/ui/views/equivalents.js";
import { memory } from "/ui/views/launch_memory.js";
import { sourceSteps } from "/ui/views/launch_source.js";
import { entryOf, settle, variantSteps } from "/ui/views/launch_variant.js";

const FORMS = { YAML: yaml, CLI: cli, cURL: (wish) => curl(wish, credential()) };

export function mount(place, { parts }) {
  const [kind, name] = parts;
  const state = {
    wish: { kind: name ? kind : "LLM", family: name ?? null, engine: null, uid: name ?? "", replicas: 1, gpus: "auto", node: "", hub: "", options: {}, source: null },
    engines: null, offers: null, missing: null, error: null, shown: "YAML", busy: false, refused: "", optionSearch: "", optionsOpen: false,
  };
  const draw = () => render(place, page(state, draw));
  draw();
  read(state).then(draw);
  return watch(draw);
}

async function read(state) {
  const { kind, family } = state.wish;
  const offers = family ? get(`/v1/engines/${enc(kind)}/${enc(family)}`) : Promise.resolve({});
  try {
    [state.offers, state.engines] = await Promise.all([offers, get("/v1/engines")]);
  } catch (error) {
    state.error = error;
    return;
  }
  if (!family) {
    const first = state.engines.find((engine) => engine.needs_source && !engine.missing) ?? state.engines[0];
    Object.assign(state.wish, { engine: first?.name ?? null, source: first?.needs_source ? { package: "" } : null });
  } else if (state.offers) {
    const [first] = Object.entries(state.offers).filter(([, offer]) => Array.isArray(offer));
    if (first) settle(state, { engine: first[0] });
  }
}

function page(state, draw) {
  const { family } = state.wish;
  const header = h("header", { class: "page-head" }, h("div", { class: "titles" },
    h("a", { class: "crumb", href: "#/launch" }, icon("back"), "Catalog"), h("h1", {}, family ?? "From a path, package or hub")));
  return [header, content(state, draw)];
}

function content(state, draw) {
  if (state.error) return failure(state.error, () => read(state).then(draw));
  if (!state.engines) return h("div", { class: "card card-pad", key: "ghosts" }, ghosts(8, 28));
  if (!state.offers) return h("div", { class: "card" }, empty("search", "No such model", `The catalog has no ${state.wish.kind} model '${state.wish.family}'.`, h("a", { class: "btn", href: "#/launch" }, "To the catalog")));
  const set = (changes) => {
    state.refused = "";
    settle(state, changes);
    draw();
  };
  const able = !state.wish.family || Object.values(state.offers).some(Array.isArray);
  return h("form", { class: "launch-grid", key: "form", onsubmit: (event) => submit(event, state, draw) },
    h("div", { class: "stack" },
      h("section", { class: "card", "aria-label": "What to launch" }, state.wish.family ? variantSteps(state, set) : sourceSteps(state, set)),
      able && h("section", { class: "card", "aria-label": "How it runs", key: "how" }, h("div", { class: "step" }, h("h2", {}, "How it runs"), placement(state, set)),
        engineOf(state)?.options.length > 0 && h("div", { class: "step" }, engineOptions(engineOf(state), state.wish.options, state, draw)))),
    able && side(state, draw));
}

export function engineOf(state) {
  const wanted = state.wish.engine?.toLowerCase();
  return state.engines.find((engine) => engine.title.toLowerCase() === wanted || engine.name.toLowerCase() === wanted);
}

/** The wish with the engine under its own name; offers call it by its title. */
function wished(state) {
  return { ...state.wish, engine: engineOf(state)?.name ?? state.wish.engine };
}

function placement({ wish }, set) {
  const gpus = nodes().reduce((most, node) => Math.max(most, node.gpu_count), 0);
  const devices = [["auto", "Automatic"], ["none", "CPU only"], ...Array.from({ length: gpus }, (_, place) => [String(place + 1), `${place + 1} per replica`])];
  return h("div", { class: "fields" },
    field("Name", h("input", { value: wish.uid, required: true, maxlength: 100, oninput: (event) => set({ uid: event.target.value }), placeholder: wish.family ?? "chat" }), "Clients ask for it by this name.", "uid"),
    field("Replicas", h("input", { type: "number", min: 1, max: 64, value: String(wish.replicas), oninput: (event) => set({ replicas: Number(event.target.value) || 1 }) }), "Engines that share the requests.", "replicas"),
    field("Accelerators", h("select", { value: wish.gpus, onchange: (event) => set({ gpus: event.target.value }) }, options(devices, wish.gpus)), gpus ? `${gpus} on the largest node.` : "No node has any.", "gpus"),
    nodes().length > 1 && field("Node", h("select", { value: wish.node, onchange: (event) => set({ node: event.target.value }) }, options([["", "Wherever it fits"], ...nodes().map((node) => node.node)], wish.node)), null, "node"),
    wish.family && field("Hub", h("select", { value: wish.hub, onchange: (event) => set({ hub: event.target.value }) }, options([["", "As configured"], "huggingface", "modelscope"], wish.hub)), "Where its files come from.", "hub"));
}

function side(state, draw) {
  const { wish } = state;
  const ready = wish.engine && (wish.uid || wish.family) && (!wish.source || Object.values(wish.source)[0] || !engineOf(state)?.needs_source);
  return h("aside", { class: "launch-side", key: "side", "aria-label": "Launch" },
    h("section", { class: "card card-pad stack" }, memory(entryOf(state), wish, engineOf(state)),
      state.refused && note("bad", state.refused),
      !may("models:write") && note("", "You may look, but not launch: that needs the scope models:write."),
      h("button", { class: "btn btn-main", disabled: !ready || state.busy || !may("models:write") }, state.busy ? "Launching …" : `Launch ${wish.uid || wish.family || ""}`)),
    h("section", { class: "card" }, h("div", { class: "card-head" }, h("h2", {}, "The same as"), segments("Form", Object.keys(FORMS).map((name) => [name, name]), state.shown, (shown) => {
      state.shown = shown;
      draw();
    })), h("div", { class: "card-pad", key: state.shown }, code(FORMS[state.shown](wished(state)), `As ${state.shown}`), state.shown === "YAML" && wish.hub && h("p", { class: "hint" }, "A recipe takes the hub from the environment."), state.shown !== "YAML" && credential() && h("p", { class: "hint" }, "The key is read from XINFER_API_KEY."))));
}

async function submit(event, state, draw) {
  event.preventDefault();
  Object.assign(state, { busy: true, refused: "" });
  draw();
  try {
    const { model_uid: uid } = await post("/v1/models?wait_ready=false", body(wished(state)));
    toast(`${uid} is being launched.`, "good");
    await refresh();
    go(`models/${enc(uid)}`);
  } catch (error) {
    if (error.status === 0) failed(error);
    Object.assign(state, { busy: false, refused: error.message });
    draw();
  }
}
