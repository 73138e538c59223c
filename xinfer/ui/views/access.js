/* Keys, users' own or all, and what was used. */

import { get, put, remove } from "/ui/core/api.js";
import { h, render } from "/ui/core/dom.js";
import { day, number } from "/ui/core/format.js";
import { confirm, failed, toast } from "/ui/core/overlay.js";
import { badge, button, empty, failure, ghosts, head, iconButton, listing, note, tabs } from "/ui/core/parts.js";
import { requery } from "/ui/core/router.js";
import { newKey } from "/ui/views/new_key.js";
import { usage } from "/ui/views/usage.js";

const TABS = [["keys", "API keys"], ["usage", "Usage"]];

export function mount(place, { query, auth }) {
  const state = { tab: query.get("tab") ?? "keys", keys: null, usage: null, error: null, auth, days: 30, by: "name" };
  const draw = () => render(place, page(state, act));
  const read = async () => {
    state.error = null;
    try {
      if (state.tab === "keys") state.keys = await get("/v1/admin/keys");
      else state.usage = (await get("/v1/usage")).data;
    } catch (error) {
      state.error = error;
    }
    draw();
  };
  const act = {
    read,
    draw,
    choose: (tab) => {
      Object.assign(state, { tab, error: null });
      requery({ tab: tab === "keys" ? null : tab });
      draw();
      read();
    },
    make: async () => (await newKey()) && read(),
    turn: async (key) => {
      await put(`/v1/admin/keys/${key.id}`, { enabled: !key.enabled }).catch(failed);
      read();
    },
    revoke: async (key) => {
      if (!(await confirm(`Revoke ${key.name || key.prefix}?`, "Whoever uses it is refused at once. It cannot be undone.", "Revoke"))) return;
      await remove(`/v1/admin/keys/${key.id}`).then(() => toast("Revoked.", "good"), failed);
      read();
    },
  };
  draw();
  read();
}

function page(state, act) {
  const make = state.tab === "keys" && button("New key", act.make, { kind: "btn-main", glyph: "plus" });
  return [
    head("Keys and usage", "Who may call, and what was used.", make),
    !state.auth && note("", "Access control is off: whoever reaches this port may do everything. Keys count once auth.mode is on, or the server listens on more than loopback."),
    tabs("Parts", TABS, state.tab, act.choose),
    h("div", { class: "stack", role: "tabpanel", "aria-labelledby": `tab-${state.tab}`, key: state.tab }, panel(state, act)),
  ];
}

function panel(state, act) {
  if (state.error) return h("div", { class: "card" }, failure(state.error, act.read));
  if (state.tab === "usage") return state.usage ? usage(state, act.draw) : waiting();
  return state.keys ? keys(state.keys, act) : waiting();
}

function waiting() {
  return h("div", { class: "card card-pad" }, ghosts(4, 24));
}

function keys(list, act) {
  if (!list.length) return h("div", { class: "card" }, empty("keys", "No keys yet", "A key lets a program call the API, for some models, with limits.", button("Make the first", act.make, { kind: "btn-main" })));
  const columns = [
    ["Name", (key) => [h("b", {}, key.name || "–"), key.owner && h("div", { class: "xs faint" }, key.owner)]],
    ["Key", (key) => `${key.prefix}…`, "mono nowrap"],
    ["May", (key) => h("div", { class: "tags" }, key.scopes.includes("admin") ? h("span", { class: "tag tag-accent" }, "admin") : key.scopes.map((scope) => h("span", { class: "tag" }, scope)))],
    ["Models", (key) => (key.model_permissions ? key.model_permissions.join(", ") || "none" : "all")],
    ["Limits", limits, "small num"],
    ["Ends", (key) => (key.expires_at ? day(key.expires_at) : "never"), "nowrap"],
    ["State", state],
    ["", (key) => changes(key, act), "nowrap"],
  ];
  return h("div", { class: "card" }, listing(columns, list, (key) => String(key.id)));
}

function state(key) {
  const ended = key.expires_at && key.expires_at * 1000 < Date.now();
  return ended ? badge("ended", "bad") : badge(key.enabled ? "on" : "off", key.enabled ? "good" : "warn");
}

function changes(key, act) {
  const title = key.name || key.prefix;
  const turn = key.enabled ? "Turn off" : "Turn on";
  return h("div", { class: "row-tight end" }, button(turn, () => act.turn(key), { kind: "btn-s btn-quiet", "aria-label": `${turn} ${title}` }), iconButton("trash", `Revoke ${title}`, () => act.revoke(key), { kind: "btn-s btn-quiet" }));
}

function limits(key) {
  const said = [
    key.rate_limit_requests_per_minute && `${number(key.rate_limit_requests_per_minute)} requests/min`,
    key.rate_limit_tokens_per_minute && `${number(key.rate_limit_tokens_per_minute)} tokens/min`,
    key.quota_tokens_per_month && `${number(key.quota_tokens_per_month)} tokens/month`,
  ].filter(Boolean);
  return said.length ? said.map((each) => h("div", { class: "nowrap" }, each)) : "none";
}
