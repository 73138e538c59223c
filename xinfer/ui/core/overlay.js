/* What lies over the page: questions and short messages. */

import { h } from "/ui/core/dom.js";
import { icon } from "/ui/core/icons.js";

const KEPT_MS = 6000;

export function toast(message, kind = "") {
  const shown = h("div", { class: `toast ${kind}` }, icon(kind === "bad" ? "alert" : kind === "good" ? "check" : "info"), h("div", {}, message));
  const place = document.querySelector(".toasts");
  place.append(shown);
  setTimeout(() => shown.remove(), KEPT_MS);
}

export function failed(error) {
  if (error.name !== "AbortError") toast(error.message, "bad");
}

/** A dialog with this content; `content(close)` makes it. Resolves with what `close` was given. */
export function dialog(title, content) {
  return new Promise((resolve) => {
    const box = h("dialog", { "aria-labelledby": "dialog-title" });
    const close = (value) => {
      box.close();
      box.remove();
      resolve(value);
    };
    box.append(h("div", { class: "dialog" }, h("h2", { id: "dialog-title" }, title), content(close)));
    box.addEventListener("cancel", (event) => {
      event.preventDefault();
      close(null);
    });
    document.body.append(box);
    box.showModal();
  });
}

/** Whether a person wants that. */
export function confirm(title, text, action) {
  return dialog(title, (close) =>
    h("div", { class: "stack" }, h("p", { class: "dim" }, text),
      h("footer", {},
        h("button", { type: "button", class: "btn", onclick: () => close(false) }, "Keep it"),
        h("button", { type: "button", class: "btn btn-bad-main", onclick: () => close(true) }, action))));
}
