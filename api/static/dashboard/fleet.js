/** The view of the farm: slots, workers, schedulers, throughput, and what is still to be done. */

import { meter, showGauge, showSpark, spark } from "./bar.js";
import { h, keyed, section, table, text } from "./dom.js";
import { JOB_STATE_NAMES, badge, showState } from "./states.js";
import { REMEMBERED_SECONDS, drainSeconds, runsOf } from "./watch.js";
import { openWorkers, poolsOf } from "./workers.js";
import { counted, duration, figure } from "./words.js";

/** @typedef {import("./types.js").Farm} Farm */
/** @typedef {import("./types.js").JobState} JobState */
/** @typedef {import("./types.js").View} View */

const PACE_SECONDS = 3;

/** The lines of throughput stand for at least so many seconds. */
const SHORTEST_SECONDS = 60;

/**
 * @param {HTMLElement} root
 * @param {import("./main.js").Page} page
 * @returns {View}
 */
export function openFarm(root, page) {
  const headline = h("p", { class: "headline" });
  const [left, right, below] = [
    [openSlots(), openSchedulers()], [openThroughput(page), openJobCounts(), openWebhooks()], [openWorkers()],
  ];
  const parts = [...left, ...right, ...below];
  const column = (/** @type {{element: HTMLElement}[]} */ some) => h("div", { class: "column" }, ...some.map((part) => part.element));
  root.append(h("h1", {}, "Farm"), headline, h("div", { class: "grid" }, column(left), column(right), ...below.map((part) => part.element)));

  const show = (/** @type {Farm} */ farm) => {
    text(headline, inShort(farm));
    for (const part of parts) part.show(farm);
  };
  if (page.watch.farm) show(page.watch.farm);
  return {
    title: "Farm",
    seconds: PACE_SECONDS,
    wants: () => true,
    close: () => {},
    async refresh(signal) {
      const refused = page.lacks("farm:read");
      if (refused) text(headline, `The farm cannot be shown: ${refused}.`);
      else show(await page.watch.look(signal));
    },
  };
}

/** @param {Farm} farm */
function inShort(farm) {
  const slots = Object.values(farm.slots);
  const [total, busy] = [slots.reduce((sum, { total }) => sum + total, 0), slots.reduce((sum, { busy }) => sum + busy, 0)];
  const live = JOB_STATE_NAMES.slice(0, 5).reduce((sum, state) => sum + (farm.jobs[state] ?? 0), 0);
  return `${figure(busy)} of ${counted(total, "slot")} busy at ${counted(farm.workers.length, "worker")}, ${counted(live, "job")} under way.`;
}

/** @param {import("./main.js").Page} page */
function openThroughput(page) {
  const kinds = /** @type {const} */ ([["tasks", "Tasks per minute"], ["media", "Seconds of film per second"]]);
  const rows = kinds.map(([key, label]) => {
    const now = h("p", { class: "big" });
    const line = spark(label);
    return { key, label, now, line, element: h("div", { class: "spark-box" }, h("h3", {}, label), now, line) };
  });
  const since = h("p", { class: "quiet" });
  return {
    element: section("Throughput", h("div", { class: "pair" }, ...rows.map((row) => row.element)), since),
    /** @param {Farm} farm */
    show(farm) {
      const samples = page.watch.samples;
      const seen = samples.length ? farm.now - samples[0].at : 0;
      // The line fills its box from the first minute on.
      const span = Math.min(REMEMBERED_SECONDS, Math.max(SHORTEST_SECONDS, seen));
      for (const { key, label, now, line } of rows) {
        const values = samples.map((sample) => sample[key]);
        text(now, figure(values[values.length - 1] ?? 0));
        const runs = runsOf(samples).map((run) => run.map((sample) => ({ at: sample.at, value: sample[key] })));
        const range = `from ${figure(Math.min(...values))} to ${figure(Math.max(...values))}`;
        showSpark(line, runs, farm.now, span, `${label}: ${range} in the last ${duration(span)}`);
      }
      text(since, `The last ${duration(span)}. This page remembers a quarter of an hour, while it is open.`);
    },
  };
}

