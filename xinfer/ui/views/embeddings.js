/* How alike texts are to a model of embeddings: a matrix of cosines. */

import { post } from "/ui/core/api.js";
import { h, render } from "/ui/core/dom.js";
import { empty, field, note, title } from "/ui/core/parts.js";

const START = "The cat sleeps on the sofa.\nA kitten naps on the couch.\nInterest rates rose again.\nThe bank lends at a higher price.";

export function embeddings(place, model) {
  const state = { text: START, lines: [], matrix: null, said: "", error: "", busy: false };
  const draw = () => render(place, page(state, model, draw));
  draw();
}

async function compare(state, model, draw) {
  const lines = state.text.split("\n").map((line) => line.trim()).filter(Boolean).slice(0, 24);
  Object.assign(state, { busy: true, error: "" });
  draw();
  try {
    const began = performance.now();
    const reply = await post("/v1/embeddings", { model, input: lines });
    const vectors = reply.data.map((each) => each.embedding);
    state.lines = lines;
    state.matrix = vectors.map((one) => vectors.map((other) => cosine(one, other)));
    state.said = `${vectors[0].length} dimensions · ${reply.usage?.prompt_tokens ?? "–"} tokens · ${Math.round(performance.now() - began)} ms`;
  } catch (error) {
    state.error = error.message;
  }
  state.busy = false;
  draw();
}

function cosine(one, other) {
  let dot = 0;
  let a = 0;
  let b = 0;
  for (let place = 0; place < one.length; place += 1) {
    dot += one[place] * other[place];
    a += one[place] ** 2;
    b += other[place] ** 2;
  }
  return a && b ? dot / Math.sqrt(a * b) : 0;
}

function page(state, model, draw) {
  const submit = (event) => {
    event.preventDefault();
    compare(state, model, draw);
  };
  return h("div", { class: "stack" },
    h("form", { class: "card card-pad stack", onsubmit: submit },
      field("Texts, one a line", h("textarea", { rows: 6, value: state.text, oninput: (event) => {
        state.text = event.target.value;
      } }), null, "texts"),
      state.error && note("bad", state.error),
      h("div", { class: "row" }, h("button", { class: "btn btn-main", disabled: state.busy }, state.busy ? "Comparing …" : "Compare"), h("span", { class: "small faint num" }, state.said))),
    h("section", { class: "card", "aria-label": "Similarity" }, state.matrix ? [title("Similarity", "cosine, 1 being the same"), h("div", { class: "table-wrap card-pad", tabindex: 0, role: "region", "aria-label": "Matrix" }, matrix(state))] : empty("models", "Compare texts", "Each cell will say how alike two texts are, 1 being the same.")));
}

function matrix({ lines, matrix: cells }) {
  return h("table", { class: "heat" },
    h("thead", {}, h("tr", {}, h("td", {}), lines.map((line, at) => h("th", { scope: "col", title: line }, String(at + 1))))),
    h("tbody", {}, cells.map((row, at) => h("tr", {}, h("th", { scope: "row", class: "clip", title: lines[at] }, `${at + 1}  ${lines[at]}`), row.map((value) => h("td", {}, cell(value)))))));
}

function cell(value) {
  const strength = Math.round(Math.max(0, Math.min(1, value)) ** 2 * 100);
  return h("span", { style: { background: `color-mix(in oklab, var(--heat) ${strength}%, var(--sunken))` } }, shown(value));
}

/** Without the sign of a zero. */
function shown(value) {
  return value.toFixed(2).replace(/^-(?=0\.00$)/, "");
}
