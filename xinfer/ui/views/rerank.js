/* Which documents answer a question, in the eyes of a reranking model. */

import { post } from "/ui/core/api.js";
import { h, render } from "/ui/core/dom.js";
import { bar, empty, field, note, title } from "/ui/core/parts.js";

const START = {
  query: "How do I keep a model in memory?",
  text: "Declared state comes back after any crash.\nA replica keeps its weights loaded until it is terminated.\nThe sky is blue because of scattering.\nPrices went up in the spring.",
};

export function rerank(place, model) {
  const state = { ...START, found: null, said: "", error: "", busy: false };
  const draw = () => render(place, page(state, model, draw));
  draw();
}

async function ask(state, model, draw) {
  const documents = state.text.split("\n").map((line) => line.trim()).filter(Boolean);
  Object.assign(state, { busy: true, error: "" });
  draw();
  try {
    const began = performance.now();
    const reply = await post("/v1/rerank", { model, query: state.query, documents });
    const read = reply.usage?.prompt_tokens;
    state.said = `${read ? `${read} tokens · ` : ""}${Math.round(performance.now() - began)} ms`;
    state.found = reply.results.map(({ index, relevance_score: score }) => ({ text: documents[index], score })).sort((one, other) => other.score - one.score);
  } catch (error) {
    state.error = error.message;
  }
  state.busy = false;
  draw();
}

function page(state, model, draw) {
  const submit = (event) => {
    event.preventDefault();
    ask(state, model, draw);
  };
  const keep = (name) => (event) => {
    state[name] = event.target.value;
  };
  return h("div", { class: "stack" },
    h("form", { class: "card card-pad stack", onsubmit: submit },
      field("Question", h("input", { value: state.query, required: true, oninput: keep("query") }), null, "query"),
      field("Documents, one a line", h("textarea", { rows: 6, value: state.text, oninput: keep("text") }), null, "documents"),
      state.error && note("bad", state.error),
      h("div", { class: "row" }, h("button", { class: "btn btn-main", disabled: state.busy }, state.busy ? "Ranking …" : "Rank"))),
    h("section", { class: "card", "aria-label": "Ranking" }, state.found ? [title("Ranking", state.said), ranking(state.found)] : empty("models", "Rank documents", "The best answer to the question comes first.")));
}

function ranking(found) {
  const high = Math.max(...found.map((each) => each.score));
  const low = Math.min(0, ...found.map((each) => each.score));
  return h("ol", {}, found.map(({ text, score }) => h("li", { class: "step" },
    h("div", { class: "row between" }, h("span", { class: "grow" }, text), h("b", { class: "num" }, score.toFixed(4))), bar(`Relevance of ${text}`, [(score - low) / (high - low || 1), ""]))));
}
