/* Pages by the hash: `#/models/chat?tab=logs`. */

export function where() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { parts: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query) };
}

export function go(path) {
  location.hash = `#/${path}`;
}

/** The same page with other parameters; nothing is added to the history. */
export function requery(changes) {
  const { parts, query } = where();
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") query.delete(name);
    else query.set(name, value);
  }
  const path = parts.map(encodeURIComponent).join("/");
  history.replaceState(null, "", `#/${path}${query.size ? `?${query}` : ""}`);
}
