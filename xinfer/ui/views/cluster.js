/* The machines: what they have, what is used of it, and how that went. */

import { get } from "/ui/core/api.js";
import { h, render } from "/ui/core/dom.js";
import { bytes, number, percent, plural, rate, seconds } from "/ui/core/format.js";
import { fleet, history, live, nodes, refresh, watch } from "/ui/core/live.js";
import { total } from "/ui/core/metrics.js";
import { badge, bar, empty, failure, ghosts, head, stat } from "/ui/core/parts.js";
import { plot } from "/ui/core/plot.js";

export function mount(place) {
  const state = { status: null };
  const draw = () => render(place, page(state));
  draw();
  const end = watch(async () => {
    draw();
    state.status = await get("/status").catch(() => state.status);
    draw();
  });
  refresh();
  return end;
}

function page(state) {
  return [head("Cluster", "Machines, what they have, and the last minutes while this page was open."), body(state)];
}

function body(state) {
  if (!live.cluster) {
    const error = live.clusterError ?? live.error;
    return error ? failure(error, refresh) : h("div", { class: "card card-pad", key: "ghosts" }, ghosts(6, 28));
  }
  if (!nodes().length) return h("div", { class: "card", key: "empty" }, empty("cluster", "No worker has joined", "Start one with xinfer-worker, or a recipe that has one."));
  return [
    h("dl", { class: "stats", key: "stats" }, numbers(state)),
    h("div", { class: "plots", key: "plots" }, plots().map((figure) => h("div", { class: "card" }, figure))),
    h("ul", { class: "nodes", key: "nodes" }, nodes().map((node) => h("li", { key: node.node, class: node.devices.length ? "wide" : "" }, machine(node, state)))),
  ];
}

function numbers({ status }) {
  const all = nodes();
  const sum = (field) => all.reduce((whole, node) => whole + (node[field] ?? 0), 0);
  return [
    stat("Nodes", number(all.filter((node) => node.alive).length), `of ${all.length} alive`),
    stat("Cores", number(sum("cpu_count"))),
    stat("Memory", bytes(sum("mem_used")), `of ${bytes(sum("mem_total"))}`),
    stat("Accelerators", number(sum("gpu_count")), sum("gpu_vram_total") ? bytes(sum("gpu_vram_total")) : ""),
    stat("Up for", status ? seconds(status.uptime) : "–"),
  ];
}

function plots() {
  const all = nodes();
  const of = (field) => all.map((node) => ({ name: node.node, points: points(node, (seen) => seen[field]) }));
  return [
    plot({ title: "Tokens per second", series: [{ name: "all models", points: fleet("rate") }], show: rate }),
    plot({ title: "Requests in flight", series: [{ name: "in flight", points: fleet("inFlight") }, { name: "waiting", points: fleet("queued") }], show: (value) => number(value) }),
    plot({ title: "Processor load", series: of("load"), top: 1, show: percent }),
    plot({ title: "Memory in use", series: of("used"), top: Math.max(...all.map((node) => node.mem_total)), show: bytes }),
    plot({ title: "Memory of the models", series: modelMemory(), unit: 2 ** 30, show: bytes }),
  ];
}

/** What was read of a node over time; what it did not tell is left out. */
function points(node, read) {
  const known = live.samples.filter((one) => one.nodes[node.node]);
  return known.map((one) => ({ at: one.at, value: read(one.nodes[node.node]) ?? null })).filter((one) => one.value !== null);
}

/** The accelerators of a node: what they do, and the memory in use of each. */
function devicePlots(node) {
  const of = (field) => node.devices.map(({ index }) => ({ name: `GPU ${index}`, points: points(node, (seen) => seen.devices.find((each) => each.index === index)?.[field]) }));
  const top = Math.max(...node.devices.map((device) => device.total_bytes));
  return [
    node.devices.some((device) => device.load !== null) && plot({ title: "Accelerator load", id: node.node, series: of("load"), top: 1, show: percent }),
    plot({ title: "Accelerator memory", id: node.node, series: of("used_bytes"), top, show: bytes }),
  ].filter(Boolean);
}

function modelMemory() {
  const uids = (live.models ?? []).map((model) => model.id).slice(0, 6);
  const found = uids.map((uid) => ({ name: uid, points: history(uid, "memory") }));
  return found.length ? found : [{ name: "none", points: [] }];
}

function machine(node, { status }) {
  const seen = Object.values(status?.workers ?? {}).find((each) => each.node === node.node)?.seen_s_ago;
  const replicas = (live.metrics?.get("xinfer_replica_up") ?? []).filter((line) => line.labels.node === node.node);
  return h("article", { class: "card" },
    h("div", { class: "card-head" }, h("h2", {}, node.node), badge(node.alive ? "alive" : "silent", node.alive ? "good" : "bad")),
    h("div", { class: "card-pad stack" },
      usage("Memory", node.mem_used, node.mem_total),
      node.devices.length > 0 && h("div", { class: "devices" }, node.devices.map((device) => usage(`${device.index}: ${device.name}`, device.used_bytes, device.total_bytes))),
      node.devices.length > 0 && h("div", { class: "plots plots-inner" }, devicePlots(node)),
      h("dl", { class: "facts" }, facts(node, replicas.length, seen).map(([name, value]) => h("div", { class: "fact" }, h("dt", {}, name), h("dd", { title: value }, value)))),
      Object.keys(node.labels ?? {}).length > 0 && h("div", { class: "tags" }, Object.entries(node.labels).map(([name, value]) => h("span", { class: "tag" }, `${name}=${value}`))),
      replicas.length > 0 && h("ul", { class: "runs small" }, replicas.map((line) => replica(line)))));
}

function facts(node, replicas, seen) {
  return [["Address", node.ip_address], ["Cores", String(node.cpu_count)], ["Load", node.load === null ? "–" : percent(node.load)], ["Runs", plural(replicas, "replica")], ...(node.reach === "reverse" ? [["Reached", "by its own connections"]] : []), ["Version", node.software_version], ["Heard of", seen === undefined ? "–" : `${seconds(seen)} ago`]];
}

function replica({ labels, value }) {
  const memory = total(live.metrics, "xinfer_replica_memory_bytes", { replica: labels.replica });
  return h("li", { key: labels.replica }, h("a", { class: "mono clip", href: `#/models/${encodeURIComponent(labels.model)}` }, labels.replica), h("span", { class: "num dim nowrap" }, bytes(memory || null)), h("span", {}, value ? badge("ready") : notReady(labels.model)));
}

function notReady(uid) {
  return live.models?.find((each) => each.id === uid)?.state === "failed" ? badge("failed") : badge("not ready", "busy");
}

function usage(name, used, all) {
  const share = all ? used / all : 0;
  return h("div", { class: "stack-s" }, h("div", { class: "row-tight between small" }, h("span", { class: "clip" }, name), h("span", { class: "num dim nowrap" }, `${bytes(used)} of ${bytes(all)}`)), bar(`${name} in use`, [share, share > 0.92 ? "bad" : share > 0.8 ? "warn" : ""]));
}
