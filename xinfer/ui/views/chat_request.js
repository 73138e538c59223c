/* A conversation as a request, and a streamed reply as what is shown. */

import { events } from "/ui/core/api.js";

const SHORTEST_MS = 20;
export const SETTINGS = { system: "", temperature: 0.7, topP: 0.95, maxTokens: 512, tools: "", choice: "auto", schema: "" };

/** How much a model is held to the functions it is given. */
export const CHOICES = {
  auto: ["If the model likes", "So small models rarely do, and a chat template may know no tools."],
  required: ["It must, as the engine can", "Sent as tool_choice: required. Not every engine holds to it."],
  schema: ["It must, by a JSON schema", "The functions go into the system prompt, and the reply can be nothing but a call: for models and engines that know no tools."],
  none: ["Never", "Sent as tool_choice: none."],
};

/** The body of a request for the next reply, whether that must be a call, and whether the call comes as text. Throws an Error for JSON that cannot be used. */
export function request(model, turns, settings) {
  const tools = functions(settings.tools);
  const schema = parse("The JSON schema", settings.schema);
  // What tools returned is answered in words, or the calls would never end.
  const asked = turns.at(-1)?.role === "user";
  const must = Boolean(tools && asked && ["required", "schema"].includes(settings.choice));
  const spoken = must && settings.choice === "schema";
  const system = [settings.system.trim() && settings.system, spoken && described(tools)].filter(Boolean).join("\n\n");
  const messages = turns.flatMap(message);
  if (system) messages.unshift({ role: "system", content: system });
  const body = { model, messages, stream: true, stream_options: { include_usage: true }, temperature: settings.temperature, top_p: settings.topP, max_tokens: settings.maxTokens };
  if (spoken) body.response_format = shape("call", { anyOf: tools.map(callOf) });
  else if (schema) body.response_format = shape("reply", schema);
  if (tools && settings.choice !== "schema") {
    body.tools = tools;
    if (must || settings.choice === "none") body.tool_choice = settings.choice;
  }
  return { body, must, spoken };
}

function shape(name, schema) {
  return { type: "json_schema", json_schema: { name, schema } };
}

function functions(text) {
  const given = parse("Tools", text);
  if (!given) return null;
  const tools = Array.isArray(given) ? given : [given];
  if (!tools.every((tool) => tool?.function?.name)) throw new Error('Tools: each is {"type": "function", "function": {"name": …}}.');
  return tools.length ? tools : null;
}

function described(tools) {
  const lines = tools.map((tool) => JSON.stringify(tool.function));
  return `You can call these functions:\n${lines.join("\n")}\nReply with one call as JSON: {"name": …, "arguments": {…}}`;
}

/** The schema of a call of this function. */
function callOf({ function: { name, parameters } }) {
  return { type: "object", properties: { name: { const: name }, arguments: parameters ?? { type: "object" } }, required: ["name", "arguments"], additionalProperties: false };
}

function message(turn) {
  if (turn.role === "user") return [{ role: "user", content: turn.content }];
  // Engines refuse calls without their results.
  if (turn.calls?.length && returned(turn)) {
    const calls = turn.calls.map(({ id, name, args }) => ({ id, type: "function", function: { name, arguments: args } }));
    const replies = turn.calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: call.result }));
    return [{ role: "assistant", content: turn.content || null, tool_calls: calls }, ...replies];
  }
  return turn.content ? [{ role: "assistant", content: turn.content }] : [];
}

/** Whether it is known what every function returned. */
export function returned(turn) {
  return turn.calls.every((call) => call.result !== undefined);
}

function parse(what, text) {
  if (!text.trim()) return null;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${what}: this is no JSON (${error.message}).`);
  }
}

/** Fill `turn` as the reply comes; `changed()` after each piece. */
export async function receive(turn, body, signal, changed) {
  const began = performance.now();
  turn.stats = { first: null, last: null, tokens: 0, prompt: null, ended: null, counted: false };
  const { stats } = turn;
  for await (const event of events("/v1/chat/completions", body, signal)) {
    if (event.usage) Object.assign(stats, { tokens: event.usage.completion_tokens, prompt: event.usage.prompt_tokens, counted: true });
    const choice = event.choices?.[0];
    if (choice && take(turn, choice)) {
      const now = performance.now() - began;
      stats.first ??= now;
      stats.last = now;
      if (!stats.counted) stats.tokens += 1;
    }
    if (choice?.finish_reason) stats.ended = choice.finish_reason;
    changed();
  }
}

/** A call that was spoken as JSON becomes a call; what was cut off stays text. */
export function heard(turn) {
  try {
    const { name, arguments: given } = JSON.parse(turn.content);
    turn.calls = [{ id: "call-0", name, args: JSON.stringify(given) }];
    turn.content = "";
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
}

/** Whether the piece said anything. */
function take(turn, { delta = {} }) {
  const thought = delta.reasoning_content ?? delta.reasoning ?? "";
  turn.content += delta.content ?? "";
  turn.reasoning += thought;
  for (const piece of delta.tool_calls ?? []) {
    const call = (turn.calls[piece.index ?? 0] ??= { id: "", name: "", args: "" });
    call.id ||= piece.id ?? `call-${piece.index ?? 0}`;
    call.name += piece.function?.name ?? "";
    call.args += piece.function?.arguments ?? "";
  }
  return Boolean(delta.content || thought || delta.tool_calls?.length);
}

/** Tokens a second between the first and the last piece; what came all at once has no speed. */
export function speed({ first, last, tokens }) {
  return first !== null && last - first >= SHORTEST_MS && tokens > 1 ? ((tokens - 1) * 1000) / (last - first) : null;
}
