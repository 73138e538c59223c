/* A launch as a bar of its phases. */

import { h } from "/ui/core/dom.js";
import { clock, seconds } from "/ui/core/format.js";

const ENDS = new Set(["failed", "stopped", "draining"]);

/** One replica's way: how long it was in which phase. Where it came to rest is a short end piece. */
export function phases(entry) {
  const way = launch(entry.phases);
  const took = way.filter((span) => !rests(span)).reduce((sum, span) => sum + length(span), 0);
  const share = (span) => (rests(span) ? 8 : Math.max(1.2, (100 * length(span)) / (took || 1)));
  return h("div", { class: "phases", key: entry.replica_id },
    h("div", { class: "row between" }, h("span", { class: "mono small" }, entry.replica_id), h("span", { class: "small dim num" }, words(way, took))),
    h("div", { class: "phase-bar", role: "img", "aria-label": way.map((span) => (rests(span) ? span.phase : `${span.phase} ${seconds(length(span))}`)).join(", ") },
      way.map((span) => h("span", { class: colour(span.phase), title: rests(span) ? `${span.phase} at ${clock(span.started_s)}` : `${span.phase}: ${seconds(length(span))}`, style: { "flex-grow": share(span) } }))),
    h("ul", { class: "phase-list xs" }, way.map((span) => h("li", {}, h("i", { class: colour(span.phase) }), h("span", {}, span.phase), h("span", { class: "faint num" }, rests(span) ? clock(span.started_s) : seconds(length(span)))))));
}

/** Whether it stays there: no part of what the launch took. */
function rests({ phase }) {
  return phase === "ready" || ENDS.has(phase);
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
  const served = way.find((span) => span.phase === "ready");
  if (ENDS.has(last) && served) return `ready for ${seconds(length(served))}, then ${last}`;
  return rests(way.at(-1) ?? {}) ? `${last} after ${seconds(took)}` : `${last ?? "waiting"} for ${seconds(took)}`;
}

function colour(phase) {
  return `phase ${ENDS.has(phase) ? "ended" : phase}`;
}
