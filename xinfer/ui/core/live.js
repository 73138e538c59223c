/* What the server is doing now, read again and again while somebody looks, and the last minutes. */

import { get, text } from "/ui/core/api.js";
import { parse, total } from "/ui/core/metrics.js";

const EVERY_MS = 2000;
const KEPT = 450;
const SMOOTHED = 5;

export const live = {
  models: null, cluster: null, metrics: null, error: null, clusterError: null, metricsError: null, samples: [], loadedAt: 0,
};
const listeners = new Set();
let timer = null;
let running = false;
let reading = null;

/** Call `listener` after each reading; returns how to end that. */
export function watch(listener) {
  listeners.add(listener);
  if (live.models || live.error) listener(live);
  return () => listeners.delete(listener);
}

export function start() {
  running = true;
  return refresh();
}

document.addEventListener("visibilitychange", () => {
  if (running && !document.hidden) refresh();
});

/** End it, and forget what was read: whoever comes next may not see it. */
export function stop() {
  running = false;
  clearTimeout(timer);
  listeners.clear();
  Object.assign(live, { models: null, cluster: null, metrics: null, error: null, clusterError: null, metricsError: null, samples: [] });
}

/** Read now, and from then on. */
export function refresh() {
  clearTimeout(timer);
  if (!running) return Promise.resolve();
  reading ??= read().finally(() => {
    reading = null;
    clearTimeout(timer);
    if (running) timer = setTimeout(() => (document.hidden ? null : refresh()), EVERY_MS);
  });
  return reading;
}

async function read() {
  const asked = [get("/v1/models"), unlessRefused(live.metricsError, () => text("/metrics")), unlessRefused(live.clusterError, () => get("/v1/cluster/info?detailed=true"))];
  const [models, metrics, cluster] = await Promise.allSettled(asked);
  if (!running) return;
  live.error = models.status === "rejected" ? models.reason : null;
  live.metricsError = metrics.status === "rejected" ? metrics.reason : null;
  live.clusterError = cluster.status === "rejected" ? cluster.reason : null;
  if (models.status === "fulfilled") live.models = models.value.data;
  if (cluster.status === "fulfilled") live.cluster = cluster.value;
  if (metrics.status === "fulfilled") live.metrics = parse(metrics.value);
  live.loadedAt = Date.now() / 1000;
  if (!live.error) sample();
  for (const listener of [...listeners]) listener(live);
}

/** What one may not see is not asked for again. */
function unlessRefused(before, ask) {
  return before?.status === 403 || before?.missing ? Promise.reject(before) : ask();
}

function sample() {
  const now = { at: live.loadedAt, models: {}, nodes: {} };
  for (const { id } of live.models ?? []) {
    now.models[id] = {
      out: total(live.metrics, "xinfer_tokens_total", { model: id, direction: "out" }) + total(live.metrics, "xinfer_tokens_streaming", { model: id }),
      inFlight: total(live.metrics, "xinfer_requests_in_flight", { model: id }),
      queued: total(live.metrics, "xinfer_requests_queued", { model: id }),
      memory: total(live.metrics, "xinfer_replica_memory_bytes", { model: id }),
    };
  }
  for (const node of nodes()) now.nodes[node.node] = { used: node.mem_used, load: node.load, devices: node.devices ?? [] };
  live.samples.push(now);
  if (live.samples.length > KEPT) live.samples.shift();
}

export function nodes() {
  return (live.cluster ?? []).filter((node) => node.node_type === "Worker");
}

/** Tokens a second that came out of a model, over the last `over` seconds. */
export function tokenRate(uid, over = 10) {
  const last = live.samples.at(-1);
  if (!last?.models[uid]) return 0;
  const first = live.samples.find((each) => each.at >= last.at - over && each.models[uid]);
  return between(first, last, uid);
}

export function between(first, last, uid) {
  const time = last.at - first.at;
  const grown = (last.models[uid]?.out ?? 0) - (first.models[uid]?.out ?? 0);
  return time > 0 && grown > 0 ? grown / time : 0;
}

/** One model by sample: [{at, value}]; of `rate` the tokens a second. */
export function history(uid, field) {
  const known = live.samples.filter((one) => one.models[uid]);
  if (field !== "rate") return known.map((one) => ({ at: one.at, value: one.models[uid][field] }));
  return known.slice(1).map((one, place) => ({ at: one.at, value: between(known[Math.max(0, place + 1 - SMOOTHED)], one, uid) }));
}

/** The sum over all models by sample: [{at, value}]. */
export function fleet(field) {
  if (field !== "rate") return live.samples.map((one) => ({ at: one.at, value: sum(Object.values(one.models), field) }));
  return live.samples.slice(1).map((one, place) => {
    // Replies in one piece are counted when they end, so neighbouring readings would jump.
    const before = live.samples[Math.max(0, place + 1 - SMOOTHED)];
    const known = Object.keys(one.models).filter((uid) => before.models[uid]);
    return { at: one.at, value: known.reduce((all, uid) => all + between(before, one, uid), 0) };
  });
}

function sum(items, field) {
  return items.reduce((all, each) => all + (each[field] ?? 0), 0);
}
