/* Requests and tokens by day, caller and model. */

import { h } from "/ui/core/dom.js";
import { compact, number } from "/ui/core/format.js";
import { empty, listing, segments, stat, title } from "/ui/core/parts.js";

const SPANS = [["7", "7 days"], ["30", "30 days"], ["365", "A year"]];
const BY = [["name", "By caller"], ["model", "By model"]];

export function usage(state, draw) {
  const first = new Date(Date.now() - (state.days - 1) * 86400000).toISOString().slice(0, 10);
  const lines = state.usage.filter((line) => line.day >= first);
  const set = (name, read) => (value) => {
    state[name] = read(value);
    draw();
  };
  const control = h("div", { class: "row between", key: "control" }, segments("Time", SPANS, String(state.days), set("days", Number)), segments("Grouped", BY, state.by, set("by", String)));
  if (!lines.length) return [control, h("div", { class: "card", key: "none" }, empty("info", "Nothing was used", "Requests that reach an engine are counted here, every two seconds."))];
  const sum = (name) => lines.reduce((all, line) => all + line[name], 0);
  return [
    control,
    h("dl", { class: "stats", key: "stats" }, stat("Requests", compact(sum("requests"))), stat("Tokens in", compact(sum("tokens_in"))), stat("Tokens out", compact(sum("tokens_out")))),
    h("section", { class: "card", key: "days" }, days(lines, first, Math.min(state.days, 60))),
    h("section", { class: "card", key: "table" }, table(grouped(lines, state.by), state.by)),
  ];
}

function days(lines, first, count) {
  const begin = new Date(Math.max(Date.parse(first), Date.now() - (count - 1) * 86400000));
  const all = Array.from({ length: count }, (_, at) => new Date(begin.getTime() + at * 86400000).toISOString().slice(0, 10));
  const tokens = new Map(all.map((day) => [day, 0]));
  for (const line of lines) if (tokens.has(line.day)) tokens.set(line.day, tokens.get(line.day) + line.tokens_in + line.tokens_out);
  const most = Math.max(1, ...tokens.values());
  return [title("Tokens by day", `at most ${number(most)}`), h("div", { class: "days", role: "img", "aria-label": `Tokens by day, at most ${number(most)}` }, [...tokens].map(([day, value]) => h("span", { title: `${day}: ${number(value)} tokens`, class: value ? "" : "none", style: { height: `${(value / most) * 100}%` } }))),
    h("div", { class: "row between xs faint num days-axis" }, h("span", {}, all[0]), h("span", {}, all.at(-1)))];
}

function grouped(lines, by) {
  const found = new Map();
  for (const line of lines) {
    const name = (by === "name" ? line.name || line.key : line.model) || "–";
    const sum = found.get(name) ?? { name, requests: 0, tokens_in: 0, tokens_out: 0 };
    for (const field of ["requests", "tokens_in", "tokens_out"]) sum[field] += line[field];
    found.set(name, sum);
  }
  return [...found.values()].sort((one, other) => other.tokens_in + other.tokens_out - one.tokens_in - one.tokens_out);
}

function table(groups, by) {
  const columns = [
    [by === "name" ? "Caller" : "Model", (group) => group.name],
    ["Requests", (group) => number(group.requests), "r"],
    ["Tokens in", (group) => number(group.tokens_in), "r"],
    ["Tokens out", (group) => number(group.tokens_out), "r"],
  ];
  return listing(columns, groups, (group) => group.name);
}
