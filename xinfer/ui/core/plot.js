/* Lines over time as SVG: an area for one series, lines for several, a reading under the pointer. */

import { h, s, render } from "/ui/core/dom.js";
import { clock } from "/ui/core/format.js";

const W = 600;
const H = 150;
const PAD = 4;
/** Where the pointer is over which plot, as a share of its width. */
const pointed = new Map();

/** series: [{name, points: [{at, value}]}]; `top` fixes the scale, `id` tells plots of one title apart, `show` words a value, the scale ends at a round number of `unit`. */
export function plot({ title, id = "", series, top = null, show, unit = 1, span = 900 }) {
  const now = Math.max(Date.now() / 1000 - 2, ...series.map((each) => each.points.at(-1)?.at ?? 0));
  const first = Math.min(...series.map((each) => each.points[0]?.at ?? now));
  const from = Math.max(now - span, Math.min(first, now - 60));
  const high = top ?? unit * nice(Math.max(0, ...series.flatMap((each) => each.points.map((point) => point.value))) / unit);
  const x = (at) => PAD + ((at - from) / (now - from || 1)) * (W - 2 * PAD);
  const y = (value) => H - PAD - (Math.min(value, high) / (high || 1)) * (H - 2 * PAD);
  const lines = series.map((each, place) => ({ ...each, colour: `var(--c${(place % 8) + 1})`, points: each.points.filter((point) => point.at >= from) }));
  const last = (each) => each.points.at(-1)?.value;
  const scale = { lines, from, now, show, x, y };
  const spot = `${title} ${id}`;
  const figure = h("figure", { class: "plot", role: "img", "aria-label": `${title}: ${lines.map((each) => `${each.name} ${show(last(each) ?? 0)}`).join(", ")}` },
    h("figcaption", {}, h("span", { class: "label" }, title), h("span", { class: "legend" }, lines.slice(0, 8).map((each) => key(each, show(last(each) ?? 0), lines.length > 1)))),
    h("div", { class: "plot-area", onpointermove: (event) => point(event, spot, scale), onpointerleave: (event) => leave(event, spot) },
      s("svg", { viewBox: `0 0 ${W} ${H}`, preserveAspectRatio: "none", "aria-hidden": "true" },
        [0, 0.5, 1].map((share) => s("line", { class: "plot-grid", x1: 0, x2: W, y1: y(high * share), y2: y(high * share) })),
        lines.map((each) => trace(each, x, y, lines.length === 1))),
      h("span", { class: "plot-top xs faint num" }, show(high)),
      h("div", { class: "plot-tip" }, reading(spot, scale))),
    h("div", { class: "plot-axis xs faint num" }, h("span", {}, clock(from)), h("span", {}, clock(now))));
  return figure;
}

function key(each, value, named) {
  return h("span", { class: "legend-key" }, h("i", { style: { background: each.colour } }), named && h("span", { class: "dim clip" }, each.name), h("b", { class: "num" }, value));
}

function trace({ points, colour }, x, y, filled) {
  if (!points.length) return null;
  const path = points.map((point, place) => `${place ? "L" : "M"}${x(point.at).toFixed(1)} ${y(point.value).toFixed(1)}`).join("");
  const area = `${path}V${H - PAD}H${x(points[0].at).toFixed(1)}Z`;
  return s("g", { style: { color: colour } }, filled && s("path", { class: "plot-fill", d: area }), s("path", { class: "plot-line", d: path }));
}

function point(event, spot, scale) {
  const area = event.currentTarget;
  const box = area.getBoundingClientRect();
  pointed.set(spot, (event.clientX - box.left) / box.width);
  render(area.querySelector(".plot-tip"), reading(spot, scale));
}

function leave(event, spot) {
  pointed.delete(spot);
  render(event.currentTarget.querySelector(".plot-tip"));
}

/** What the lines say where the pointer is. */
function reading(spot, { lines, from, now, show, x, y }) {
  const at = from + pointed.get(spot) * (now - from);
  const found = pointed.has(spot) ? lines.filter((each) => each.points.length).map((each) => ({ ...each, point: nearest(each.points, at) })) : [];
  if (!found.length) return [];
  const place = (x(found[0].point.at) / W) * 100;
  return [
    h("span", { class: "plot-rule", style: { left: `${place}%` } }),
    found.map((each) => h("span", { class: "plot-dot", style: { left: `${place}%`, top: `${(y(each.point.value) / H) * 100}%`, background: each.colour } })),
    h("div", { class: "plot-words xs num", style: place > 60 ? { right: `${100 - place + 2}%` } : { left: `${place + 2}%` } },
      h("span", { class: "faint" }, clock(found[0].point.at)), found.map((each) => h("span", {}, found.length > 1 && `${each.name} `, h("b", {}, show(each.point.value))))),
  ];
}

function nearest(points, at) {
  return points.reduce((best, point) => (Math.abs(point.at - at) < Math.abs(best.at - at) ? point : best));
}

/** A round number that is not less. */
export function nice(value) {
  if (value <= 0) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * unit).find((step) => step >= value);
}

/** A small line without words. */
export function spark(values, label) {
  const high = Math.max(1e-9, ...values);
  const points = values.map((value, place) => `${((place / Math.max(1, values.length - 1)) * 96 + 2).toFixed(1)},${(26 - (value / high) * 22).toFixed(1)}`).join(" ");
  return s("svg", { class: "spark", viewBox: "0 0 100 28", preserveAspectRatio: "none", role: "img", "aria-label": label }, values.length > 1 && s("polyline", { points }));
}
