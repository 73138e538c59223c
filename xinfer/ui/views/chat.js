/* A conversation with a model: streamed, stopped, said again, with numbers. */

import { h, render } from "/ui/core/dom.js";
import { number, seconds } from "/ui/core/format.js";
import { icon } from "/ui/core/icons.js";
import { button, copy, empty, field, iconButton, note } from "/ui/core/parts.js";
import { SETTINGS, heard, receive, request, returned, speed } from "/ui/views/chat_request.js";
import { side } from "/ui/views/chat_settings.js";

const settings = { ...SETTINGS };

export function chat(place, model) {
  const state = { model, turns: [], stop: null, draft: "", error: "", pending: false };
  const draw = () => {
    state.pending = false;
    const area = place.querySelector(".turns");
    const atEnd = !area || area.scrollHeight - area.scrollTop - area.clientHeight < 60;
    render(place, page(state, act));
    const now = place.querySelector(".turns");
    if (atEnd && now) now.scrollTop = now.scrollHeight;
  };
  const soon = () => {
    if (!state.pending) requestAnimationFrame(draw);
    state.pending = true;
  };
  const act = {
    draw,
    say: () => say(state, soon, place),
    again: () => again(state, soon),
    retry: () => retry(state, soon),
    stop: () => state.stop?.abort(),
    clear: () => {
      state.stop?.abort();
      Object.assign(state, { turns: [], error: "" });
      draw();
      place.querySelector(".compose textarea")?.focus();
    },
    answer: () => answer(state, soon),
  };
  draw();
  place.querySelector(".compose textarea")?.focus({ preventScroll: true });
  return act.stop;
}

function say(state, soon) {
  const content = state.draft.trim();
  if (!content || state.stop) return;
  state.turns.push({ role: "user", content });
  state.draft = "";
  answer(state, soon);
}

function again(state, soon) {
  if (state.stop) return;
  if (state.turns.at(-1)?.role === "assistant") state.turns.pop();
  answer(state, soon);
}

/** After a failure: what had come is said anew, what tools returned is kept. */
function retry(state, soon) {
  const last = state.turns.at(-1);
  const answered = last?.calls?.length && returned(last);
  return answered ? answer(state, soon) : again(state, soon);
}

async function answer(state, soon) {
  state.error = "";
  const turn = { role: "assistant", content: "", reasoning: "", calls: [], stats: null, stopped: false };
  try {
    const { body, must, spoken } = request(state.model, state.turns, settings);
    Object.assign(turn, { must, spoken });
    state.turns.push(turn);
    state.stop = new AbortController();
    soon();
    await receive(turn, body, state.stop.signal, soon);
    if (spoken) heard(turn);
  } catch (error) {
    if (error.name === "AbortError") turn.stopped = true;
    else state.error = error.message;
    const said = turn.content || turn.reasoning || turn.calls.length;
    if (!said && !turn.stopped) state.turns = state.turns.filter((each) => each !== turn);
  }
  state.stop = null;
  soon();
}

function page(state, act) {
  return h("div", { class: "chat-grid" },
    h("section", { class: "card chat", "aria-label": "Conversation" },
      h("div", { class: "turns", tabindex: 0, role: "log", "aria-label": "Messages" },
        state.turns.length ? state.turns.map((turn, at) => shown(turn, at, state, act)) : empty("play", `Say something to ${state.model}`, "Enter sends, Shift and Enter begin a new line."),
        state.error && note("bad", h("p", {}, state.error), state.turns.length > 0 && button("Try again", act.retry, { kind: "btn-s", glyph: "redo" }))),
      compose(state, act)),
    side(settings, act, state.turns.length > 0));
}

function compose(state, act) {
  const keys = (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    act.say();
  };
  return h("div", { class: "compose" },
    h("textarea", { rows: 1, "aria-label": "Message", placeholder: "Write a message", value: state.draft, onkeydown: keys, oninput: (event) => {
      const was = state.draft.trim() !== "";
      state.draft = event.target.value;
      if (was !== (state.draft.trim() !== "")) act.draw();
    } }),
    state.stop ? h("button", { key: "stop", type: "button", class: "btn", "aria-label": "Stop the reply", title: "Stop", onclick: act.stop }, icon("stop"))
      : h("button", { key: "send", type: "button", class: "btn btn-main", "aria-label": "Send", title: "Send", disabled: !state.draft.trim(), onclick: act.say }, icon("send")));
}

function shown(turn, at, state, act) {
  if (turn.role === "user") return h("div", { class: "turn user", key: `t${at}` }, h("span", { class: "unseen" }, "You"), h("div", { class: "turn-said" }, turn.content));
  const last = at === state.turns.length - 1;
  const running = last && state.stop !== null;
  return h("div", { class: "turn assistant", key: `t${at}` }, h("span", { class: "unseen" }, state.model),
    turn.reasoning && h("details", { key: "reason", open: running && !turn.content }, h("summary", { class: "small dim" }, icon("next"), "Reasoning"), h("div", { class: "reason small" }, turn.reasoning)),
    (turn.content || running) && h("div", { class: `turn-said ${running ? "caret" : ""}` }, turn.content),
    turn.calls.map((call, place) => toolCall(call, place, turn, { last, running }, act)),
    !running && turn.must && !turn.calls.length && turn.stats?.ended && note("warn", uncalled(turn)),
    h("div", { class: "turn-foot" }, numbers(turn), h("span", { class: "row-tight" },
      !running && turn.content && iconButton("copy", "Copy the reply", () => copy(turn.content), { kind: "btn-quiet btn-s" }), last && !running && iconButton("redo", "Say it again", act.again, { kind: "btn-quiet btn-s" }))));
}

function uncalled({ spoken, stats }) {
  if (spoken && stats.ended === "length") return "It had to call a function, but was cut before the call was whole. Allow more tokens.";
  return "It had to call a function and did not: its engine does not hold it to that. Under Tools, a JSON schema can.";
}

function toolCall(call, place, turn, { last, running }, act) {
  const keys = (event) => {
    if (event.key !== "Enter" || event.isComposing || !returned(turn)) return;
    event.preventDefault();
    act.answer();
  };
  const input = () => h("input", { class: "grow", "aria-label": `What ${call.name} returns`, placeholder: "What the tool returns", value: call.result ?? "", onkeydown: keys, oninput: (event) => {
    call.result = event.target.value;
    act.draw();
  } });
  return h("div", { class: "call stack-s", key: `call-${place}` },
    h("div", { class: "mono small call-said" }, h("b", {}, call.name), `(${call.args})`),
    running ? null : last ? h("div", { class: "row" }, input(), place === turn.calls.length - 1 && button("Go on", act.answer, { kind: "btn-main", disabled: !returned(turn) }))
      : h("div", { class: "small dim call-said" }, call.result === undefined ? "No result was given." : `→ ${call.result}`));
}

function numbers({ stats, stopped }) {
  if (!stats) return stopped ? h("span", { class: "xs faint" }, "stopped") : null;
  const rate = speed(stats);
  const facts = [
    stats.prompt !== null && `${number(stats.prompt)} in`,
    stats.tokens > 0 && `${stats.counted ? "" : "about "}${number(stats.tokens)} out`,
    stats.first !== null && `first token ${seconds(stats.first / 1000)}`,
    rate && `${rate.toFixed(1)} tokens/s`,
    stopped ? "stopped" : stats.ended === "length" && "cut at max tokens",
  ];
  return h("span", { class: "xs faint num" }, facts.filter(Boolean).join(" · "));
}
