/* What a launch would take beside what is free. */

import { h } from "/ui/core/dom.js";
import { bytes } from "/ui/core/format.js";
import { nodes } from "/ui/core/live.js";
import { bar } from "/ui/core/parts.js";

export function memory(entry, wish, engine) {
  const needed = entry?.memory_bytes?.[wish.quantization];
  const room = largest(wish);
  if (!room) return h("p", { class: "hint" }, "No node has joined yet, so nothing can start.");
  const used = room.total - room.free;
  const share = needed ? Math.min(needed, room.free) / room.total : 0;
  const fits = !needed || needed <= room.free;
  return h("div", { class: "stack-s" },
    h("div", { class: "row between" }, h("h2", {}, "Memory"), needed && h("b", { class: "num" }, `about ${bytes(needed)}`)),
    bar("Memory after the launch", [used / room.total, "other"], [share, fits ? "good" : "bad"]),
    h("p", { class: `small ${fits ? "dim" : "bad-text"}` }, words(needed, room, fits, engine)),
    needed && wish.replicas > 1 && h("p", { class: "small dim" }, `${wish.replicas} replicas take about ${bytes(needed * wish.replicas)} in all.`));
}

function words(needed, room, fits, engine) {
  const where = `${bytes(room.free)} of ${bytes(room.total)} free on ${room.name}`;
  if (!needed) return engine?.needs_source === false ? `${where}. This engine loads no weights.` : `${where}. What it takes is known once the files are.`;
  return fits ? `${where}.` : `${where}: it does not fit now. Terminate something, or choose a smaller one.`;
}

function largest(wish) {
  const rooms = nodes().filter((node) => node.alive !== false && (!wish.node || node.node === wish.node)).map((node) => {
    const onGpu = node.gpu_count > 0 && wish.gpus !== "none";
    return onGpu ? { name: `${node.node}'s accelerators`, total: node.gpu_vram_total, free: node.gpu_vram_free } : { name: node.node, total: node.mem_total, free: node.mem_free };
  });
  return rooms.sort((one, other) => other.free - one.free)[0] ?? null;
}
