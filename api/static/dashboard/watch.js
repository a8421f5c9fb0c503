/** The farm as it was seen last, and how fast it was over the last quarter of an hour. One for all views. */

import { get } from "./api.js";
import { counted, duration } from "./words.js";

/** @typedef {import("./types.js").Farm} Farm */

/** How much of the past is shown, in seconds. */
export const REMEMBERED_SECONDS = 900;

/** A pause in which nothing was seen, because the tab was hidden, is no line between what was before and after. */
const GAP_SECONDS = 40;

/**
 * @typedef {Object} Sample
 * @property {number} at seconds since 1970
 * @property {number} tasks per minute
 * @property {number} media seconds per second
 */

export class Watch {
  /** @type {Farm|null} */
  farm = null;
  /** When it was seen, by `performance.now()` in seconds. */
  #seen = -Infinity;
  /** @type {Sample[]} */
  samples = [];

  /** @param {() => void} onSeen */
  constructor(onSeen) {
    this.onSeen = onSeen;
  }

  /** Seconds since the farm was seen last. */
  get age() {
    return performance.now() / 1000 - this.#seen;
  }

  /** @param {AbortSignal} signal */
  async look(signal) {
    /** @type {Farm} */
    const farm = await get("/farm", signal);
    this.farm = farm;
    this.#seen = performance.now() / 1000;
    const { tasks_per_minute: tasks, media_seconds_per_second: media } = farm.throughput;
    this.samples = this.samples.filter((sample) => sample.at > farm.now - REMEMBERED_SECONDS);
    this.samples.push({ at: farm.now, tasks: tasks ?? 0, media: media ?? 0 });
    this.onSeen();
    return farm;
  }
}

/**
 * Cut samples into runs without a long pause in them.
 *
 * @param {Sample[]} samples
 */
export function runsOf(samples) {
  /** @type {Sample[][]} */
  const runs = [];
  samples.forEach((sample, index) => {
    if (index && sample.at - samples[index - 1].at <= GAP_SECONDS) runs[runs.length - 1].push(sample);
    else runs.push([sample]);
  });
  return runs;
}

/**
 * What is wrong with a farm, in words for whoever has to act.
 *
 * @param {Farm} farm
 * @returns {string[]}
 */
export function troublesOf(farm) {
  const found = [];
  if (farm.schedulers.length === 0) {
    found.push("No scheduler is alive: nothing is planned, given out or published until one is.");
  } else if (!farm.schedulers.some((scheduler) => scheduler.leads)) {
    found.push("No scheduler leads at the moment: nothing is given out. Another one takes over within seconds.");
  }
  for (const [queue, slots] of Object.entries(farm.slots)) {
    if (slots.total === 0 && (slots.waiting > 0 || slots.backlog_slot_seconds > 0)) {
      const work = slots.waiting > 0 ? counted(slots.waiting, "task") : `${duration(slots.backlog_slot_seconds)} of work`;
      found.push(`No worker serves the queue ${queue}, for which there is work (${work}).`);
    }
  }
  if (farm.webhooks.dead > 0) {
    found.push(`${counted(farm.webhooks.dead, "webhook was", "webhooks were")} given up: see "gopfarm webhooks list --dead".`);
  }
  return found;
}

/**
 * @param {import("./types.js").QueueSlots} slots
 * @returns {number|null} seconds until all its work is done with the slots that it has; null if there are none
 */
export const drainSeconds = (slots) => (slots.total > 0 ? slots.backlog_slot_seconds / slots.total : null);
