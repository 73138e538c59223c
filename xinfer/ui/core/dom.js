/* Elements from code, and a patch that turns what is shown into what should be shown.
   Everything that comes from outside becomes text or an attribute, never markup. */

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "disabled", "selected", "open", "hidden", "indeterminate"]);

/** An element. Props: `on…` listeners, `key`, `own` (children are its maker's), attributes. */
export function h(tag, props, ...children) {
  return make(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function s(tag, props, ...children) {
  return make(document.createElementNS(SVG, tag), props, children);
}

function make(node, props, children) {
  node.said = {};
  node.does = {};
  add(node, children);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name === "key") node.key = String(value);
    else if (name === "own") node.own = Boolean(value);
    else if (name.startsWith("on")) listen(node, name.slice(2), value);
    else if (name === "style") for (const [rule, to] of Object.entries(value)) node.style.setProperty(rule, to);
    else say(node, name, value);
  }
  return node;
}

function add(node, children) {
  for (const child of children) {
    if (Array.isArray(child)) add(node, child);
    else if (child instanceof Node) node.append(child.isConnected ? standIn(child) : child);
    else if (child !== null && child !== undefined && child !== false && child !== "") node.append(String(child));
  }
}

/** For a node that is shown already: moving it would take its focus and its place in a scroll. */
function standIn(shown) {
  const mark = document.createComment("");
  mark.stands = shown;
  return mark;
}

function listen(node, kind, action) {
  node.does[kind] = action;
  node.addEventListener(kind, (event) => node.does[kind]?.(event));
}

function say(node, name, value) {
  node.said[name] = value;
  if (PROPERTIES.has(name)) node[name] = value ?? "";
  else if (value === false || value === null || value === undefined) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : String(value));
}

/** Make the children of `target` look like `wanted`, touching only what differs. */
export function render(target, ...wanted) {
  const holder = document.createDocumentFragment();
  add(holder, wanted);
  patchChildren(target, holder);
}

function patchChildren(target, holder) {
  const wanted = [...holder.childNodes];
  const keys = new Set(wanted.map((next) => (next.stands ?? next).key).filter((key) => key !== undefined));
  const keyed = new Map();
  for (const child of target.childNodes) if (child.key !== undefined) keyed.set(child.key, child);
  let place = target.firstChild;
  for (const next of wanted) {
    while (place && place.key !== undefined && !keys.has(place.key)) place = without(place);
    const found = next.stands ?? (next.key !== undefined ? keyed.get(next.key) : place);
    if (found && (next.stands || alike(found, next))) {
      if (found !== place) target.insertBefore(found, place);
      else place = place.nextSibling;
      if (!next.stands) patch(found, next);
    } else {
      target.insertBefore(next, place);
      settle(next);
    }
  }
  while (place) place = without(place);
}

function without(node) {
  const rest = node.nextSibling;
  node.remove();
  return rest;
}

/** Put what is shown already into a tree that is new. */
function settle(node) {
  const marks = [];
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_COMMENT);
  while (walker.nextNode()) marks.push(walker.currentNode);
  for (const mark of marks) if (mark.stands) mark.replaceWith(mark.stands);
}

function alike(old, next) {
  return old.nodeName === next.nodeName && old.key === next.key && Boolean(old.own) === Boolean(next.own);
}

function patch(old, next) {
  if (old === next) return;
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return;
  }
  for (const kind of Object.keys(next.does ?? {})) {
    if (old.does[kind]) old.does[kind] = next.does[kind];
    else listen(old, kind, next.does[kind]);
  }
  for (const kind of Object.keys(old.does ?? {})) if (!next.does[kind]) old.does[kind] = undefined;
  if (old.own) return;
  patchChildren(old, next);
  for (const name of Object.keys(old.said)) if (!(name in next.said)) say(old, name, PROPERTIES.has(name) ? false : null);
  for (const [name, value] of Object.entries(next.said)) if (old.said[name] !== value || (name === "value" && old.value !== value)) say(old, name, value);
  if (old.style.cssText !== next.style.cssText) old.style.cssText = next.style.cssText;
}
