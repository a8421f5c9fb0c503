/** Small plots in SVG: axes, points and lines, from data. What they show is always in a table or in words too. */

import { h, s } from "./dom.js";

const [WIDTH, HEIGHT] = [420, 240];
const MARGIN = { left: 62, right: 16, top: 14, bottom: 40 };
const [ROOM_X, ROOM_Y] = [WIDTH - MARGIN.left - MARGIN.right, HEIGHT - MARGIN.top - MARGIN.bottom];

/**
 * @typedef {Object} Axis
 * @property {string} title
 * @property {number} most
 * @property {number} [least]
 * @property {(value: number) => string} words
 */

/**
 * Values at round distances, about four of them.
 *
 * @param {number} least
 * @param {number} most
 * @returns {number[]}
 */
export function ticks(least, most) {
  const rough = (most - least) / 4 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const found = [];
  for (let value = Math.ceil(least / step) * step; value <= most * (1 + 1e-9); value += step) found.push(value);
  return found;
}

/**
 * Where a value lies on the plot, in its own units.
 *
 * @param {Axis} axis
 * @param {number} value
 * @param {number} room
 */
const along = ({ least = 0, most }, value, room) => (room * (value - least)) / (most - least || 1);

/**
 * A plot with its axes.
 *
 * @param {string} label what is seen on it
 * @param {Axis} x
 * @param {Axis} y
 * @param {(place: (x: number, y: number) => [number, number]) => SVGElement[]} draw what is inside
 */
export function plot(label, x, y, draw) {
  const place = (/** @type {number} */ one, /** @type {number} */ other) => /** @type {[number, number]} */ (
    [MARGIN.left + along(x, one, ROOM_X), MARGIN.top + ROOM_Y - along(y, other, ROOM_Y)]);
  const bottom = MARGIN.top + ROOM_Y;
  const lines = ticks(y.least ?? 0, y.most).flatMap((value) => {
    const height = place(x.least ?? 0, value)[1];
    return [
      s("path", { class: "grid-line", d: `M${MARGIN.left} ${height}h${ROOM_X}` }),
      s("text", { x: MARGIN.left - 6, y: height + 4, "text-anchor": "end" }, y.words(value)),
    ];
  });
  const marks = ticks(x.least ?? 0, x.most).map((value) =>
    s("text", { x: place(value, 0)[0], y: bottom + 16, "text-anchor": "middle" }, x.words(value)));
  const titles = [
    s("text", { class: "axis", x: MARGIN.left + ROOM_X, y: HEIGHT - 6, "text-anchor": "end" }, x.title),
    s("text", { class: "axis", x: 4, y: 11 }, y.title),
  ];
  const svg = s("svg", { class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label },
    ...lines, ...marks, ...titles, s("path", { class: "axis-line", d: `M${MARGIN.left} ${MARGIN.top}V${bottom}h${ROOM_X}` }), ...draw(place));
  return h("figure", {}, svg, h("figcaption", {}, label));
}

/**
 * A line through points that carry names.
 *
 * @param {(x: number, y: number) => [number, number]} place
 * @param {{x: number, y: number, name: string}[]} points
 * @param {"planned"|"measured"} look
 */
export function namedLine(place, points, look) {
  const places = points.map(({ x, y }) => place(x, y));
  const path = s("path", { class: `data-line ${look}`, d: places.length ? `M${places.map((at) => at.join(" ")).join("L")}` : "" });
  const marks = places.map(([x, y], index) => {
    const title = s("title", {}, points[index].name);
    // Besides their colour the two lines have other marks.
    return look === "planned"
      ? s("circle", { class: `mark ${look}`, cx: x, cy: y, r: 4 }, title)
      : s("rect", { class: `mark ${look}`, x: x - 4, y: y - 4, width: 8, height: 8 }, title);
  });
  return [path, ...marks];
}

/**
 * Points without names, however many, as one element.
 *
 * @param {(x: number, y: number) => [number, number]} place
 * @param {[number, number][]} points
 */
export function cloud(place, points) {
  const dots = points.map(([x, y]) => {
    const [left, top] = place(x, y);
    return `M${left.toFixed(1)} ${top.toFixed(1)}h0`;
  });
  return s("path", { class: "cloud", d: dots.join("") });
}
