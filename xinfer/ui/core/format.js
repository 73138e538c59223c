/* Numbers as people read them. */

export function bytes(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (value < 1024) return `${Math.round(value)} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let place = -1;
  let left = value;
  do {
    left /= 1024;
    place += 1;
  } while (left >= 1023.5 && place < units.length - 1);
  return `${left >= 99.5 ? Math.round(left) : left.toFixed(1)} ${units[place]}`;
}

export function seconds(value) {
  if (value === null || value === undefined) return "–";
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 60) return `${value.toFixed(1)} s`;
  if (value < 3600) return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
  if (value < 86400) return `${Math.floor(value / 3600)} h ${Math.floor((value % 3600) / 60)} min`;
  return `${Math.floor(value / 86400)} d ${Math.floor((value % 86400) / 3600)} h`;
}

export function number(value, digits = 0) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  return value.toLocaleString("en-US", { maximumFractionDigits: digits, minimumFractionDigits: digits });
}

export function compact(value) {
  if (value === null || value === undefined) return "–";
  if (value < 10000) return number(value);
  return value.toLocaleString("en-US", { notation: "compact", maximumFractionDigits: 1 });
}

/** Of a share 0..1. */
export function percent(value) {
  return `${Math.round(value * 100)} %`;
}

export function rate(value) {
  if (!value) return "0";
  return value < 10 ? value.toFixed(1) : number(value);
}

export function tokens(value) {
  if (!value) return "–";
  if (value < 1024) return String(value);
  return value >= 1048576 ? `${+(value / 1048576).toFixed(1)}M` : `${Math.round(value / 1024)}k`;
}

export function plural(count, one, many = `${one}s`) {
  return `${number(count)} ${count === 1 ? one : many}`;
}

export function clock(unix) {
  return new Date(unix * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

/** The time of today, with the day of another. */
export function moment(unix) {
  return new Date(unix * 1000).toDateString() === new Date().toDateString() ? clock(unix) : `${day(unix)}, ${clock(unix)}`;
}

export function day(unix) {
  return unix ? new Date(unix * 1000).toLocaleDateString([], { year: "numeric", month: "short", day: "numeric" }) : "–";
}
