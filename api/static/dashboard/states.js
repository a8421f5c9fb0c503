/** The states of jobs and tasks, each with a sign besides its colour: not everybody can tell all colours apart. */

import { h } from "./dom.js";

/** @typedef {import("./types.js").JobState} JobState */
/** @typedef {import("./types.js").TaskState} TaskState */

/** In the order of a good life. `look` is the task state whose colour it has. */
export const JOB_STATES = /** @type {const} */ ({
  queued: { sign: "…", look: "waiting" },
  probing: { sign: "?", look: "queued" },
  planning: { sign: "#", look: "queued" },
  encoding: { sign: "▶", look: "running" },
  stitching: { sign: "≡", look: "running" },
  done: { sign: "✓", look: "done" },
  failed: { sign: "✕", look: "failed" },
  cancelled: { sign: "–", look: "waiting" },
});

/** @type {readonly JobState[]} */
export const JOB_STATE_NAMES = /** @type {JobState[]} */ (Object.keys(JOB_STATES));

/** @type {Record<TaskState, string>} */
export const TASK_SIGNS = { waiting: "·", queued: "…", running: "▶", done: "✓", failed: "✕" };

/** @type {readonly TaskState[]} */
export const TASK_STATES = /** @type {TaskState[]} */ (Object.keys(TASK_SIGNS));

/** @param {JobState} state */
export const hasEnded = (state) => state === "done" || state === "failed" || state === "cancelled";

/** An empty badge; `showState` fills it. */
export const badge = () => h("span", { class: "badge" }, h("span", { class: "sign", "aria-hidden": "true" }), h("span"));

/**
 * @param {Element} element a badge
 * @param {JobState|TaskState} state
 */
export function showState(element, state) {
  const job = state in JOB_STATES ? JOB_STATES[/** @type {JobState} */ (state)] : null;
  const [sign, word] = element.children;
  const wanted = `badge look-${job ? job.look : state}`;
  if (element.className === wanted && word.textContent === state) return;
  element.className = wanted;
  sign.textContent = job ? job.sign : TASK_SIGNS[/** @type {TaskState} */ (state)] ?? "?";
  word.textContent = state;
}
