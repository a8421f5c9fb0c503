/** The view of one job. */

import { ApiError, get } from "./api.js";
import { openActions } from "./actions.js";
import { progress, showProgress } from "./bar.js";
import { ChunkMap } from "./chunkmap.js";
import { modelOf, tasksOf } from "./chunkmodel.js";
import { h, section, text } from "./dom.js";
import { openFacts } from "./facts.js";
import { openFailures } from "./failures.js";
import { openLadder } from "./ladder.js";
import { badge, hasEnded, showState } from "./states.js";
import { openTimeline } from "./timeline.js";
import { openTimings } from "./timings.js";
import { counted, duration, figure, fileName } from "./words.js";

/** @typedef {import("./types.js").Job} Job */
/** @typedef {import("./types.js").Plan} Plan */
/** @typedef {import("./types.js").Report} Report */
/** @typedef {import("./types.js").Tasks} Tasks */
/** @typedef {import("./types.js").View} View */

/** A job under way changes all the time; one that has ended may only be sent through again. */
const [PACE_SECONDS, ENDED_PACE_SECONDS] = [1.5, 10];

/** A document that is saved is kept for so many ms. */
const SAVING_MS = 10_000;

/**
 * @param {HTMLElement} root
 * @param {import("./main.js").Page} page
 * @param {string} id
 * @returns {View}
 */
export function openJob(root, page, id) {
  const path = `/jobs/${encodeURIComponent(id)}`;
  const parts = openParts(page, path);
  const missing = h("p", { hidden: true });
  root.append(missing, parts.element);
  const known = new Parts(path);

  return {
    title: "Job",
    seconds: PACE_SECONDS,
    wants: (event) => event.job === id,
    close: parts.close,
    async refresh(signal) {
      /** @type {Job} */
      let job;
      try {
        job = await get(path, signal);
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 404)) throw error;
        text(missing, `There is no job ${id}, or it was forgotten meanwhile.`);
        missing.hidden = false;
        parts.element.hidden = true;
        return;
      }
      missing.hidden = true;
      parts.element.hidden = false;
      document.title = `${fileName(job.source)} (${job.state}) · gopfarm`;
      this.seconds = hasEnded(job.state) ? ENDED_PACE_SECONDS : PACE_SECONDS;
      parts.show(job);
      const fault = await known.learn(job, signal);
      parts.showPlanned(job, known);
      if (fault) throw fault;
    },
  };
}

/** What is known of a job besides its record: each asked for when it is there, and only as often as it changes. */
class Parts {
  /** @type {Plan|null} */
  plan = null;
  /** @type {Report|null} */
  report = null;
  /** @type {Tasks|null} */
  tasks = null;
  /** Why there is no report although there should be one. @type {string|null} */
  unread = null;
  /** What the plan, the report and the last tasks were asked for. */
  #planned = "";
  #reported = "";
  #frozen = "";

  /** @param {string} path */
  constructor(path) {
    this.path = path;
  }

