/* Signing in with a key, or with a name and a password; the first user of an installation. */

import { get, post } from "/ui/core/api.js";
import { h, render } from "/ui/core/dom.js";
import { field, note, segments } from "/ui/core/parts.js";
import { signIn } from "/ui/core/session.js";

export function login(root, enter) {
  const state = { way: "key", error: "", busy: false, setup: false };
  const draw = () => render(root, page(state, choose, (event) => submit(event, state, draw, enter)));
  const choose = (way) => {
    Object.assign(state, { way, error: "" });
    draw();
    root.querySelector("input")?.focus();
  };
  draw();
  root.querySelector("input")?.focus();
  get("/v1/admin/setup/status").then((said) => {
    state.setup = said.needs_setup;
    draw();
  }).catch(() => null);
}

function page(state, choose, onsubmit) {
  const ways = [["key", "API key"], ["password", "Password"], ...(state.setup ? [["setup", "First user"]] : [])];
  return h("main", { class: "sign-in", key: "login" },
    h("form", { class: "card sign-card", onsubmit },
      h("div", { class: "brand" }, h("img", { src: "/ui/icon.svg", alt: "", width: 26, height: 26 }), "xinfer"),
      h("h1", {}, "Sign in"),
      segments("Way to sign in", ways, state.way, choose),
      FORMS[state.way](),
      state.error && note("bad", state.error),
      h("button", { class: "btn btn-main", disabled: state.busy }, state.busy ? "One moment …" : state.way === "setup" ? "Make the user and sign in" : "Sign in")));
}

const FORMS = {
  key: () => h("div", { class: "stack", key: "key" },
    field("API key", h("input", { name: "bearer", type: "password", autocomplete: "off", placeholder: "xf-…", required: true }), "The first start wrote an administrator's key to run/admin.key in the home folder.", "login-key")),
  password: () => h("div", { class: "stack", key: "password" }, name(), password("current-password")),
  setup: () => h("div", { class: "stack", key: "setup" },
    field("Administrator's key", h("input", { name: "setup", type: "password", autocomplete: "off", required: true }), "What run/admin.key in the home folder holds.", "login-setup"),
    name(), password("new-password")),
};

const name = () => field("Name", h("input", { name: "username", autocomplete: "username", required: true }), null, "login-name");
const password = (complete) => field("Password", h("input", { name: "password", type: "password", autocomplete: complete, required: true }), null, "login-password");

async function submit(event, state, draw, enter) {
  event.preventDefault();
  const given = Object.fromEntries(new FormData(event.target));
  Object.assign(state, { busy: true, error: "" });
  draw();
  try {
    await WAYS[state.way](given);
    await enter();
  } catch (error) {
    Object.assign(state, { busy: false, error: error.message });
    draw();
  }
}

const WAYS = {
  // A field called "key" would hide the key by which the form itself is known when it is drawn again.
  async key({ bearer }) {
    const reply = await fetch("/v1/auth/me", { headers: { Authorization: `Bearer ${bearer.trim()}` } });
    if (!reply.ok) throw new Error(reply.status === 401 ? "The server does not know this key." : `The server answered ${reply.status}.`);
    signIn(bearer.trim());
  },
  async password({ username, password: secret }) {
    const session = await post("/token", { username, password: secret });
    signIn(session.access_token, session.refresh_token);
  },
  async setup(given) {
    await post("/v1/admin/setup", { setup_token: given.setup.trim(), username: given.username, password: given.password });
    await WAYS.password(given);
  },
};
