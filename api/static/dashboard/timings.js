/** How long tasks take against what was expected of them: by kind, the slowest, and all of them in a plot. */

import { h, keyed, section, table, text } from "./dom.js";
import { cloud, plot } from "./plot.js";
import { badge, showState } from "./states.js";
import { duration, farmNow, figure } from "./words.js";

/** @typedef {import("./types.js").Task} Task */

const SLOWEST = 10;

/** Real seconds of a task so far; null if it was not begun. @param {Task} task @param {number} now */
export const tookOf = (task, now) =>
  task.seconds ?? (task.state === "running" && task.started ? Math.max(0, now - task.started) : null);

/**
 * @typedef {Object} Kind
 * @property {string} kind
 * @property {number} tasks
 * @property {number} done
 * @property {number} took Seconds of those that are done, as is the next one.
 * @property {number} expected
 */

/**
 * @param {Task[]} tasks
 * @returns {Kind[]}
 */
export function kindsOf(tasks) {
  /** @type {Map<string, Kind>} */
  const kinds = new Map();
  for (const task of tasks) {
    const kind = kinds.get(task.kind) ?? { kind: task.kind, tasks: 0, done: 0, took: 0, expected: 0 };
    kinds.set(task.kind, kind);
    kind.tasks += 1;
    if (task.state !== "done") continue;
    kind.done += 1;
    kind.took += task.seconds ?? 0;
    kind.expected += task.seconds === null ? 0 : task.expected_seconds ?? 0;
  }
  return [...kinds.values()];
}

export function openTimings() {
  const kinds = table("Tasks by kind", [
    { title: "Kind" }, { title: "Done", class: "number" }, { title: "Took", class: "number" },
    { title: "Expected", class: "number" }, { title: "Ratio", class: "number" },
  ]);
  const slowest = table("The slowest tasks", [
    { title: "Task" }, { title: "State", class: "wide" }, { title: "Took", class: "number" }, { title: "Expected", class: "number" },
    { title: "Attempts", class: "number wide" }, { title: "Worker", class: "wide" },
  ]);
  const drawing = h("div");
  let drawn = "";
  return {
    element: section("Timings", kinds.element, drawing, h("h3", {}, "Slowest tasks"), slowest.element),
    /** @param {Task[]} tasks */
    show(tasks) {
      const now = farmNow();
      keyed(kinds.body, kindsOf(tasks), ({ kind }) => kind, ({ kind }) =>
        h("tr", {}, h("th", { scope: "row" }, kind), ...[1, 2, 3, 4].map(() => h("td", { class: "number" }))), (row, kind) => {
        const words = [`${figure(kind.done)} of ${figure(kind.tasks)}`, duration(kind.took),
          kind.expected ? duration(kind.expected) : "–", kind.expected ? `${(kind.took / kind.expected).toFixed(2)} ×` : "–"];
        words.forEach((value, index) => text(row.children[index + 1], value));
      });

      const begun = tasks.filter((task) => tookOf(task, now) !== null)
        .sort((one, other) => Number(tookOf(other, now)) - Number(tookOf(one, now)));
      keyed(slowest.body, begun.slice(0, SLOWEST), (task) => task.id, (task) =>
        h(
          "tr", {}, h("th", { scope: "row" }, h("code", {}, task.id)), h("td", { class: "wide" }, badge()), h("td", { class: "number" }),
          h("td", { class: "number" }), h("td", { class: "number wide" }), h("td", { class: "wide" }),
        ), (row, task) => {
        const [, state, took, expected, attempts, worker] = row.children;
        showState(/** @type {Element} */ (state.firstElementChild), task.state);
        text(took, duration(tookOf(task, now)));
        text(expected, duration(task.expected_seconds));
        text(attempts, figure(task.attempts));
        text(worker, task.worker ?? "–");
      });

      const pairs = tasks.filter((task) => task.seconds !== null && task.expected_seconds)
        .map((task) => /** @type {[number, number]} */ ([task.expected_seconds, task.seconds]));
      // It changes only when another task is done.
      const key = `${pairs.length} ${pairs.reduce((sum, [, took]) => sum + took, 0)}`;
      if (key !== drawn) drawing.replaceChildren(...(pairs.length > 1 ? [scatter(pairs)] : []));
      drawn = key;
    },
  };
}

/** @param {[number, number][]} pairs expected and real seconds */
function scatter(pairs) {
  // Not by spreading: there may be more pairs than a call may have arguments.
  const most = 1.05 * pairs.reduce((largest, pair) => Math.max(largest, ...pair), 0);
  const slower = pairs.filter(([expected, took]) => took > expected).length;
  const label = `Real against expected seconds of ${figure(pairs.length)} tasks; on the line both are equal. ${figure(slower)} took longer than expected.`;
  const axis = { most, words: (/** @type {number} */ value) => figure(value) };
  return plot(label, { ...axis, title: "expected, s" }, { ...axis, title: "took, s" }, (place) => {
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("class", "even");
    line.setAttribute("d", `M${place(0, 0).join(" ")}L${place(most, most).join(" ")}`);
    return [line, cloud(place, pairs)];
  });
}
