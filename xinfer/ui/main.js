/* Starts the pages: who is here, the frame, and which page the address names. */

import { get } from "/ui/core/api.js";
import { h, render } from "/ui/core/dom.js";
import { frame } from "/ui/frame.js";
import * as live from "/ui/core/live.js";
import { failure } from "/ui/core/parts.js";
import { where } from "/ui/core/router.js";
import { credential, grant, whenSignedOut } from "/ui/core/session.js";
import { login } from "/ui/views/login.js";

const PAGES = {
  models: () => import("/ui/views/models.js"),
  model: () => import("/ui/views/model.js"),
  launch: () => import("/ui/views/launch.js"),
  playground: () => import("/ui/views/playground.js"),
  cluster: () => import("/ui/views/cluster.js"),
  access: () => import("/ui/views/access.js"),
};
const TITLES = { models: "Models", model: "Model", launch: "Launch", playground: "Playground", cluster: "Cluster", access: "Keys and usage" };

const app = { auth: false, me: null, leave: null, shown: 0 };

async function begin() {
  document.body.append(h("div", { id: "root", class: "root" }), h("div", { class: "toasts", role: "status", "aria-live": "polite" }));
  addEventListener("hashchange", show);
  whenSignedOut(enter);
  await enter();
}

async function enter() {
  live.stop();
  leave();
  const root = document.getElementById("root");
  try {
    app.auth = (await get("/v1/cluster/auth")).auth;
  } catch (error) {
    render(root, h("main", { class: "main" }, failure(error, enter)));
    return;
  }
  if (app.auth && !credential()) {
    document.title = "Sign in · xinfer";
    login(root, enter);
    return;
  }
  app.me = await get("/v1/auth/me").catch(() => null);
  grant(app.me?.permissions ?? null);
  if (app.auth && !credential()) return;
  render(root, frame(app));
  show();
  live.start();
}

function leave() {
  app.leave?.();
  app.leave = null;
}

async function show() {
  const place = document.getElementById("main");
  if (!place) return;
  const { parts, query } = where();
  const name = parts[0] === "models" && parts[1] ? "model" : parts[0] in PAGES && parts[0] !== "model" ? parts[0] : "models";
  app.shown += 1;
  const mine = app.shown;
  for (const link of document.querySelectorAll(".nav a")) {
    if (link.dataset.page === name || (name === "model" && link.dataset.page === "models")) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  let page;
  try {
    page = await PAGES[name]();
  } catch {
    // The browser keeps what it could not load as failed; only a new document asks again.
    if (mine === app.shown) unloaded(place);
    return;
  }
  if (mine !== app.shown) return;
  leave();
  document.title = `${name === "model" ? parts[1] : TITLES[name]} · xinfer`;
  const holder = h("div", { class: "page", key: `page-${mine}` });
  place.replaceChildren(holder);
  if (mine > 1) {
    scrollTo(0, 0);
    place.focus({ preventScroll: true });
  }
  app.leave = page.mount(holder, { parts: parts.slice(1), query, me: app.me, auth: app.auth }) ?? null;
}

function unloaded(place) {
  leave();
  place.replaceChildren(h("div", { class: "page" }, failure(new Error("The server did not send this page. Is it still running?"), () => location.reload())));
}

begin();
