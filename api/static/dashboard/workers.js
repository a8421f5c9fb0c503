/** The workers of a farm, and what each of them runs. */

import { progress, showProgress } from "./bar.js";
import { attr, h, keyed, section, table, text } from "./dom.js";
import { counted, duration, figure } from "./words.js";

/** @typedef {import("./types.js").Farm} Farm */
/** @typedef {import("./types.js").Worker} Worker */
/** @typedef {import("./types.js").RunningTask} RunningTask */

/** More workers than these are shown only when asked for. */
const FEW = 16;

/** @param {Record<string, number>} slots by queue */
const slotsOf = (slots) => Object.values(slots).reduce((sum, count) => sum + count, 0);

/**
 * @typedef {Object} Pool Workers that serve the same queues with the same encoders.
 * @property {string} key
 * @property {string} queues
 * @property {string} encoders
 * @property {number} workers
 * @property {number} slots
 * @property {number} busy
 */

/**
 * @param {Worker[]} workers
 * @returns {Pool[]}
 */
export function poolsOf(workers) {
  /** @type {Map<string, Pool>} */
  const pools = new Map();
  for (const worker of workers) {
    const queues = Object.keys(worker.slots).sort().join(", ");
    const encoders = [...worker.encoders].sort().join(", ");
    const key = `${queues}|${encoders}`;
    const pool = pools.get(key) ?? { key, queues, encoders, workers: 0, slots: 0, busy: 0 };
    pool.workers += 1;
    pool.slots += slotsOf(worker.slots);
    pool.busy += worker.running;
    pools.set(key, pool);
  }
  return [...pools.values()].sort((one, other) => one.key.localeCompare(other.key));
}

export function openWorkers() {
  const { element, body } = table("Workers", [
    { title: "Worker" }, { title: "Busy" }, { title: "Runs" }, { title: "Heard of", class: "number wide" },
  ]);
  const summary = h("summary");
  const details = h("details", {}, summary, element);
  /** @type {Farm|null} */
  let latest = null;
  let decided = false;

  const fill = () => {
    // Rows of hundreds of workers that nobody looks at cost time at each refresh.
    if (!latest || !details.open) return;
    const workers = [...latest.workers].sort((one, other) => one.id.localeCompare(other.id));
    keyed(body, workers, (worker) => worker.id, rowOf, showRow);
  };
  details.addEventListener("toggle", fill);

  const part = section("Workers", details);
  part.classList.add("across");
  return {
    element: part,
    /** @param {Farm} farm */
    show(farm) {
      latest = farm;
      const busy = farm.workers.filter((worker) => worker.running > 0).length;
      text(summary, `${counted(farm.workers.length, "worker")}, ${figure(busy)} of them at work`);
      if (!decided && farm.workers.length) {
        details.open = farm.workers.length <= FEW;
        decided = true;
      }
      fill();
    },
  };
}

/** @param {Worker} worker */
function rowOf(worker) {
  return h(
    "tr", {},
    h("th", { scope: "row", class: "name" }, h("code", {}, worker.id), h("span", { class: "below" }, worker.host)),
    h("td"),
    h("td", { class: "stretch" }, h("ul", { class: "tasks", "aria-label": `Tasks of ${worker.id}` })),
    h("td", { class: "number wide" }),
  );
}

/**
 * @param {HTMLElement} row
 * @param {Worker} worker
 */
function showRow(row, worker) {
  const [, busy, tasks, seen] = row.children;
  text(busy, `${worker.running} of ${slotsOf(worker.slots)}`);
  attr(busy, "title", Object.entries(worker.slots).map(([queue, count]) => `${queue}: ${count}`).join(", "));
  text(seen, `${duration(worker.seen_seconds_ago)} ago`);
  const list = /** @type {Element} */ (tasks.firstElementChild);
  keyed(list, worker.tasks, (task) => `${task.job} ${task.task}`, taskOf, (element, task) => {
    const [, share, time] = element.children;
    showProgress(share, task.done ?? 0);
    text(time, duration(task.elapsed));
  });
}

/** @param {RunningTask} task */
const taskOf = (task) =>
  h(
    "li", {},
    h("a", { href: `#/jobs/${encodeURIComponent(task.job)}`, title: `Job ${task.job}` }, task.task),
    progress(`Progress of ${task.task} of job ${task.job}`),
    h("span", { class: "figure" }),
  );
