/* Prometheus text, and what can be told from two readings of it. */

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** name -> list of {labels, value}; histogram buckets are left out. */
export function parse(text) {
  const found = new Map();
  for (const line of text.split("\n")) {
    if (!line.startsWith("xinfer_") || line.includes("_bucket{")) continue;
    const match = LINE.exec(line);
    if (!match) continue;
    const labels = {};
    for (const [, name, value] of (match[2] ?? "").matchAll(LABEL)) labels[name] = value;
    if (!found.has(match[1])) found.set(match[1], []);
    found.get(match[1]).push({ labels, value: Number(match[3]) });
  }
  return found;
}

/** The sum over all lines whose labels are as asked. */
export function total(metrics, name, labels = {}) {
  const asked = Object.entries(labels);
  return (metrics?.get(name) ?? [])
    .filter((line) => asked.every(([label, value]) => line.labels[label] === value))
    .reduce((sum, line) => sum + line.value, 0);
}
