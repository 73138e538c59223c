/* What surrounds every page: the way to the others, the theme, who is signed in. */

import { post } from "/ui/core/api.js";
import { h, render } from "/ui/core/dom.js";
import { icon } from "/ui/core/icons.js";
import { live, watch } from "/ui/core/live.js";
import { iconButton } from "/ui/core/parts.js";
import { refreshToken, signOut } from "/ui/core/session.js";

const LINKS = [
  ["models", "Models", "models"],
  ["launch", "Launch", "launch"],
  ["playground", "Playground", "play"],
  ["cluster", "Cluster", "cluster"],
  ["access", "Keys", "keys"],
];
const THEMES = { auto: ["auto", "Theme: as the system. Switch to light"], light: ["sun", "Theme: light. Switch to dark"], dark: ["moon", "Theme: dark. Switch to the system's"] };
const NEXT = { auto: "light", light: "dark", dark: "auto" };

export function frame(app) {
  const count = h("span", { class: "count num", hidden: true, "aria-hidden": "true" });
  const version = h("span", { class: "xs faint rail-version" });
  const offline = h("div", { class: "offline", role: "alert", hidden: true }, icon("alert"), "The server does not answer. Trying again …");
  watch(() => {
    count.hidden = !live.models?.length;
    count.textContent = live.models?.length ?? "";
    const said = live.cluster?.find((node) => node.software_version)?.software_version;
    if (said) version.textContent = `xinfer ${said}`;
    offline.hidden = !live.error || live.error.status !== 0;
  });
  return h("div", { class: "frame", key: "frame", own: true },
    h("a", { class: "skip", href: "#main", onclick: skip }, "Skip to the page"),
    h("header", { class: "rail" },
      h("a", { class: "brand", href: "#/models", "aria-label": "xinfer, to the models" }, h("img", { src: "/ui/icon.svg", alt: "", width: 26, height: 26 }), "xinfer"),
      h("nav", { class: "nav", "aria-label": "Pages" },
        LINKS.map(([page, title, glyph]) => h("a", { href: `#/${page}`, "data-page": page }, icon(glyph), h("span", {}, title), page === "models" ? count : null))),
      h("div", { class: "rail-end" }, who(app), h("div", { class: "row-tight" }, themeButton(), version, h("a", { class: "xs rail-api", href: "/docs" }, "API")))),
    h("main", { class: "main", id: "main", tabindex: -1 }), offline);
}

function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

function who(app) {
  if (!app.auth) return null;
  return h("div", { class: "rail-who" }, h("span", { class: "clip grow small dim" }, app.me?.username ?? "signed in"), iconButton("out", "Sign out", leave, { kind: "btn-quiet btn-s" }));
}

async function leave() {
  const token = refreshToken();
  if (token) await post("/v1/auth/logout", { refresh_token: token }).catch(() => null);
  signOut();
}

function themeButton() {
  const holder = h("span", {});
  const draw = () => {
    const now = document.documentElement.dataset.theme ?? "auto";
    render(holder, iconButton(...THEMES[now], turn, { kind: "btn-quiet btn-s" }));
  };
  const turn = () => {
    const next = NEXT[document.documentElement.dataset.theme ?? "auto"];
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    localStorage.setItem("xinfer.theme", next);
    draw();
  };
  draw();
  return holder;
}
