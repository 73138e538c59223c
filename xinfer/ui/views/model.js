/* One model: its replicas, its launch, its log, and why it failed. */

import { enc, get } from "/ui/core/api.js";
import { h, render } from "/ui/core/dom.js";
import { bytes, moment, number, plural, rate, seconds } from "/ui/core/format.js";
import { icon } from "/ui/core/icons.js";
import { history, live, refresh, tokenRate, watch } from "/ui/core/live.js";
import { total } from "/ui/core/metrics.js";
import { badge, button, empty, failure, ghosts, listing, note, stat, tabs } from "/ui/core/parts.js";
import { plot } from "/ui/core/plot.js";
import { go, requery } from "/ui/core/router.js";
import { may } from "/ui/core/session.js";
import { terminate } from "/ui/views/acts.js";
import { logs } from "/ui/views/logs.js";
import { device, standing, stepper } from "/ui/views/model_card.js";
import { phases } from "/ui/views/phases.js";

const TABS = [["overview", "Overview"], ["logs", "Log"], ["events", "Events"], ["details", "Details"]];

export function mount(place, { parts, query }) {
  const state = { uid: parts[0], tab: query.get("tab") ?? "overview", replicas: null, timeline: [], progress: null, events: [], error: null, log: null, seen: false };
  const logPlace = h("div", { own: true, key: "log" });
  const draw = () => {
    render(place, page(state, choose, logPlace));
    if (state.tab === "logs" && !state.log && state.replicas) state.log = logs(logPlace, state.uid, state.replicas);
  };
  const choose = (tab) => {
    state.tab = tab;
    requery({ tab: tab === "overview" ? null : tab });
    if (tab !== "logs") endLog(state);
    draw();
    read(state).then(draw);
  };
  draw();
  const end = watch(() => read(state).then(draw));
  refresh();
  return () => {
    end();
    endLog(state);
  };
}

function endLog(state) {
  state.log?.();
  state.log = null;
}

/** What the list does not say; nothing is asked about a model that is not there. */
async function read(state) {
  if (!live.models?.some((each) => each.id === state.uid)) return;
  const path = `/v1/models/${enc(state.uid)}`;
  const asked = [get(`${path}/replicas`), get(`${path}/timeline`), get(`${path}/progress`), state.tab === "events" ? get(`${path}/events`) : state.events];
  try {
    [state.replicas, state.timeline, state.progress, state.events] = await Promise.all(asked);
    state.error = null;
  } catch (error) {
    state.error = error;
  }
}

function page(state, choose, logPlace) {
  const model = live.models?.find((each) => each.id === state.uid);
  state.seen ||= Boolean(model);
  const crumb = h("a", { class: "crumb", href: "#/models" }, icon("back"), "Models");
  if (!model) return [crumb, h("h1", { class: "unseen" }, state.uid), absent(state)];
  return [
    h("header", { class: "page-head" }, h("div", { class: "titles" }, crumb, h("div", { class: "row" }, h("h1", {}, model.id), badge(model.state))),
      h("div", { class: "row" }, stepper(model),
        model.state === "ready" && h("a", { class: "btn", href: `#/playground?model=${enc(model.id)}` }, "Try it"),
        may("models:write") && button("Terminate", async () => (await terminate(model.id)) && go("models"), { kind: "btn-bad" }))),
    tabs("Parts of the model", TABS, state.tab, choose),
    h("div", { class: "stack", role: "tabpanel", "aria-labelledby": `tab-${state.tab}`, key: state.tab }, PANELS[state.tab]?.(state, model, logPlace) ?? PANELS.overview(state, model)),
  ];
}

function absent(state) {
  if (live.models === null) return live.error ? failure(live.error, refresh) : h("div", { class: "card card-pad" }, ghosts(6, 24));
  const why = state.seen ? "It has been terminated." : "Nothing of this name is served here.";
  return h("div", { class: "card" }, empty("models", `No model '${state.uid}'`, why, h("a", { class: "btn", href: "#/models" }, "All models")));
}

const PANELS = {
  overview(state, model) {
    return [
      ...causes(state),
      (model.state !== "ready" || model.reason) && (model.state !== "failed" || !state.timeline.some((entry) => entry.cause)) && h("div", { class: "card card-pad", key: "standing" }, standing(model, state.progress)),
      h("dl", { class: "stats", key: "stats" }, numbers(model)),
      model.replicas_ready > 0 && live.metrics && h("div", { class: "plots plots-3", key: "plots" }, plots(model.id).map((figure) => h("div", { class: "card" }, figure))),
      h("section", { class: "card", key: "replicas" }, h("div", { class: "card-head" }, h("h2", {}, "Replicas")), state.replicas ? table(state.replicas, model.state) : h("div", { class: "card-pad" }, ghosts(2))),
      state.timeline.length > 0 && h("section", { class: "card", key: "timeline" }, h("div", { class: "card-head" }, h("h2", {}, "Launch"), h("span", { class: "small faint" }, "how long each phase took")), state.timeline.map(phases)),
    ];
  },
  logs: (_state, _model, logPlace) => logPlace,
  events: (state) => h("section", { class: "card" }, h("div", { class: "card-head" }, h("h2", {}, "Events")),
    state.events.length ? h("ul", { class: "events" }, [...state.events].reverse().map(event)) : empty("info", "No events yet", "What happens to the model is written here.")),
  details: (_state, model) => h("section", { class: "card" }, h("div", { class: "card-head" }, h("h2", {}, "As the API describes it")),
    h("div", { class: "table-wrap" }, h("table", { class: "pairs" }, h("tbody", {}, Object.entries(model).map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "mono" }, value === "" ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value)))))))),
};

