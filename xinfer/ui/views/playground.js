/* Trying what runs: chat, embeddings, rerank. */

import { h, render } from "/ui/core/dom.js";
import { live, refresh, watch } from "/ui/core/live.js";
import { empty, failure, ghosts, head, options, segments } from "/ui/core/parts.js";
import { requery } from "/ui/core/router.js";
import { chat } from "/ui/views/chat.js";
import { embeddings } from "/ui/views/embeddings.js";
import { rerank } from "/ui/views/rerank.js";

const WAYS = {
  chat: { title: "Chat", show: chat, can: (model) => model.model_type === "LLM" },
  embeddings: { title: "Embeddings", show: embeddings, can: (model) => model.model_type === "embedding" },
  rerank: { title: "Rerank", show: rerank, can: (model) => model.model_type === "rerank" },
};

export function mount(place, { query }) {
  const holder = h("div", { own: true, key: "way" });
  const state = { model: query.get("model"), way: query.get("way"), shown: null, leave: null };
  const draw = () => {
    settle(state);
    const now = state.model && `${state.way}/${state.model}`;
    if (now !== state.shown) {
      state.leave?.();
      holder.replaceChildren();
      state.leave = now ? WAYS[state.way].show(holder, state.model) : null;
      state.shown = now;
    }
    render(place, page(state, holder, choose));
  };
  const choose = (changes) => {
    Object.assign(state, changes);
    settle(state);
    requery({ way: state.way, model: state.model });
    draw();
  };
  draw();
  const end = watch(draw);
  refresh();
  return () => {
    end();
    state.leave?.();
  };
}

function settle(state) {
  const models = (live.models ?? []).filter((model) => model.state === "ready" || model.replicas_ready > 0);
  const wanted = models.find((model) => model.id === state.model);
  if (!(state.way in WAYS)) state.way = wanted ? Object.keys(WAYS).find((way) => WAYS[way].can(wanted)) ?? "chat" : "chat";
  const able = models.filter(WAYS[state.way].can).map((model) => model.id);
  // A conversation is not thrown away because its model is restarted.
  const known = (live.models ?? []).some((model) => model.id === state.model && WAYS[state.way].can(model));
  state.able = known && !able.includes(state.model) ? [state.model, ...able] : able;
  if (!known) state.model = able[0] ?? null;
}

function page(state, holder, choose) {
  const models = h("select", { class: "slim", "aria-label": "Model", value: state.model ?? "", disabled: !state.able.length, onchange: (event) => choose({ model: event.target.value }) }, state.able.length ? options(state.able, state.model) : options([["", "No model"]], ""));
  const ways = segments("Way", Object.entries(WAYS).map(([way, { title }]) => [way, title]), state.way, (way) => choose({ way }));
  return [head("Playground", null, ways, models), body(state, holder)];
}

function body(state, holder) {
  if (live.models === null) return live.error ? failure(live.error, refresh) : h("div", { class: "card card-pad", key: "ghosts" }, ghosts(6, 28));
  if (!state.model) {
    const kind = { chat: "that chats", embeddings: "for embeddings", rerank: "that reranks" }[state.way];
    return h("div", { class: "card", key: "empty" }, empty("play", `No model ${kind} is ready`, "Launch one, and it can be tried here.", h("a", { class: "btn btn-main", href: `#/launch?kind=${{ chat: "LLM", embeddings: "embedding" }[state.way] ?? state.way}` }, "Launch one")));
  }
  return holder;
}
