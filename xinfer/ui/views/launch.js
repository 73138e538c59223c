/* Choosing what to launch: the catalog, other places, and registering one's own. */

import { enc, get } from "/ui/core/api.js";
import { h, render } from "/ui/core/dom.js";
import { plural, tokens } from "/ui/core/format.js";
import { icon } from "/ui/core/icons.js";
import { button, empty, failure, ghosts, head, options, segments } from "/ui/core/parts.js";
import { requery } from "/ui/core/router.js";
import { may } from "/ui/core/session.js";
import * as form from "/ui/views/launch_form.js";
import * as register from "/ui/views/register.js";

const KINDS = [["", "All"], ["LLM", "Text"], ["embedding", "Embedding"], ["rerank", "Rerank"], ["image", "Image"], ["audio", "Audio"], ["video", "Video"]];
const PAGE = 60;
const catalog = { families: null, error: null, reading: null };

export function mount(place, context) {
  const [first] = context.parts;
  if (first === "register") return register.mount(place, context);
  if (first) return form.mount(place, context);
  const { query } = context;
  const state = { kind: query.get("kind") ?? "", search: query.get("q") ?? "", ability: query.get("ability") ?? "", shown: PAGE };
  const draw = () => render(place, page(state, change, more));
  const change = (changes) => {
    Object.assign(state, changes, { shown: PAGE });
    requery({ kind: state.kind, q: state.search, ability: state.ability });
    draw();
  };
  const more = () => {
    state.shown += PAGE;
    draw();
  };
  const slash = (event) => {
    if (event.key !== "/" || /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.nodeName)) return;
    event.preventDefault();
    place.querySelector("input[type=search]")?.focus();
  };
  addEventListener("keydown", slash);
  draw();
  load().then(draw);
  return () => removeEventListener("keydown", slash);
}

/** The whole catalog, read anew; what was read before is shown meanwhile. */
function load() {
  catalog.reading ??= read().finally(() => {
    catalog.reading = null;
  });
  return catalog.reading;
}

async function read() {
  const lists = await Promise.allSettled(KINDS.slice(1).map(([kind]) => get(`/v1/model_registrations/${kind}?summary=true`).then((list) => list.map((family) => ({ model_type: kind, ...family })))));
  const good = lists.filter((list) => list.status === "fulfilled").flatMap((list) => list.value);
  catalog.error = good.length ? null : lists[0].reason;
  if (good.length) catalog.families = good.map((family) => ({ ...family, words: words(family) })).sort(order);
}

function words(family) {
  return [family.model_name, family.model_description, ...(family.model_ability ?? []), ...(family.formats ?? []), ...(family.sizes ?? []).map((size) => `${size}b`)].join(" ").toLowerCase();
}

function order(one, other) {
  return Number(one.is_builtin) - Number(other.is_builtin) || Number(other.featured ?? 0) - Number(one.featured ?? 0);
}

function page(state, change, more) {
  const other = h("a", { class: "btn", href: "#/launch/source" }, icon("file"), "From a path, package or hub");
  const own = may("models:register") && h("a", { class: "btn", href: "#/launch/register" }, icon("plus"), "Register a model");
  return [head("Launch", "Every model of the catalog, and what you add to it.", other, own), filters(state, change), list(state, change, more)];
}

function filters(state, change) {
  const abilities = [...new Set((catalog.families ?? []).flatMap((family) => family.model_ability ?? []))].sort();
  return h("div", { class: "stack-s", key: "filters" },
    h("div", { class: "row" },
      h("div", { class: "search" }, icon("search"), h("input", { type: "search", "aria-label": "Search the catalog", placeholder: "Search by name, ability or size", value: state.search, oninput: (event) => change({ search: event.target.value }) })),
      h("select", { class: "slim", "aria-label": "Ability", value: state.ability, onchange: (event) => change({ ability: event.target.value }) }, options([["", "Any ability"], ...abilities], state.ability))),
    h("div", { class: "scroll-x" }, segments("Kind", KINDS, state.kind, (kind) => change({ kind }))));
}

function list(state, change, more) {
  if (!catalog.families) return catalog.error ? failure(catalog.error, () => load().then(() => change({}))) : h("div", { class: "card card-pad", key: "ghosts" }, ghosts(8, 28));
  const asked = state.search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = catalog.families.filter((family) => (!state.kind || family.model_type === state.kind) && (!state.ability || family.model_ability?.includes(state.ability)) && asked.every((word) => family.words.includes(word)));
  if (!found.length) return h("div", { class: "card", key: "none" }, empty("search", "Nothing matches", "Try fewer words, or another kind.", button("Show everything", () => change({ search: "", kind: "", ability: "" }))));
  return h("section", { class: "stack", key: "list", "aria-label": "Catalog" },
    h("h2", { class: "unseen" }, "Models of the catalog"),
    h("p", { class: "small dim", role: "status" }, plural(found.length, "model")),
    h("ul", { class: "catalog" }, found.slice(0, state.shown).map((family) => h("li", { key: `${family.model_type}/${family.model_name}` }, card(family)))),
    found.length > state.shown && h("div", { class: "row" }, button(`Show ${Math.min(PAGE, found.length - state.shown)} more`, more)));
}

function card(family) {
  const sizes = sizeWords(family.sizes ?? []);
  const facts = [sizes, family.context_length && `${tokens(family.context_length)} context`, family.dimensions && `${family.dimensions} dimensions`].filter(Boolean).join(" · ");
  return h("a", { class: "card family", href: `#/launch/${enc(family.model_type)}/${enc(family.model_name)}` },
    h("div", { class: "row-tight" }, h("h3", { class: "grow" }, family.model_name), !family.is_builtin && h("span", { class: "tag tag-accent" }, "yours")),
    h("p", { class: "small dim" }, family.model_description ?? facts),
    family.model_description && facts && h("p", { class: "xs faint one-line" }, facts),
    h("div", { class: "tags" }, (family.model_ability ?? []).slice(0, 4).map((ability) => h("span", { class: "tag" }, ability)), (family.formats ?? []).includes("ggufv2") && h("span", { class: "tag tag-accent" }, "GGUF")));
}

function sizeWords(sizes) {
  const sorted = [...sizes].sort((one, other) => parseFloat(one) - parseFloat(other));
  if (!sorted.length) return "";
  return sorted.length > 3 ? `${sorted[0]}B to ${sorted.at(-1)}B` : sorted.map((size) => `${size}B`).join(", ");
}
