/* What runs. */

import { enc, get } from "/ui/core/api.js";
import { h, render } from "/ui/core/dom.js";
import { bytes, number, rate } from "/ui/core/format.js";
import { fleet, live, nodes, refresh, watch } from "/ui/core/live.js";
import { empty, failure, ghosts, head, note, stat } from "/ui/core/parts.js";
import { spark } from "/ui/core/plot.js";
import { may } from "/ui/core/session.js";
import { card } from "/ui/views/model_card.js";

export function mount(place) {
  const progress = new Map();
  const draw = () => render(place, page(progress));
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

function page(progress) {
  const launch = may("models:write") && h("a", { class: "btn btn-main", href: "#/launch" }, "Launch a model");
  return [head("Models", "What this cluster serves, and how it does.", launch), body(progress)];
}

function body(progress) {
  if (live.models === null) return live.error ? failure(live.error, refresh) : h("div", { class: "card card-pad", key: "ghosts" }, ghosts(5, 24));
  if (!live.models.length) {
    const start = may("models:write") && h("a", { class: "btn btn-main", href: "#/launch" }, "Choose a model");
    return h("div", { class: "card", key: "empty" }, empty("models", "Nothing runs yet", "Choose a model from the catalog, give the path of one, or start xinfer-up with a recipe.", start));
  }
  return [
    h("dl", { class: "stats", key: "stats" }, summary()),
    live.metricsError?.status > 0 && note("", "Numbers of requests and tokens are not shown: ", live.metricsError.message),
    h("ul", { class: "model-list", key: "list" }, live.models.map((model) => card(model, progress.get(model.id)))),
  ];
}

function summary() {
  const ready = live.models.filter((model) => model.state === "ready").length;
  const rates = fleet("rate").map((each) => each.value);
  const used = nodes().reduce((sum, node) => sum + node.mem_used, 0);
  const all = nodes().reduce((sum, node) => sum + node.mem_total, 0);
  const last = (field) => (live.metrics ? (fleet(field).at(-1)?.value ?? 0) : null);
  return [
    stat("Ready", number(ready), `of ${live.models.length}`),
    stat("In flight", number(last("inFlight")), last("queued") ? `+${last("queued")} waiting` : ""),
    h("div", { class: "stat" }, h("dt", {}, "Tokens/s"), h("dd", { class: "row-tight" }, live.metrics ? rate(rates.at(-1)) : "–", rates.some(Boolean) && spark(rates.slice(-40), "Tokens per second, lately"))),
    stat("Memory used", bytes(used || null), all ? `of ${bytes(all)}` : ""),
  ];
}
