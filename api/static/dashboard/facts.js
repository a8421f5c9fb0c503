/** What a job is, in rows of name and value. */

import { h, keyed, section, text } from "./dom.js";
import { duration, size } from "./words.js";

/** @typedef {import("./types.js").Job} Job */
/** @typedef {import("./types.js").Plan} Plan */
/** @typedef {import("./types.js").Report} Report */
/** @typedef {import("./types.js").SourceReport} SourceReport */

/** @param {SourceReport|undefined} source */
function sourceWords(source) {
  if (!source) return "";
  const { video } = source;
  const parts = [
    video && `${video.codec} ${video.width} × ${video.height}${video.frame_rate ? `, ${frameRate(video.frame_rate)} frames/s` : ""}`,
    ...(source.audio ?? []).map((track) => `${track.codec}${track.language ? ` (${track.language})` : ""}`),
    source.duration_seconds && duration(source.duration_seconds),
    source.size && size(source.size),
    source.container,
  ];
  return parts.filter(Boolean).join(" · ");
}

/** @param {string} fraction such as "30000/1001" */
function frameRate(fraction) {
  const [over, under = 1] = fraction.split("/").map(Number);
  return Number((over / under).toFixed(3)).toString();
}

/**
 * @param {Job} job
 * @param {Plan|null} plan
 * @param {Report|null} report
 * @returns {[string, string][]}
 */
export function factsOf(job, plan, report) {
  const rows = /** @type {[string, string|number|null|undefined][]} */ ([
    ["Job", job.id],
    ["Source", job.source],
    ["What it is", sourceWords(plan?.source ?? report?.source)],
    ["Destination", job.destination],
    ["Tenant", job.tenant],
    ["Priority", job.priority],
    ["Profile", job.profile],
    ["Published", job.publish && (job.publish === "progressive" ? "progressively, as it grows" : "once it is whole")],
    ["Format", plan?.format ?? report?.format],
    ["Plan", job.plan_hash],
    ["Sent through again", job.retries ? `${job.retries} times` : null],
    ["Webhook", job.webhook],
    ["Processor time", report?.cost?.cpu_seconds ? duration(report.cost.cpu_seconds) : null],
    ["Most memory of a task", report?.cost?.peak_memory_bytes ? size(report.cost.peak_memory_bytes) : null],
    ["Master playlist", job.master],
    ["Trace", job.trace_id],
    ["Metadata", job.metadata && Object.keys(job.metadata).length ? JSON.stringify(job.metadata, null, 1) : null],
  ]);
  return rows.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => [name, String(value)]);
}

export function openFacts() {
  const list = h("dl", { class: "facts" });
  return {
    element: section("Facts", list),
    /**
     * @param {Job} job
     * @param {Plan|null} plan
     * @param {Report|null} report
     */
    show(job, plan, report) {
      keyed(list, factsOf(job, plan, report), ([name]) => name, ([name]) =>
        h("div", {}, h("dt", {}, name), h("dd")), (row, [, value]) => text(row.children[1], value));
    },
  };
}
