/** Elements from data. Text is only ever set as text: names of sources are whatever people upload. */

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Node|string|null|undefined} Child */

/**
 * Create an element. Properties whose names begin with "on" are listeners; null and false leave one out.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Record<string, any>} [properties]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  fill(element, properties, children);
  return element;
}

/**
 * Create an element of SVG.
 *
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} name
 * @param {Record<string, any>} [properties]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function s(name, properties = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  fill(element, properties, children);
  return element;
}

/**
 * @param {Element} element
 * @param {Record<string, any>} properties
 * @param {Child[]} children
 */
function fill(element, properties, children) {
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else attr(element, key, value);
  }
  for (const child of children) if (child !== null && child !== undefined) element.append(child);
}

/**
 * Set a text, if it is another one: selections in it stay, and readers do not repeat it.
 *
 * @param {Element} element
 * @param {string} value
 */
export function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

/**
 * Set an attribute, if it is another one; null, undefined and false remove it.
 *
 * @param {Element} element
 * @param {string} name
 * @param {unknown} value
 */
export function attr(element, name, value) {
  if (value === null || value === undefined || value === false) {
    element.removeAttribute(name);
    return;
  }
  const wanted = value === true ? "" : String(value);
  if (element.getAttribute(name) !== wanted) element.setAttribute(name, wanted);
}

/** @type {WeakMap<Element, Map<string, HTMLElement>>} */
const rowsOf = new WeakMap();

/**
 * Make the children of an element those of some items. What was there before stays the same element, so that focus,
 * selection and scroll position stay too.
 *
 * @template T
 * @param {Element} parent
 * @param {T[]} items
 * @param {(item: T) => string} key
 * @param {(item: T) => HTMLElement} make
 * @param {(element: HTMLElement, item: T) => void} [update]
 */
export function keyed(parent, items, key, make, update = () => {}) {
  const before = rowsOf.get(parent) ?? new Map();
  const focused = document.activeElement;
  /** @type {Map<string, HTMLElement>} */
  const now = new Map();
  for (const item of items) {
    const name = key(item);
    const element = before.get(name) ?? make(item);
    update(element, item);
    now.set(name, element);
  }
  for (const [name, element] of before) if (now.get(name) !== element) element.remove();
  let place = parent.firstElementChild;
  for (const element of now.values()) {
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  rowsOf.set(parent, now);
  // An element that is moved loses the focus.
  if (focused instanceof HTMLElement && focused !== document.activeElement && parent.contains(focused)) {
    focused.focus({ preventScroll: true });
  }
}

/**
 * Return the element of the page itself that has an id.
 *
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function byId(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`the page has no ${kind.name} with id ${id}`);
  return element;
}

/**
 * A part of a view, with its heading.
 *
 * @param {string} title
 * @param {...Child} children
 */
export function section(title, ...children) {
  const id = `title-${title.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  return h("section", { class: "card", "aria-labelledby": id }, h("h2", { id }, title), ...children);
}

/**
 * A table with column headings. Columns whose class is "wide" are left out on narrow screens.
 *
 * @param {string} label
 * @param {{title: string, class?: string}[]} columns
 */
export function table(label, columns) {
  const heads = columns.map((column) => h("th", { scope: "col", class: column.class }, column.title));
  const body = h("tbody");
  return { element: h("table", { "aria-label": label }, h("thead", {}, h("tr", {}, ...heads)), body), body };
}
