/* One model in the list: what it is, how it does, what can be done. */

import { enc } from "/ui/core/api.js";
import { h } from "/ui/core/dom.js";
import { bytes, number, percent, plural, rate, seconds } from "/ui/core/format.js";
import { live, tokenRate } from "/ui/core/live.js";
import { total } from "/ui/core/metrics.js";
import { badge, bar, button, iconButton, note } from "/ui/core/parts.js";
import { may } from "/ui/core/session.js";
import { cancel, scale, terminate } from "/ui/views/acts.js";

export function card(model, progress) {
  const uid = model.id;
  return h("li", { class: "card model", key: uid, "data-uid": uid },
    h("div", { class: "model-name" }, h("a", { href: `#/models/${enc(uid)}` }, uid), badge(model.state), h("span", { class: "tags" }, [model.model_type, model.model_format, model.quantization, model.origin === "recipe" && "recipe"].filter(Boolean).map((each) => h("span", { class: "tag" }, each)))),
    acts(model),
    (model.state !== "ready" || model.reason) && h("div", { class: "wide" }, standing(model, progress)),
    h("dl", { class: "facts" }, facts(model).map(([name, value]) => h("div", { class: "fact" }, h("dt", {}, name), h("dd", { title: String(value) }, value)))));
}

function acts(model) {
  const uid = model.id;
  const chats = model.state === "ready";
  return h("div", { class: "model-acts" },
    chats && h("a", { class: "btn btn-s btn-quiet", href: `#/playground?model=${enc(uid)}` }, "Try"),
    may("logs:list") && h("a", { class: "btn btn-s btn-quiet", href: `#/models/${enc(uid)}?tab=logs` }, "Logs"),
    may("models:write") && iconButton("trash", `Terminate ${uid}`, () => terminate(uid), { kind: "btn-quiet btn-s" }));
}

export function facts(model) {
  const uid = model.id;
  return [
    ["Engine", model.model_engine],
    ["Replicas", `${model.replicas_ready} of ${model.replica} ready`],
    ["Device", device(model)],
    ["Memory", bytes(total(live.metrics, "xinfer_replica_memory_bytes", { model: uid }) || null)],
    ["Tokens/s", live.metrics ? rate(tokenRate(uid)) : "–"],
    ["In flight", inFlight(uid)],
    ["Restarts", number(model.restarts)],
  ];
}

function inFlight(uid) {
  if (!live.metrics) return "–";
  const queued = total(live.metrics, "xinfer_requests_queued", { model: uid });
  return number(total(live.metrics, "xinfer_requests_in_flight", { model: uid })) + (queued ? ` +${queued} waiting` : "");
}

export function device(model) {
  const lines = (live.metrics?.get("xinfer_replica_up") ?? []).filter((line) => line.labels.model === model.id);
  const nodes = [...new Set(lines.map((line) => line.labels.node))];
  const what = model.accelerators?.length ? `GPU ${model.accelerators.join(", ")}` : "CPU";
  return nodes.length ? `${what} · ${nodes.length > 2 ? plural(nodes.length, "node") : nodes.join(", ")}` : what;
}

/** Where a launch stands, or why there is none. */
export function standing(model, progress) {
  if (model.state === "failed") return note("bad", h("p", {}, model.reason || "It failed."), h("p", {}, h("a", { href: `#/models/${enc(model.id)}` }, "The whole cause")));
  if (model.state === "ready") return note("warn", h("p", {}, `${model.replicas_ready} of ${plural(model.replica, "replica")} ready: ${model.reason}`));
  if (model.state === "stopped") return h("div", { class: "row small dim" }, "Stopped: it has no replicas.", may("models:write") && button("Add one", () => scale(model, 1), { kind: "btn-s", "aria-label": `Add a replica of ${model.id}` }));
  const slowest = slow(progress);
  const share = progress?.progress ?? 0;
  const words = slowest?.info || (model.reason && model.reason !== slowest?.phase ? model.reason : "");
  const began = slowest?.updated_at;
  return h("div", { class: "progress-line" },
    h("div", { class: "row-tight between small" },
      h("span", { class: "dim clip grow", title: words || null }, h("b", {}, slowest?.phase ?? model.state), began && ` for ${seconds(Math.max(0, Date.now() / 1000 - began))}`, words && ` · ${words}`), h("span", { class: "num" }, percent(share)),
      model.replicas_ready === 0 && may("models:write") && button("Cancel", () => cancel(model.id), { kind: "btn-s btn-quiet", "aria-label": `Cancel the launch of ${model.id}` })),
    bar(`Progress of ${model.id}`, [share, ""]), downloads(progress?.download_files ?? []));
}

/** The files that are being fetched, each with its own bar. */
function downloads(files) {
  if (!files.length) return null;
  return h("ul", { class: "downloads" }, files.map(({ name, done_bytes: done, total_bytes: all }) => h("li", { key: name },
    h("span", { class: "mono xs clip", title: name }, name), h("span", { class: "xs faint num nowrap" }, all ? `${bytes(done)} of ${bytes(all)}` : bytes(done)),
    bar(`Download of ${name}`, [all ? done / all : 0, ""]))));
}

function slow(progress) {
  return progress?.replicas?.reduce((worst, each) => (!worst || each.progress < worst.progress || each.phase === "failed" ? each : worst), null);
}

export function stepper(model) {
  if (!may("models:write")) return null;
  return h("div", { class: "stepper", role: "group", "aria-label": "Replicas" },
    iconButton("minus", "One replica less", () => scale(model, -1), { disabled: model.replica <= 1 }),
    h("output", { "aria-label": "Replicas wanted" }, model.replica),
    iconButton("plus", "One replica more", () => scale(model, 1)));
}
