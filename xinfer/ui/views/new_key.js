/* Making a key, and showing it the once that it can be shown. */

import { post } from "/ui/core/api.js";
import { h, render } from "/ui/core/dom.js";
import { live } from "/ui/core/live.js";
import { dialog } from "/ui/core/overlay.js";
import { button, copy, field, note } from "/ui/core/parts.js";

const SCOPES = [["models:list", "See models"], ["models:read", "Use models"], ["models:write", "Launch and terminate"], ["logs:list", "Read logs"], ["monitor:view", "Read metrics and usage"], ["admin", "Everything"]];

/** Resolves with true when a key was made. */
export function newKey() {
  const state = { made: null, refused: "", busy: false };
  return dialog("New API key", (close) => {
    const holder = h("div", {});
    const draw = () => render(holder, state.made ? shown(state.made, close) : form(state, draw, close));
    draw();
    return holder;
  });
}

function form(state, draw, close) {
  return h("form", { class: "stack", key: "form", onsubmit: (event) => submit(event, state, draw) },
    field("Name", h("input", { name: "name", required: true, placeholder: "ci", autofocus: true }), null, "key-name"),
    h("fieldset", { class: "plain stack-s" }, h("legend", { class: "label" }, "It may"), SCOPES.map(([scope, title], at) => h("label", { class: "check" }, h("input", { type: "checkbox", name: "scope", value: scope, checked: at < 2 }), title, h("span", { class: "xs faint mono" }, scope)))),
    field("Models", h("input", { name: "models", placeholder: (live.models ?? []).map((model) => model.id).join(", ") }), "Names with commas between; empty is every model.", "key-models"),
    h("div", { class: "fields" },
      field("Ends on", h("input", { name: "expires", type: "date" }), null, "key-expires"),
      field("Requests a minute", h("input", { name: "rpm", type: "number", min: 1 }), null, "key-rpm"),
      field("Tokens a minute", h("input", { name: "tpm", type: "number", min: 1 }), null, "key-tpm"),
      field("Tokens a month", h("input", { name: "quota", type: "number", min: 1 }), null, "key-quota")),
    state.refused && note("bad", state.refused),
    h("footer", {}, button("Cancel", () => close(false)), h("button", { class: "btn btn-main", disabled: state.busy }, "Make the key")));
}

async function submit(event, state, draw) {
  event.preventDefault();
  const given = new FormData(event.target);
  const models = given.get("models").split(",").map((uid) => uid.trim()).filter(Boolean);
  const body = { name: given.get("name"), scopes: given.getAll("scope"), model_permissions: models.length ? models : null };
  if (given.get("expires")) body.expires_at = given.get("expires");
  if (given.get("rpm")) body.rate_limit_requests_per_minute = Number(given.get("rpm"));
  if (given.get("tpm")) body.rate_limit_tokens_per_minute = Number(given.get("tpm"));
  if (given.get("quota")) body.quota_tokens_per_month = Number(given.get("quota"));
  state.busy = true;
  try {
    state.made = await post("/v1/admin/keys", body);
  } catch (error) {
    state.refused = error.message;
  }
  state.busy = false;
  draw();
}

function shown(made, close) {
  return h("div", { class: "stack", key: "made" }, note("good", "Copy it now: it is not shown again."), h("div", { class: "secret", "data-secret": true }, made.key),
    h("footer", {}, button("Copy", () => copy(made.key), { glyph: "copy" }), button("Done", () => close(true), { kind: "btn-main" })));
}
