/* The API on one page: Swagger UI where it is installed, else a list of what there is. */

import { credential } from "/ui/core/session.js";

const place = document.getElementById("docs");
const dark = matchMedia("(prefers-color-scheme: dark)");

/** As the other pages: what was chosen there, else the system's. */
function paint() {
  const chosen = document.documentElement.dataset.theme;
  const night = chosen ? chosen === "dark" : dark.matches;
  document.documentElement.classList.toggle("dark-mode", night);
}

function signed(headers = {}) {
  const bearer = credential();
  return bearer && !headers.Authorization ? { ...headers, Authorization: `Bearer ${bearer}` } : headers;
}

function made(tag, text, attributes = {}) {
  const node = document.createElement(tag);
  node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function bar() {
  const way = made("a", "xinfer", { href: "/ui", class: "docs-home" });
  way.prepend(made("img", "", { src: "/ui/icon.svg", alt: "", width: "26", height: "26" }));
  const header = made("header", "", { class: "docs-bar" });
  header.append(way);
  document.body.prepend(header);
}

function explain(status) {
  const said = made("p", status === 401 ? "Sign in first: the pages at " : `The document could not be read (${status}). `);
  if (status === 401) said.append(made("a", "/ui", { href: "/ui" }), " ask for a key and keep it for this tab.");
  place.append(said);
}

function interactive(spec) {
  window.SwaggerUIBundle({
    spec,
    domNode: place,
    deepLinking: true,
    displayRequestDuration: true,
    docExpansion: "none",
    validatorUrl: null,
    requestInterceptor: (request) => {
      if (new URL(request.url, location.href).origin === location.origin) request.headers = signed(request.headers);
      return request;
    },
  });
}

function listed(spec) {
  for (const { name } of spec.tags) {
    const table = made("table", "", { class: "docs-list" });
    for (const [path, methods] of Object.entries(spec.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        if (!operation.tags.includes(name)) continue;
        const row = table.insertRow();
        row.append(made("td", method.toUpperCase()), document.createElement("td"));
        row.cells[1].append(made("code", path));
        row.append(made("td", [operation.summary, operation.description].filter(Boolean).join(". ")));
      }
    }
    place.append(made("h2", name), table);
  }
}

paint();
dark.addEventListener("change", paint);
bar();
const reply = await fetch("/openapi.json", { headers: signed() });
if (!reply.ok) explain(reply.status);
else (window.SwaggerUIBundle ? interactive : listed)(await reply.json());
