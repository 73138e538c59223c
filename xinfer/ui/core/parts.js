/* Pieces that every page uses: states of loading, notes, badges, tabs, code to copy. */

import { h } from "/ui/core/dom.js";
import { icon } from "/ui/core/icons.js";
import { toast } from "/ui/core/overlay.js";

export function head(title, sub, ...actions) {
  return h("header", { class: "page-head" }, h("div", { class: "titles" }, h("h1", {}, title), sub && h("p", { class: "dim" }, sub)), actions.some(Boolean) ? h("div", { class: "row" }, actions) : null);
}

export function button(label, onclick, { kind = "", glyph = null, ...props } = {}) {
  return h("button", { type: "button", class: `btn ${kind}`, onclick, ...props }, glyph && icon(glyph), label);
}

export function iconButton(glyph, label, onclick, { kind = "btn-quiet", ...props } = {}) {
  return h("button", { type: "button", class: `btn btn-icon ${kind}`, "aria-label": label, title: label, onclick, ...props }, icon(glyph));
}

export function note(kind, ...children) {
  const glyph = { bad: "alert", warn: "alert", good: "check" }[kind] ?? "info";
  return h("div", { class: `note ${kind}`, role: kind === "bad" ? "alert" : null }, icon(glyph), h("div", {}, children));
}

/** Above what a card holds, with a few words at its end. */
export function title(name, said) {
  return h("div", { class: "card-head" }, h("h2", {}, name), said && h("span", { class: "small faint num" }, said));
}

export function empty(glyph, title, text, ...actions) {
  return h("div", { class: "empty" }, icon(glyph), h("h2", {}, title), text && h("p", {}, text), actions.some(Boolean) ? h("div", { class: "row" }, actions) : null);
}

/** Why something cannot be shown, with what to do about it. */
export function failure(error, again) {
  const said = error.status === 403 ? "You may not see this" : error.missing ? "This server does not have that" : "That did not work";
  return h("div", { class: "empty", role: "alert" }, icon("alert"), h("h2", {}, said), h("p", {}, error.message), again && button("Try again", again, { glyph: "redo" }));
}

export function ghosts(count, height = 20) {
  const lines = Array.from({ length: count }, () => h("div", { class: "ghost", style: { height: `${height}px` } }));
  return h("div", { class: "stack", "aria-busy": "true" }, h("span", { class: "unseen" }, "Loading"), lines);
}

const TONES = {
  ready: "good", failed: "bad", degraded: "warn", stopped: "", draining: "warn", queued: "busy", downloading: "busy",
  environment: "busy", starting: "busy", loading: "busy", lost: "bad",
};

export function badge(state, tone = TONES[state] ?? "busy") {
  return h("span", { class: `badge ${tone}` }, state);
}

export function stat(label, value, more) {
  return h("div", { class: "stat" }, h("dt", {}, label), h("dd", {}, h("span", { class: "stat-value", title: typeof value === "string" ? value : null }, value), more && h("small", {}, ` ${more}`)));
}

/** A table whose rows are cards on a phone; columns: [[title, cell of an item, classes], …]. */
export function listing(columns, items, keyOf) {
  const title = ([name, , kind]) => h("th", { scope: "col", class: kind?.split(" ").includes("r") ? "r" : null }, name || h("span", { class: "unseen" }, "Change"));
  const line = (item) => h("tr", { key: keyOf(item) }, columns.map(([name, cell, kind]) => h("td", { class: kind ?? null, "data-label": name || null }, cell(item))));
  return h("div", { class: "table-wrap" }, h("table", { class: "listing" }, h("thead", {}, h("tr", {}, columns.map(title))), h("tbody", {}, items.map(line))));
}

/** A bar of shares 0..1: [[share, class], …]. */
export function bar(label, ...shares) {
  const whole = Math.round(100 * shares.reduce((sum, [share]) => sum + share, 0));
  return h("span", { class: "bar bar-2", role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.min(100, whole) },
    shares.map(([share, kind]) => h("span", { class: kind ?? "", style: { width: `${Math.max(0, Math.min(1, share)) * 100}%` } })));
}

/** Tabs that the arrow keys move between; `choose(id)` shows one. */
export function tabs(label, entries, chosen, choose) {
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = entries.findIndex(([id]) => id === chosen);
    const next = entries[(at + step + entries.length) % entries.length][0];
    choose(next);
    requestAnimationFrame(() => document.getElementById(`tab-${next}`)?.focus());
  };
  return h("div", { class: "tabs", role: "tablist", "aria-label": label, onkeydown: move },
    entries.map(([id, title]) => h("button", { key: id, id: `tab-${id}`, type: "button", role: "tab", "aria-selected": String(id === chosen), tabindex: id === chosen ? 0 : -1, onclick: () => choose(id) }, title)));
}

export function segments(label, entries, chosen, choose) {
  return h("div", { class: "segments", role: "group", "aria-label": label },
    entries.map(([id, title]) => h("button", { type: "button", "aria-pressed": String(id === chosen), onclick: () => choose(id) }, title)));
}

let ids = 0;

/** A labelled control with a hint below; `beside` stands at the end of the label's line. */
export function field(label, control, hint, key = null, beside = null) {
  control.id ||= key ? `f-${key}` : `f${(ids += 1)}`;
  control.said.id = control.id;
  if (hint) {
    control.said["aria-describedby"] = `${control.id}-hint`;
    control.setAttribute("aria-describedby", control.said["aria-describedby"]);
  }
  return h("div", { class: "field", key: key ?? undefined }, h("div", { class: "field-head" }, h("label", { for: control.id }, label), beside && h("span", { class: "xs faint mono" }, beside)), control, hint && h("span", { class: "hint", id: `${control.id}-hint` }, hint));
}

export function options(entries, chosen) {
  return entries.map((entry) => {
    const [value, title] = Array.isArray(entry) ? entry : [entry, entry];
    return h("option", { value, selected: value === chosen }, title);
  });
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { class: "unseen", value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  toast("Copied.", "good");
}

export function code(text, label = "Code") {
  return h("div", { class: "code" }, h("pre", { tabindex: 0, role: "region", "aria-label": label }, text), h("div", { class: "copy" }, iconButton("copy", "Copy", () => copy(text), { kind: "btn-s" })));
}
