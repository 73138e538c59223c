/* The server's API: JSON, streams of events, streams of text. Every failure is an ApiError. */

import { credential, refreshToken, signIn, signOut } from "/ui/core/session.js";

export class ApiError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }

  get missing() {
    return this.status === 404 || this.status === 405;
  }
}

export const get = (path, signal) => json("GET", path, undefined, signal);
export const post = (path, body, signal) => json("POST", path, body ?? {}, signal);
export const put = (path, body) => json("PUT", path, body);
export const remove = (path) => json("DELETE", path);

async function json(method, path, body, signal) {
  const reply = await call(method, path, body, signal);
  const text = await reply.text();
  return text ? JSON.parse(text) : null;
}

export async function text(path) {
  return (await call("GET", path)).text();
}

/** The reply when it is a success; a session that has run out is renewed once. */
export async function call(method, path, body, signal) {
  let reply = await send(method, path, body, signal);
  if (reply.status === 401 && refreshToken() && (await renewed())) reply = await send(method, path, body, signal);
  if (reply.ok) return reply;
  const error = new ApiError(await reason(reply), reply.status);
  if (reply.status === 401 && credential()) signOut();
  throw error;
}

async function send(method, path, body, signal) {
  const headers = {};
  const bearer = credential();
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    return await fetch(path, { method, headers, signal, cache: "no-store", body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The server does not answer. Is it still running?");
  }
}

let renewing = null;

function renewed() {
  renewing ??= renew().finally(() => {
    renewing = null;
  });
  return renewing;
}

async function renew() {
  const reply = await send("POST", "/v1/auth/refresh", { refresh_token: refreshToken() });
  if (!reply.ok) return false;
  const session = await reply.json();
  signIn(session.access_token, session.refresh_token);
  return true;
}

async function reason(reply) {
  const said = await reply.text();
  try {
    const body = JSON.parse(said);
    return body.detail ?? body.error?.message ?? body.error ?? said;
  } catch {
    return said.slice(0, 500) || `The server answered ${reply.status}.`;
  }
}

/** Each JSON event of a stream, until it ends; an error inside the stream is thrown. */
export async function* events(path, body, signal) {
  const reply = await call("POST", path, body, signal);
  let rest = "";
  for await (const piece of pieces(reply)) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data:")) continue;
      const data = line.slice(5).trim();
      if (data === "[DONE]") return;
      const event = JSON.parse(data);
      if (event.error) throw new ApiError(event.error.message ?? String(event.error));
      yield event;
    }
  }
}

/** The pieces of a text as they come. */
export async function* follow(path, signal) {
  yield* pieces(await call("GET", path, undefined, signal));
}

async function* pieces(reply) {
  const reader = reply.body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    reader.cancel().catch(() => null);
  }
}

export const enc = encodeURIComponent;
