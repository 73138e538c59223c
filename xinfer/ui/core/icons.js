/* Icons as strokes on a 24 by 24 field. */

import { s } from "/ui/core/dom.js";

const PATHS = {
  models: "M12 3l8 4.5v9L12 21l-8-4.5v-9L12 3zM12 12l8-4.5M12 12v9M12 12L4 7.5",
  launch: "M12 5v14M5 12h14",
  play: "M21 12a8 8 0 0 1-8 8H4l1.8-3.2A8 8 0 1 1 21 12zM9 12h.01M13 12h.01M17 12h.01",
  cluster: "M4 5h16v5H4zM4 14h16v5H4zM8 7.5h.01M8 16.5h.01",
  keys: "M8 12a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM11 13.2L20 4.200M16 8.200l3 3",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l4 4",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 3v1.500M12 19.500V21M3 12h1.500M19.500 12H21M5.600 5.600l1.100 1.100M17.300 17.300l1.100 1.100M5.600 18.400l1.100-1.100M17.300 6.700l1.100-1.100",
  moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4 8.500 8.500 0 1 0 20 14.500z",
  auto: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 4v16M12 8h5M12 12h8M12 16h5",
  stop: "M7 7h10v10H7z",
  trash: "M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12M10.500 11v5M13.500 11v5",
  copy: "M9 9h10v10H9zM5 15V5h10",
  check: "M5 12.500l4.500 4.500L19 7.500",
  alert: "M12 4l9 16H3L12 4zM12 10v4M12 17h.01",
  info: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 11v5M12 8h.01",
  back: "M14 6l-6 6 6 6",
  next: "M10 6l6 6-6 6",
  pause: "M9 6v12M15 6v12",
  run: "M8 5l11 7-11 7z",
  logs: "M5 6h14M5 10h10M5 14h14M5 18h7",
  redo: "M4 12a8 8 0 1 0 2.500-5.800M4 4v4.500h4.500",
  send: "M12 19V6M6.500 11L12 5.500 17.500 11",
  out: "M10 5H5v14h5M14 8l4 4-4 4M18 12H9",
  file: "M7 3h7l4 4v14H7zM14 3v4h4",
  minus: "M6 12h12",
  plus: "M12 6v12M6 12h12",
  close: "M6 6l12 12M18 6L6 18",
  sliders: "M4 8h9M17 8h3M15 6v4M4 16h3M11 16h9M9 14v4",
};

export function icon(name) {
  return s("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: PATHS[name] }));
}
