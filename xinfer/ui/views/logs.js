/* The engine's own output: its end, and what is added while one looks. */

import { enc, follow } from "/ui/core/api.js";
import { h, render } from "/ui/core/dom.js";
import { button, options } from "/ui/core/parts.js";

const KEPT = 400000;

/** Shows the log of a model in `place`; returns how to end that. */
export function logs(place, uid, replicas) {
  const state = { replica: replicas[0]?.replica_id ?? 0, running: true, held: "", stop: null, error: "" };
  const area = h("pre", { class: "log", tabindex: 0, role: "log", "aria-label": `Log of ${uid}`, own: true });
  const write = (piece) => {
    const atEnd = area.scrollHeight - area.scrollTop - area.clientHeight < 40;
    area.append(piece);
    while (area.textContent.length > KEPT) area.firstChild.remove();
    if (atEnd) area.scrollTop = area.scrollHeight;
  };
  const draw = () => render(place, frame(state, replicas, area, { pause, choose, clear }));
  const pause = () => {
    state.running = !state.running;
    if (state.running && state.held) write(state.held);
    state.held = "";
    draw();
  };
  const clear = () => area.replaceChildren();
  const choose = (replica) => {
    state.replica = replica;
    state.held = "";
    clear();
    begin();
  };
  const begin = () => {
    state.stop?.abort();
    state.stop = new AbortController();
    state.error = "";
    draw();
    read(state, uid, write, draw);
  };
  begin();
  return () => state.stop?.abort();
}

async function read(state, uid, write, draw) {
  const { signal } = state.stop;
  try {
    for await (const piece of follow(`/v1/models/${enc(uid)}/logs?follow=1&tail=500&replica=${state.replica}`, signal)) {
      if (state.running) write(piece);
      else state.held = (state.held + piece).slice(-KEPT);
    }
    if (!signal.aborted) state.error = "The log has ended.";
  } catch (error) {
    if (error.name === "AbortError" || signal.aborted) return;
    state.error = error.message;
  }
  draw();
}

function frame(state, replicas, area, act) {
  const many = replicas.length > 1;
  return h("section", { class: "card logs", "aria-label": "Log" },
    h("div", { class: "card-head" }, h("h2", {}, "Log"),
      state.error && h("span", { class: "small faint" }, state.error),
      many && h("select", { "aria-label": "Replica", class: "slim", onchange: (event) => act.choose(Number(event.target.value)) }, options(replicas.map((each) => [each.replica_id, each.replica_model_uid]), state.replica)),
      button("Clear", act.clear, { kind: "btn-s btn-quiet" }),
      button(state.running ? "Pause" : "Follow", act.pause, { kind: "btn-s", glyph: state.running ? "pause" : "run", "aria-pressed": String(!state.running) })),
    area);
}