function openSlots() {
  const queues = table("Slots by queue", [
    { title: "Queue" }, { title: "Busy" }, { title: "Tasks waiting", class: "number" }, { title: "Empty in", class: "number" },
  ]);
  const pools = table("Slots by pool", [{ title: "Pool" }, { title: "Busy" }, { title: "Workers", class: "number" }]);
  const none = h("p", { class: "quiet", hidden: true }, "No worker is alive.");
  const row = (/** @type {string} */ name, /** @type {string} */ note) => () =>
    h(
      "tr", {},
      h("th", { scope: "row" }, name, h("span", { class: "below" }, note)),
      h("td", { class: "stretch" }, meter(`Busy slots, ${name}`)),
      h("td", { class: "number" }), h("td", { class: "number" }),
    );
  const fill = (/** @type {HTMLElement} */ element, /** @type {number} */ busy, /** @type {number} */ total) => {
    const said = `${figure(busy)} of ${figure(total)}`;
    const gauge = /** @type {Element} */ (element.children[1].firstElementChild);
    showGauge(gauge, busy, total, said, `${said} busy, ${figure(Math.max(0, total - busy))} idle`);
  };
  return {
    element: section("Slots", h("h3", {}, "By queue"), queues.element, h("h3", {}, "By pool"), none, pools.element),
    /** @param {Farm} farm */
    show(farm) {
      keyed(queues.body, Object.entries(farm.slots), ([name]) => name, ([name]) => row(name, "")(), (element, [, slots]) => {
        fill(element, slots.busy, slots.total);
        const empty = drainSeconds(slots);
        text(element.children[2], figure(slots.waiting));
        text(element.children[3], slots.backlog_slot_seconds === 0 ? "idle" : empty === null ? "never" : duration(empty));
      });
      const found = poolsOf(farm.workers);
      none.hidden = found.length > 0;
      pools.element.hidden = found.length === 0;
      keyed(pools.body, found, (pool) => pool.key, (pool) => {
        const element = row(pool.queues, pool.encoders)();
        element.lastElementChild?.remove();
        return element;
      }, (element, pool) => {
        fill(element, pool.busy, pool.slots);
        text(element.children[2], figure(pool.workers));
      });
    },
  };
}

function openJobCounts() {
  const list = h("ul", { class: "counts" });
  return {
    element: section("Jobs", list),
    /** @param {Farm} farm */
    show(farm) {
      keyed(list, [...JOB_STATE_NAMES], (state) => state, (state) =>
        h("li", {}, h("a", { href: `#/jobs?state=${state}` }, badge(), " ", h("b"))), (element, state) => {
        const [mark, count] = /** @type {Element} */ (element.firstElementChild).children;
        showState(mark, state);
        // Those that have ended are not counted: they are only listed.
        text(count, state in farm.jobs ? figure(farm.jobs[state]) : "");
      });
    },
  };
}

function openSchedulers() {
  const list = h("ul", { class: "plain-list" });
  const none = h("p", { class: "problem", hidden: true }, "None is alive.");
  return {
    element: section("Schedulers", list, none),
    /** @param {Farm} farm */
    show(farm) {
      none.hidden = farm.schedulers.length > 0;
      keyed(list, farm.schedulers, ({ id }) => id, ({ id }) => h("li", {}, h("code", {}, id), " ", h("b")), (element, { leads }) => {
        text(/** @type {Element} */ (element.lastElementChild), leads ? "leads" : "");
      });
    },
  };
}

function openWebhooks() {
  const words = h("p");
  return {
    element: section("Webhooks", words),
    /** @param {Farm} farm */
    show({ webhooks }) {
      const oldest = webhooks.waiting && webhooks.oldest_seconds ? `, the oldest for ${duration(webhooks.oldest_seconds)}` : "";
      text(words, `${figure(webhooks.waiting)} waiting${oldest}; ${figure(webhooks.dead)} given up.`);
    },
  };
}
