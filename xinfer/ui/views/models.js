/* What runs. */

import { enc, get } from "/ui/core/api.js";
import { h, render } from "/ui/core/dom.js";
import { bytes, number, rate } from "/ui/core/format.js";
import { icon } from "/ui/core/icons.js";
import { fleet, live, nodes, refresh, watch } from "/ui/core/live.js";
import { button, empty, failure, ghosts, head, note, segments, stat } from "/ui/core/parts.js";
import { spark } from "/ui/core/plot.js";
import { may } from "/ui/core/session.js";
import { card } from "/ui/views/model_card.js";

/** Up to so many are seen at a glance. */
const FEW = 8;
const TROUBLE = new Set(["failed", "lost", "degraded"]);
const STATES = {
  all: ["All", () => true],
  trouble: ["Failing", ({ state }) => TROUBLE.has(state)],
  moving: ["Under way", ({ state }) => !TROUBLE.has(state) && !["ready", "stopped"].includes(state)],
  ready: ["Ready", ({ state }) => state === "ready"],
  stopped: ["Stopped", ({ state }) => state === "stopped"],
};

export function mount(place) {
  const state = { progress: new Map(), search: "", kept: "all" };
  const { progress } = state;
  const choose = (changes) => {
    Object.assign(state, changes);
    draw();
  };
  const draw = () => render(place, page(state, choose));
  draw();
  const end = watch(async () => {
    draw();
    if (await advance(progress)) draw();
  });
  refresh();
  return end;
}

async function advance(progress) {
  const moving = (live.models ?? []).filter((model) => !["ready", "stopped"].includes(model.state));
  await Promise.all(moving.map(async ({ id }) => progress.set(id, await get(`/v1/models/${enc(id)}/progress`).catch(() => progress.get(id)))));
  return moving.length > 0;
}

function page(state, choose) {
  const launch = may("models:write") && h("a", { class: "btn btn-main", href: "#/launch" }, "Launch a model");
  return [head("Models", "What this cluster serves, and how it does.", launch), body(state, choose)];
}

function body(state, choose) {
  if (live.models === null) return live.error ? failure(live.error, refresh) : h("div", { class: "card card-pad", key: "ghosts" }, ghosts(5, 24));
  if (!live.models.length) {
    const start = may("models:write") && h("a", { class: "btn btn-main", href: "#/launch" }, "Choose a model");
    return h("div", { class: "card", key: "empty" }, empty("models", "Nothing runs yet", "Choose a model from the catalog, give the path of one, or start xinfer-up with a recipe.", start));
  }
  const list = chosen(state);
  return [
    h("dl", { class: "stats", key: "stats" }, summary()),
    live.metricsError?.status > 0 && note("", "Numbers of requests and tokens are not shown: ", live.metricsError.message),
    live.models.length > FEW && filter(state, choose),
    list.length ? h("ul", { class: "model-list", key: "list" }, list.map((model) => card(model, state.progress.get(model.id))))
      : h("div", { class: "card", key: "none" }, empty("search", "No such model", "None that runs here is like that.", button("Show all", () => choose({ search: "", kept: "all" })))),
  ];
}

/** A list that is longer than a screen is searched, and narrowed to what needs somebody. */
function filter(state, choose) {
  const count = (kept) => live.models.filter(STATES[kept][1]).length;
  const entries = Object.keys(STATES).filter((kept) => kept === "all" || kept === state.kept || count(kept)).map((kept) => [kept, `${STATES[kept][0]} ${count(kept)}`]);
  return h("div", { class: "row model-filter", key: "filter" },
    h("div", { class: "search" }, icon("search"), h("input", { type: "search", "aria-label": "Search the models", placeholder: "Search by name or engine", value: state.search, oninput: (event) => choose({ search: event.target.value }) })),
    segments("State", entries, state.kept, (kept) => choose({ kept })));
}

/** What has failed comes first, wherever it was declared. */
function chosen({ search, kept }) {
  if (live.models.length <= FEW) return sorted(live.models);
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (model) => words.every((word) => `${model.id} ${model.model_engine} ${model.model_type}`.toLowerCase().includes(word));
  return sorted(live.models.filter((model) => STATES[kept][1](model) && fits(model)));
}

function sorted(models) {
  return [...models].sort((one, other) => STATES.trouble[1](other) - STATES.trouble[1](one));
}

function summary() {
  const failing = live.models.filter(STATES.trouble[1]).length;
  const ready = live.models.filter((model) => model.state === "ready").length;
  const rates = fleet("rate").map((each) => each.value);
  const used = nodes().reduce((sum, node) => sum + node.mem_used, 0);
  const all = nodes().reduce((sum, node) => sum + node.mem_total, 0);
  const last = (field) => (live.metrics ? (fleet(field).at(-1)?.value ?? 0) : null);
  return [
    stat("Ready", number(ready), `of ${live.models.length}${failing ? `, ${failing} failing` : ""}`),
    stat("In flight", number(last("inFlight")), last("queued") ? `+${last("queued")} waiting` : ""),
    h("div", { class: "stat" }, h("dt", {}, "Tokens/s"), h("dd", { class: "row-tight" }, live.metrics ? rate(rates.at(-1)) : "–", rates.some(Boolean) && spark(rates.slice(-40), "Tokens per second, lately"))),
    stat("Memory used", bytes(used || null), all ? `of ${bytes(all)}` : ""),
  ];
}
