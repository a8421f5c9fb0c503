/** Figures in words. */

/** Seconds that the farm's clock is ahead of this browser's. */
let ahead = 0;

/**
 * Learn the farm's clock from an answer's Date header, which counts whole seconds.
 *
 * @param {string|null} date
 */
export function noteClock(date) {
  const told = Date.parse(date ?? "") / 1000;
  if (Number.isNaN(told)) return;
  const difference = told + 0.5 - Date.now() / 1000;
  ahead = Math.abs(difference) > 2 ? difference : 0;
}

/** Seconds since 1970 by the farm's clock. */
export const farmNow = () => Date.now() / 1000 + ahead;

/**
 * @param {number|null|undefined} seconds
 * @returns {string} such as "0.8 s", "42 s", "4 min 10 s", "2 h 5 min", "3 d 4 h"
 */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  if (seconds < 9.95) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const units = /** @type {[string, number][]} */ ([["d", 86400], ["h", 3600], ["min", 60], ["s", 1]]);
  const first = units.findIndex(([, size]) => seconds >= size - (size === 60 ? 0.5 : 0));
  const [[large, size], [small, part]] = [units[first], units[first + 1]];
  const parts = Math.round(seconds / part);
  const [whole, rest] = [Math.floor(parts / (size / part)), parts % (size / part)];
  return rest ? `${whole} ${large} ${rest} ${small}` : `${whole} ${large}`;
}

/**
 * @param {number|null|undefined} seconds a position in a film
 * @returns {string} such as "1:02:03"
 */
export function position(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const whole = Math.floor(seconds);
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/**
 * @param {number|null|undefined} time seconds since 1970
 * @returns {string} the time of day, with the date unless it is today
 */
export function moment(time) {
  if (time === null || time === undefined) return "–";
  const date = new Date(time * 1000);
  const clock = date.toLocaleTimeString("en-GB");
  if (date.toDateString() === new Date().toDateString()) return clock;
  return `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${clock}`;
}

/** @param {number|null|undefined} time seconds since 1970 */
export const iso = (time) => (time ? new Date(time * 1000).toISOString() : null);

/** @param {number|null|undefined} time seconds since 1970 */
export const ago = (time) => (time ? `${duration(Math.max(0, farmNow() - time))} ago` : "–");

/** @param {number|null|undefined} share 0 to 1 */
export const percent = (share) =>
  (share === null || share === undefined ? "–" : `${Math.floor(Math.min(1, Math.max(0, share)) * 100)} %`);

/** @param {number|null|undefined} bits per second */
export function rate(bits) {
  if (bits === null || bits === undefined) return "–";
  if (bits === 0) return "0";
  return bits >= 995_000 ? `${(bits / 1e6).toFixed(1)} Mb/s` : `${Math.round(bits / 1e3)} kb/s`;
}

/** @param {number|null|undefined} bytes */
export function size(bytes) {
  if (bytes === null || bytes === undefined) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 9.95 && unit ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** @param {number|null|undefined} value */
export const figure = (value) =>
  (value === null || value === undefined
    ? "–"
    : value.toLocaleString("en-GB", { maximumFractionDigits: Math.abs(value) < 10 ? 1 : 0 }));

/** @param {number|null|undefined} value */
export const decibels = (value) => (value === null || value === undefined ? "–" : `${value.toFixed(1)} dB`);

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export const counted = (count, one, many = `${one}s`) => `${figure(count)} ${count === 1 ? one : many}`;

/** @param {string} address of a source */
export function fileName(address) {
  const name = address.replace(/\/+$/, "").split("/").pop();
  return name || address;
}
