/** The ladder of a job: its renditions as planned and, once it is done, as measured. */

import { h, keyed, section, table, text } from "./dom.js";
import { namedLine, plot } from "./plot.js";
import { decibels, figure, rate, size } from "./words.js";

/** @typedef {import("./types.js").Plan} Plan */
/** @typedef {import("./types.js").PlannedRendition} PlannedRendition */
/** @typedef {import("./types.js").Report} Report */

/**
 * @typedef {Object} Rung
 * @property {PlannedRendition} planned
 * @property {number|null} average Bits per second, measured, as is the next one.
 * @property {number|null} peak
 * @property {number|null} bytes
 * @property {string} codec
 * @property {number|null} psnr Of luma, in dB, against what the encoder was given.
 */

/**
 * @param {Plan|null} plan
 * @param {Report|null} report
 * @returns {Rung[]}
 */
export function rungsOf(plan, report) {
  if (report?.ladder) {
    return report.ladder.map(({ planned, measured, codec, quality }) => ({
      planned, average: measured.average_bitrate, peak: measured.peak_bitrate, bytes: measured.bytes, codec: codec ?? "", psnr: quality?.psnr ?? null,
    }));
  }
  return (plan?.renditions ?? []).map((planned) =>
    ({ planned, average: null, peak: null, bytes: null, codec: planned.encoder ?? "", psnr: null }));
}

/** @param {PlannedRendition} planned */
const picture = ({ width, height, language, channels }) =>
  (width && height ? `${width} × ${height}` : [language, channels && (channels === 1 ? "mono" : channels === 2 ? "stereo" : "5.1")].filter(Boolean).join(", "));

export function openLadder() {
  const list = table("Renditions", [
    { title: "Rendition" }, { title: "Picture or sound" }, { title: "Planned", class: "number" }, { title: "Average", class: "number" },
    { title: "Peak", class: "number wide" }, { title: "Stored", class: "number wide" }, { title: "PSNR", class: "number wide" }, { title: "Codec", class: "wide" },
  ]);
  const none = h("p", { class: "quiet" }, "It is not planned yet.");
  const plots = h("div", { class: "pair" });
  let drawn = "";
  return {
    element: section("Ladder", none, list.element, plots),
    /**
     * @param {Plan|null} plan
     * @param {Report|null} report
     */
    show(plan, report) {
      const rungs = rungsOf(plan, report);
      none.hidden = rungs.length > 0;
      list.element.hidden = rungs.length === 0;
      keyed(list.body, rungs, ({ planned }) => planned.name, ({ planned }) =>
        h(
          "tr", {}, h("th", { scope: "row" }, planned.name), h("td"), h("td", { class: "number" }), h("td", { class: "number" }),
          h("td", { class: "number wide" }), h("td", { class: "number wide" }), h("td", { class: "number wide" }), h("td", { class: "wide" }),
        ), (row, rung) => {
        const words = [picture(rung.planned), rate(rung.planned.bitrate), rate(rung.average), rate(rung.peak), size(rung.bytes), decibels(rung.psnr), rung.codec];
        words.forEach((value, index) => text(row.children[index + 1], value));
      });
      const key = JSON.stringify(rungs);
      if (key !== drawn) plots.replaceChildren(...[ratePlot(rungs), qualityPlot(rungs)].filter((one) => one !== null));
      drawn = key;
    },
  };
}

/** @param {Rung} rung */
const lines = ({ planned }) => Math.min(planned.width ?? 0, planned.height ?? 0);

/** @param {Rung[]} rungs */
function ratePlot(rungs) {
  const video = rungs.filter((rung) => lines(rung) && rung.planned.bitrate).sort((one, other) => lines(one) - lines(other));
  if (video.length < 2) return null;
  const planned = video.map((rung) => ({ x: lines(rung), y: Number(rung.planned.bitrate), name: `${rung.planned.name}, planned: ${rate(rung.planned.bitrate)}` }));
  const measured = video.filter((rung) => rung.average !== null)
    .map((rung) => ({ x: lines(rung), y: Number(rung.average), name: `${rung.planned.name}, measured: ${rate(rung.average)}` }));
  const most = 1.08 * Math.max(...planned.concat(measured).map((point) => point.y));
  const label = `Bitrate by lines of the picture: ${measured.length ? "planned (round), measured (square)" : "as planned"}`;
  return plot(label, { title: "lines", most: 1.05 * lines(video[video.length - 1]), words: figure }, { title: "bits per second", most, words: rate }, (place) => [
    ...namedLine(place, planned, "planned"),
    ...namedLine(place, measured, "measured"),
  ]);
}

/** @param {Rung[]} rungs */
function qualityPlot(rungs) {
  const points = rungs.flatMap(({ planned, average, psnr }) =>
    (average !== null && psnr !== null ? [{ x: average, y: psnr, name: `${planned.name}: ${decibels(psnr)} at ${rate(average)}` }] : []))
    .sort((one, other) => one.x - other.x);
  if (points.length < 2) return null;
  const [most, high] = [Math.max(...points.map(({ x }) => x)), Math.max(...points.map(({ y }) => y))];
  const low = Math.min(...points.map(({ y }) => y));
  const across = { title: "bits per second", most: 1.05 * most, words: rate };
  const up = { title: "PSNR", least: low - (high - low) / 4, most: high + (high - low) / 8 || high + 1, words: decibels };
  return plot("Quality (PSNR) by measured bitrate", across, up, (place) => namedLine(place, points, "measured"));
}