  /**
   * Ask for what is new. Each part fails alone: the others are there all the same.
   *
   * @param {Job} job
   * @param {AbortSignal} signal
   * @returns {Promise<unknown>} the first error; null if there was none
   */
  async learn(job, signal) {
    const pass = `${job.plan_hash ?? ""} ${job.times.queued}`;
    const outcomes = await Promise.allSettled([this.#learnPlan(job, pass, signal), this.#learnReport(job, pass, signal)]);
    outcomes.push(...await Promise.allSettled([this.#learnTasks(job, pass, signal)]));  // the report may stand in for them
    signal.throwIfAborted();
    return outcomes.find((outcome) => outcome.status === "rejected")?.reason ?? null;
  }

  /**
   * @param {Job} job
   * @param {string} pass
   * @param {AbortSignal} signal
   */
  async #learnPlan(job, pass, signal) {
    if (!job.plan_hash) this.plan = this.tasks = null;
    if (!job.plan_hash || this.#planned === pass) return;
    this.plan = await this.#ask("plan", signal);
    this.#planned = pass;
  }

  /**
   * @param {Job} job
   * @param {string} pass
   * @param {AbortSignal} signal
   */
  async #learnReport(job, pass, signal) {
    if (job.state === "done" && this.#reported === pass) return;
    this.report = this.unread = null;
    this.#reported = "";
    if (job.state !== "done") return;
    try {
      this.report = await this.#ask("report", signal);
      this.#reported = pass;
    } catch (error) {
      // The API answers, but cannot read the destination: workers and schedulers may have rights that it lacks.
      if (!(error instanceof ApiError && error.status === 502)) throw error;
      this.unread = error.message;
    }
  }

  /**
   * @param {Job} job
   * @param {string} pass
   * @param {AbortSignal} signal
   */
  async #learnTasks(job, pass, signal) {
    if (!job.plan_hash || this.#frozen === `${pass} ${job.state}`) return;
    const found = /** @type {Tasks|null} */ (await this.#ask("tasks", signal));
    // Soon after the end the farm forgets them; what was seen before is still right.
    if (found?.tasks.length) this.tasks = found;
    else if (this.report) this.tasks = this.tasks ? ended(this.tasks, this.report) : tasksOf(this.report);
    const settled = job.state === "done" ? this.#reported === pass : hasEnded(job.state);
    if (settled) this.#frozen = `${pass} ${job.state}`;
  }

  /**
   * @param {string} name
   * @param {AbortSignal} signal
   */
  async #ask(name, signal) {
    try {
      return await get(`${this.path}/${name}`, signal);
    } catch (error) {
      if (error instanceof ApiError && [404, 409].includes(error.status)) return null;
      throw error;
    }
  }
}

/**
 * The tasks that were seen last, all done by now.
 *
 * @param {Tasks} tasks
 * @param {Report} report
 * @returns {Tasks}
 */
function ended(tasks, report) {
  const final = new Map(tasksOf(report).tasks.map((task) => [task.id, task]));
  return {
    ...tasks,
    tasks: tasks.tasks.map((task) => {
      const told = final.get(task.id);
      return told ? { ...task, state: "done", done: 1, attempts: told.attempts, seconds: task.seconds ?? told.seconds } : task;
    }),
  };
}

/**
 * @param {import("./main.js").Page} page
 * @param {string} path
 */
function openParts(page, path) {
  const [name, state, share, outlook] = [h("h1", { class: "name" }), badge(), progress("Progress of the job"), h("p", { class: "quiet" })];
  const error = h("p", { class: "problem", hidden: true });
  const play = h("a", { class: "button", hidden: true }, "Play");
  const report = h("button", { type: "button", hidden: true, onclick: () => void download(page, `${path}/report`, links) }, "Download job.json");
  const links = h("p", { class: "result", role: "status" });
  /** @type {string|null} */
  let unread = null;
  const [actions, timeline, facts] = [openActions(page, [play, report]), openTimeline(), openFacts()];
  const [timings, failures, ladder, map] = [openTimings(), openFailures(), openLadder(), new ChunkMap()];
  const waiting = h("p", { class: "quiet" });
  const mapPart = section("Chunk map", waiting, map.element);
  for (const part of [mapPart, failures.element]) part.classList.add("across");
  for (const part of [map.element, timings.element, ladder.element]) part.hidden = true;
  const head = h("div", { class: "job-head card" }, h("div", { class: "title" }, name, state), share, outlook, error,
    actions.element, links);
  return {
    element: h("div", { class: "job" }, h("nav", { class: "crumbs", "aria-label": "Where you are" }, h("a", { href: "#/jobs" }, "All jobs")), head,
      h("div", { class: "grid" }, mapPart, h("div", { class: "column" }, timeline.element, timings.element),
        h("div", { class: "column" }, facts.element, ladder.element), failures.element)),
    close: () => map.close(),
    /** @param {Job} job */
    show(job) {
      text(name, fileName(job.source));
      showState(state, job.state);
      showProgress(share, job.progress);
      text(outlook, outlookOf(job));
      error.hidden = job.state !== "failed" || !job.error;
      text(error, `${job.error_kind ?? "failed"}: ${job.error ?? ""}`);
      // Only a path of this farm: what comes from elsewhere could be a script.
      const player = job.player && /^\/(?!\/)/.test(job.player) ? job.player : null;
      play.hidden = player === null;
      if (player) play.href = player;
      report.hidden = job.state !== "done";
      actions.show(job);
      timeline.show(job);
      failures.show(job.failures ?? []);
    },
    /**
     * @param {Job} job
     * @param {Parts} known
     */
    showPlanned(job, known) {
      ladder.element.hidden = false;
      facts.show(job, known.plan, known.report);
      ladder.show(known.plan, known.report);
      if (unread !== known.unread) text(links, known.unread ?? "");
      unread = known.unread;
      waiting.hidden = known.tasks !== null;
      text(waiting, hasEnded(job.state) ? "The farm remembers no tasks of this job." : "It is not planned yet.");
      map.element.hidden = known.tasks === null;
      timings.element.hidden = known.tasks === null;
      if (known.tasks) {
        map.show(modelOf(known.tasks));
        timings.show(known.tasks.tasks);
      }
    },
  };
}

/** @param {Job} job */
function outlookOf(job) {
  const parts = [];
  if (job.tasks) parts.push(`${figure(job.tasks_done)} of ${counted(job.tasks, "task")} done`);
  if (job.eta_seconds !== null && job.eta_seconds !== undefined) parts.push(`about ${duration(job.eta_seconds)} left`);
  if (job.expected_price) parts.push(`about ${job.expected_price.toFixed(2)} still to be spent`);
  const end = job.times[job.state];
  if (hasEnded(job.state) && end) parts.push(`took ${duration(end - job.times.queued)}`);
  return parts.join(" · ");
}

/**
 * Save a document of the API. A plain link would come without the token.
 *
 * @param {import("./main.js").Page} page
 * @param {string} path
 * @param {HTMLElement} result
 */
async function download(page, path, result) {
  try {
    const report = new Blob([JSON.stringify(await get(path), null, 1)], { type: "application/json" });
    const address = URL.createObjectURL(report);
    h("a", { href: address, download: "job.json" }).click();
    window.setTimeout(() => URL.revokeObjectURL(address), SAVING_MS);
    text(result, "");
  } catch (error) {
    text(result, error instanceof Error ? error.message : String(error));
    page.live.resume();
  }
}
