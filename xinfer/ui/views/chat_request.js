/* A conversation as a request, and a streamed reply as what is shown. */

import { events } from "/ui/core/api.js";

export const SETTINGS = { system: "", temperature: 0.7, topP: 0.95, maxTokens: 512, tools: "", schema: "" };

/** The body of the request. Throws an Error for JSON that cannot be read. */
export function request(model, turns, settings) {
  const messages = turns.flatMap(message);
  if (settings.system.trim()) messages.unshift({ role: "system", content: settings.system });
  const body = { model, messages, stream: true, stream_options: { include_usage: true }, temperature: settings.temperature, top_p: settings.topP, max_tokens: settings.maxTokens };
  const tools = parse("Tools", settings.tools);
  const schema = parse("The JSON schema", settings.schema);
  if (tools) body.tools = Array.isArray(tools) ? tools : [tools];
  if (schema) body.response_format = { type: "json_schema", json_schema: { name: "reply", schema } };
  return body;
}

function message(turn) {
  if (turn.role === "user") return [{ role: "user", content: turn.content }];
  if (turn.calls?.length) {
    const calls = turn.calls.map(({ id, name, args }) => ({ id, type: "function", function: { name, arguments: args } }));
    const replies = turn.calls.filter((call) => call.result !== undefined).map((call) => ({ role: "tool", tool_call_id: call.id, content: call.result }));
    return [{ role: "assistant", content: turn.content || null, tool_calls: calls }, ...replies];
  }
  return turn.content ? [{ role: "assistant", content: turn.content }] : [];
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

/** Tokens a second between the first and the last piece. */
export function speed({ first, last, tokens }) {
  return first !== null && last > first && tokens > 1 ? ((tokens - 1) * 1000) / (last - first) : null;
}
