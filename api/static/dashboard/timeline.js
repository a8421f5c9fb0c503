/** The states that a job went through, when, and for how long. */

import { attr, h, keyed, section, text } from "./dom.js";
import { badge, hasEnded, showState } from "./states.js";
import { duration, farmNow, iso, moment } from "./words.js";

/** @typedef {import("./types.js").Job} Job */
/** @typedef {import("./types.js").JobState} JobState */

/**
 * @typedef {Object} Step
 * @property {string} name A state, or "playable".
 * @property {number} at
 * @property {number|null} seconds For how long; null for a moment, and for the end.
 * @property {boolean} now
 */

/**
 * The states in the order in which they came.
 *
 * @param {Job} job
 * @param {number} now
 * @returns {Step[]}
 */
export function stepsOf(job, now) {
  const times = Object.entries(job.times).sort(([, one], [, other]) => one - other);
  const states = times.filter(([name]) => name !== "playable");
  return times.map(([name, at]) => {
    const next = states[states.findIndex(([state]) => state === name) + 1]?.[1];
    const current = name === job.state;
    const open = current && !hasEnded(job.state);
    const seconds = name === "playable" || hasEnded(/** @type {JobState} */ (name)) ? null : open ? now - at : (next ?? at) - at;
    return { name, at, seconds, now: current };
  });
}

export function openTimeline() {
  const list = h("ol", { class: "timeline" });
  return {
    element: section("Timeline", list),
    /** @param {Job} job */
    show(job) {
      keyed(list, stepsOf(job, farmNow()), (step) => step.name, (step) =>
        h("li", {}, step.name === "playable" ? h("span", { class: "badge" }, "playable") : badge(), h("time"), h("span", { class: "quiet" })), (item, step) => {
        const [state, time, words] = item.children;
        if (step.name !== "playable") showState(state, /** @type {JobState} */ (step.name));
        attr(time, "datetime", iso(step.at));
        text(time, moment(step.at));
        const since = job.times.queued ?? step.at;
        text(words, step.seconds !== null ? `for ${duration(step.seconds)}` : `after ${duration(step.at - since)}`);
        attr(item, "aria-current", step.now ? "step" : null);
      });
    },
  };
}
