/* A launch as a bar of its phases. */

import { h } from "/ui/core/dom.js";
import { clock, seconds } from "/ui/core/format.js";

const ENDS = new Set(["failed", "stopped", "draining"]);

/** One replica's way: how long it was in which phase. Being ready counts as a short end piece. */
export function phases(entry) {
  const way = launch(entry.phases);
  const took = way.filter((span) => span.phase !== "ready").reduce((sum, span) => sum + length(span), 0);
  const least = took * 0.012;
  return h("div", { class: "phases", key: entry.replica_id },
    h("div", { class: "row between" }, h("span", { class: "mono small" }, entry.replica_id), h("span", { class: "small dim num" }, words(way, took))),
    h("div", { class: "phase-bar", role: "img", "aria-label": way.map((span) => `${span.phase} ${seconds(length(span))}`).join(", ") },
      way.map((span) => h("span", { class: colour(span.phase), title: `${span.phase}: ${seconds(length(span))}`, style: { "flex-grow": span.phase === "ready" ? took * 0.08 || 1 : Math.max(length(span), least) } }))),
    h("ul", { class: "phase-list xs" }, way.map((span) => h("li", {}, h("i", { class: colour(span.phase) }), h("span", {}, span.phase), h("span", { class: "faint num" }, span.phase === "ready" ? clock(span.started_s) : seconds(length(span)))))));
}

/** The last launch: what comes after the last time it was queued. */
function launch(spans) {
  const begun = spans.map((span) => span.phase).lastIndexOf("queued");
  return spans.slice(Math.max(0, begun));
}

function length(span) {
  return span.seconds ?? Math.max(0, Date.now() / 1000 - span.started_s);
}

function words(way, took) {
  const last = way.at(-1)?.phase;
  if (last === "ready") return `ready after ${seconds(took)}`;
  return ENDS.has(last) ? `${last} after ${seconds(took)}` : `${last ?? "waiting"} for ${seconds(took)}`;
}

function colour(phase) {
  return `phase ${ENDS.has(phase) ? "ended" : phase}`;
}