function event({ event_ts: at, event_type: kind, event_content: content }) {
  const tone = { ready: "tag-good", failed: "tag-bad" }[kind] ?? "";
  return h("li", {}, h("span", { class: "num nowrap faint small" }, moment(at)), h("span", {}, h("span", { class: `tag ${tone}` }, kind)), h("span", { class: "events-said" }, content));
}

function numbers(model) {
  const of = (name) => (live.metrics ? total(live.metrics, name, { model: model.id }) : null);
  const waits = of("xinfer_time_to_first_token_seconds_count");
  const waited = of("xinfer_time_to_first_token_seconds_sum");
  return [
    stat("Tokens/s", live.metrics ? rate(tokenRate(model.id)) : "–", live.metrics && "now"),
    stat("In flight", number(of("xinfer_requests_in_flight")), of("xinfer_requests_queued") ? `+${of("xinfer_requests_queued")} waiting` : ""),
    stat("Requests", number(of("xinfer_requests_total"))),
    stat("First token", waits ? seconds(waited / waits) : "–", waits ? "mean" : ""),
    stat("Engine", model.model_engine),
    stat("Device", device(model)),
  ];
}

function plots(uid) {
  return [
    plot({ title: "Tokens per second", id: uid, series: [{ name: "out", points: history(uid, "rate") }], show: rate }),
    plot({ title: "Requests", id: uid, series: [{ name: "in flight", points: history(uid, "inFlight") }, { name: "waiting", points: history(uid, "queued") }], show: (value) => number(value) }),
    plot({ title: "Memory", id: uid, series: [{ name: "used", points: history(uid, "memory") }], unit: 2 ** 30, show: bytes }),
  ];
}

const REPLICA = [
  ["Replica", (each) => each.replica_model_uid, "mono"],
  ["Phase", (each) => (each.unwell ? h("span", { title: each.unwell }, badge("unwell", "bad")) : badge(each.phase))],
  ["Node", (each) => each.node],
  ["Device", (each) => (each.gpu_idx?.length ? `GPU ${each.gpu_idx.join(", ")}` : "CPU")],
  ["Memory", (each) => bytes(each.memory_bytes), "r nowrap"],
  ["Process", (each) => each.pid ?? "–", "r"],
  ["Restarts", (each) => each.restarts ?? 0, "r"],
  ["Failures", (each) => each.failures ?? 0, "r"],
];

function table(replicas, state) {
  if (!replicas.length) return h("p", { class: "card-pad dim" }, state === "stopped" ? "It has no replicas." : "No node has taken a replica yet.");
  return listing(REPLICA, replicas, (each) => each.replica_model_uid);
}

/** Why replicas failed, with the engine's last words; the same cause is shown once. */
function causes(state) {
  const failed = state.timeline.filter((entry) => entry.cause);
  const seen = new Set();
  return failed.filter(({ cause }) => !seen.has(cause.summary) && seen.add(cause.summary)).map(({ replica_id: id, cause, retry_at_s: retry, phases: way }) =>
    h("section", { class: "card card-pad cause", key: `cause-${id}`, "aria-label": "Cause of the failure" },
      note(way.at(-1)?.phase === "failed" ? "bad" : "warn", h("b", {}, cause.summary), h("div", { class: "small" }, how(cause, id, retry)), after(state, id, retry, way.at(-1)?.phase)),
      cause.tail?.length ? h("div", { class: "stack-s" }, h("span", { class: "label" }, "The engine's last words"), h("pre", { class: "mono", tabindex: 0, role: "region", "aria-label": "The engine's last words" }, cause.tail.join("\n"))) : null));
}

/** What came of it: another try, or a rest and what to do about that. */
function after(state, id, retry, phase) {
  if (phase !== "failed") return h("div", { class: "small" }, "So the last try ended; it has been started again since.");
  if (retry) return null;
  const failures = state.replicas?.find((each) => each.replica_model_uid === id)?.failures;
  return h("div", { class: "small" }, `${failures ? `It failed ${plural(failures, "time")} and` : "It"} is not started again by itself: mend the cause, then terminate it and launch it anew.`);
}

function how(cause, id, retry) {
  const facts = [`${id}, while ${cause.phase}`];
  if (cause.exception && !cause.summary.includes(cause.exception)) facts.push(cause.exception);
  if (cause.out_of_memory && !/out of memory/i.test(cause.summary)) facts.push("out of memory");
  if (cause.signal) facts.push(`ended by signal ${cause.signal}`);
  else if (cause.exit_code !== null && cause.exit_code !== undefined && !cause.summary.startsWith("exit code")) facts.push(`exit status ${cause.exit_code}`);
  const left = retry ? retry - Date.now() / 1000 : 0;
  if (left > 0) facts.push(`next try in ${seconds(left)}`);
  return facts.join(" · ");
}
