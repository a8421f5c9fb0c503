/** Bars: a share of something, told by length and in words. */

import { attr, h, s, text } from "./dom.js";
import { percent } from "./words.js";

/**
 * @param {"progressbar"|"meter"} role
 * @param {string} label
 */
const gauge = (role, label) =>
  h(
    "div", { class: "gauge" },
    h("div", { class: "bar", role, "aria-label": label, "aria-valuemin": 0 }, h("div", { class: "part" })),
    h("span", { class: "figure" }),
  );

/** How much of something is in use; `showGauge` sets it. @param {string} label */
export const meter = (label) => gauge("meter", label);

/** How far a job or task is; `showProgress` sets it. @param {string} label */
export const progress = (label) => gauge("progressbar", label);

/**
 * @param {Element} element
 * @param {number} value
 * @param {number} most
 * @param {string} figure what is written beside it
 * @param {string} [words] what is read out
 */
export function showGauge(element, value, most, figure, words = figure) {
  const [bar, beside] = element.children;
  attr(bar, "aria-valuemax", most);
  attr(bar, "aria-valuenow", Math.min(value, most));
  attr(bar, "aria-valuetext", words);
  const part = /** @type {HTMLElement} */ (bar.firstElementChild);
  const width = `${most > 0 ? Math.min(100, (100 * value) / most).toFixed(1) : 0}%`;
  if (part.style.width !== width) part.style.width = width;
  text(beside, figure);
}

/**
 * @param {Element} element
 * @param {number|null|undefined} share 0 to 1
 */
export const showProgress = (element, share) => showGauge(element, Math.round(100 * (share ?? 0)), 100, percent(share));

const [WIDTH, HEIGHT] = [300, 60];

/**
 * A line of one figure over the last quarter of an hour; `showSpark` draws it.
 *
 * @param {string} label
 */
export const spark = (label) =>
  s(
    "svg",
    { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label },
    s("path", { class: "area" }),
    s("path", { class: "line", "vector-effect": "non-scaling-stroke" }),
  );

/**
 * @param {SVGElement} element
 * @param {{at: number, value: number}[][]} runs of samples, oldest first
 * @param {number} now
 * @param {number} seconds that the width stands for
 * @param {string} label
 */
export function showSpark(element, runs, now, seconds, label) {
  const most = Math.max(...runs.flat().map((sample) => sample.value), 1e-9);
  const place = (/** @type {{at: number, value: number}} */ { at, value }) =>
    `${(WIDTH * (1 - (now - at) / seconds)).toFixed(1)} ${(HEIGHT - 2 - ((HEIGHT - 6) * value) / most).toFixed(1)}`;
  const lines = runs.map((run) => `M${run.map(place).join("L")}`);
  const [area, line] = element.children;
  // A run of one sample is a dot.
  attr(line, "d", lines.map((path, index) => (runs[index].length > 1 ? path : `${path}h0.1`)).join(""));
  attr(area, "d", runs.map((run, index) => {
    const [first, last] = [run[0], run[run.length - 1]].map(({ at }) => place({ at, value: 0 }).split(" ")[0]);
    return `${lines[index]}L${last} ${HEIGHT}L${first} ${HEIGHT}Z`;
  }).join(""));
  attr(element, "aria-label", label);
}
