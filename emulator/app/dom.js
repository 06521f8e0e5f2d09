// Describes elements, and makes the document like the description. An element keeps its node, its focus and its caret
// as long as it stays at its place or has the same key. Every text becomes a text node, never markup.

const SVG = new Set(["svg", "circle"]);
const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "open"]);

export const byId = (id) => document.getElementById(id);

// h("p", { class: "hint", key: 1 }, "text", condition && h(…)). What is false or null keeps its place empty.
export function h(tag, props, ...children) {
  return { tag, props: props ?? {}, children: children.flat(2) };
}

export function render(parent, ...wanted) {
  const kept = new Map();
  for (const node of parent.childNodes) if (node.key !== undefined) kept.set(node.key, node);
  const keys = new Set(wanted.map((it) => it?.props?.key));
  let place = parent.firstChild;
  for (const it of wanted) {
    while (place?.key !== undefined && !keys.has(place.key)) place = drop(place); // makes way without moving others
    const fits = it?.props?.key === undefined ? isLike(place, it) : false;
    const node = fits ? place : kept.get(it?.props?.key) ?? create(it);
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
    if (it?.tag) dress(node, it);
    else if (node.nodeType === Node.TEXT_NODE && node.data !== String(it)) node.data = it;
  }
  while (place) place = drop(place);
}

function drop(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

const isEmpty = (it) => it === null || it === undefined || it === false || it === "";

function isLike(node, it) {
  if (!node || node.key !== undefined) return false;
  if (isEmpty(it)) return node.nodeType === Node.COMMENT_NODE;
  return it.tag ? node.localName === it.tag : node.nodeType === Node.TEXT_NODE;
}

function create(it) {
  if (isEmpty(it)) return document.createComment("");
  if (!it.tag) return document.createTextNode(it);
  const node = SVG.has(it.tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", it.tag)
    : document.createElement(it.tag);
  if (it.props.key !== undefined) node.key = it.props.key;
  return node;
}

function dress(node, { props, children }) {
  const before = node.props ?? {};
  node.props = props;
  render(node, ...children); // before the value: a select needs its options
  for (const name of Object.keys(before)) if (!(name in props)) change(node, name, null);
  for (const [name, value] of Object.entries(props)) {
    if (PROPERTIES.has(name) || before[name] !== value) change(node, name, value);
  }
}

function change(node, name, value) {
  if (name === "key") return;
  if (name === "initial") node.defaultValue = value; // what stands there until somebody types
  else if (name.startsWith("on")) node[name] = value;
  else if (PROPERTIES.has(name)) {
    if (node[name] !== (value ?? "")) node[name] = value ?? "";
  } else if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : value);
}
