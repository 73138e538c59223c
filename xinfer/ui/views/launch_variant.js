/* The steps from an engine to a quantization, and why not for what cannot run here. */

import { h } from "/ui/core/dom.js";
import { bytes } from "/ui/core/format.js";
import { icon } from "/ui/core/icons.js";
import { field, note, options } from "/ui/core/parts.js";

/** Take over `changes`, then choose again what no longer exists. */
export function settle(state, changes) {
  const { wish } = state;
  if (changes.engine && changes.engine !== wish.engine) wish.options = {};
  Object.assign(wish, changes);
  const entries = Array.isArray(state.offers?.[wish.engine]) ? state.offers[wish.engine] : [];
  if (!entries.length) return;
  const formats = unique(entries.map((entry) => entry.model_format));
  if (!formats.includes(wish.format)) wish.format = formats[0];
  const sizes = sizesOf(entries, wish.format);
  if (!sizes.includes(wish.size)) wish.size = fitting(entries, wish.format) ?? sizes[0] ?? null;
  const entry = entryOf(state);
  if (!entry.quantizations.includes(wish.quantization)) wish.quantization = usual(entry);
}

export function entryOf({ offers, wish }) {
  const entries = offers?.[wish.engine];
  if (!Array.isArray(entries)) return null;
  return entries.find((entry) => entry.model_format === wish.format && sizeOf(entry) === wish.size) ?? null;
}

const PREFERRED = ["Q4_K_M", "Q4_0", "Q5_K_M", "Q8_0", "none"];

function usual(entry) {
  const able = entry.quantizations.filter((name) => !entry.too_large?.[name]);
  const found = PREFERRED.map((name) => able.find((each) => each.toLowerCase() === name.toLowerCase())).find(Boolean);
  return found ?? able[0] ?? entry.quantizations[0];
}

function fitting(entries, format) {
  const found = entries.find((entry) => entry.model_format === format && entry.quantizations.some((name) => !entry.too_large?.[name]));
  return found ? sizeOf(found) : null;
}

function sizeOf(entry) {
  const size = entry.model_size_in_billions;
  return size === undefined || size === null ? null : String(size).replace("_", ".");
}

function sizesOf(entries, format) {
  return unique(entries.filter((entry) => entry.model_format === format).map(sizeOf)).filter((size) => size !== null);
}

function unique(items) {
  return [...new Set(items)];
}

export function variantSteps(state, set) {
  const { offers, wish } = state;
  const able = Object.entries(offers).filter(([, offer]) => Array.isArray(offer));
  const unable = Object.entries(offers).filter(([, offer]) => !Array.isArray(offer));
  if (!able.length) return h("div", { class: "step" }, note("warn", h("b", {}, `No engine here can run ${wish.family}.`)), reasons(unable));
  const entries = offers[wish.engine];
  const entry = entryOf(state);
  const formats = unique(entries.map((each) => each.model_format));
  const sizes = sizesOf(entries, wish.format);
  return [
    step("Engine", choices("Engine", able.map(([title]) => [title, title]), wish.engine, (engine) => set({ engine }))),
    step("Format", choices("Format", formats.map((each) => [each, each]), wish.format, (format) => set({ format }))),
    sizes.length > 0 && step("Size", choices("Size", sizes.map((size) => [size, `${size}B`, allTooLarge(entries, wish.format, size)]), wish.size, (size) => set({ size })), sizesTooLarge(entries, wish.format, sizes)),
    entry && step("Quantization", choices("Quantization", entry.quantizations.map((name) => [name, name, entry.too_large?.[name], entry.memory_bytes?.[name]]), wish.quantization, (quantization) => set({ quantization })), tooLarge(entry)),
    entry?.multimodal_projectors?.length && step("Projector", field("For images", h("select", { value: wish.options.mmproj ?? "", onchange: (event) => set({ options: projector(wish.options, event.target.value) }) }, options([["", "None: text only"], ...entry.multimodal_projectors], wish.options.mmproj ?? "")), null, "projector")),
    unable.length > 0 && h("div", { class: "step" }, h("details", { key: "unable" }, h("summary", {}, icon("next"), "Why not another engine?"), h("div", { class: "why-box" }, reasons(unable)))),
  ];
}

function projector(given, file) {
  const { mmproj: _, ...rest } = given;
  return file ? { ...rest, mmproj: file } : rest;
}

function step(title, ...children) {
  return h("div", { class: "step", key: title }, h("h2", {}, title), children);
}

/** entries: [[value, title, why not, bytes]]. */
function choices(label, entries, chosen, choose) {
  return h("div", { class: "choices", role: "group", "aria-label": label }, entries.map(([value, title, refusal, size]) =>
    h("button", { key: value, type: "button", class: "choice", "aria-pressed": String(value === chosen), disabled: Boolean(refusal), title: refusal || null, onclick: () => choose(value) }, title, size && h("span", { class: "xs faint num" }, bytes(size)))));
}

/** Why a size cannot be chosen, for those who have no pointer to hover with. */
function sizesTooLarge(entries, format, sizes) {
  const refused = sizes.map((size) => [`${size}B`, allTooLarge(entries, format, size)]).filter(([, why]) => why);
  return refused.length ? h("p", { class: "hint" }, `Too large for what is free: ${refused.map(([size, why]) => `${size} ${why}`).join("; ")}.`) : null;
}

function allTooLarge(entries, format, size) {
  const entry = entries.find((each) => each.model_format === format && sizeOf(each) === size);
  return entry.quantizations.every((name) => entry.too_large?.[name]) ? Object.values(entry.too_large)[0] : "";
}

function tooLarge(entry) {
  const refused = Object.entries(entry.too_large ?? {});
  if (!refused.length) return null;
  return h("p", { class: "hint" }, `Too large for what is free: ${refused.map(([name]) => name).join(", ")} (${refused[0][0]} ${refused[0][1]}).`);
}

/** entries: [[title, why not]]. */
export function reasons(unable) {
  const said = unique(unable.map(([, why]) => String(why)));
  if (said.length === 1 && unable.length > 1) return h("p", { class: "small dim" }, `${unable.map(([title]) => title).join(", ")}: ${said[0]}.`);
  return h("ul", { class: "why" }, unable.map(([title, why]) => h("li", {}, h("b", {}, title), h("span", {}, ...remedy(title, String(why))))));
}

/** Why not, and how to change that where it is only a matter of installing. */
function remedy(title, why) {
  if (!why.startsWith("No module named")) return [why];
  return [`${why}. `, h("code", {}, `xinfer env create ${title.toLowerCase().replace("_", "-")}`), " installs it, on a node that has what it needs."];
}
