/** The view of jobs: whose work waits, and a list with filters. The filters are in the address, to be passed on. */

import { get } from "./api.js";
import { progress, showProgress } from "./bar.js";
import { attr, h, keyed, section, table, text } from "./dom.js";
import { openQueue } from "./queue.js";
import { JOB_STATE_NAMES, badge, hasEnded, showState } from "./states.js";
import { ago, duration, fileName, iso, moment } from "./words.js";

/** @typedef {import("./types.js").Job} Job */
/** @typedef {import("./types.js").Jobs} Jobs */
/** @typedef {import("./types.js").View} View */

const PACE_SECONDS = 4;
const PAGE_SIZE = 25;

/** At most so many answers are put together for a page. */
const MOST_ASKED = 4;

/** What is typed is searched for after a pause of so many ms. */
const TYPING_MS = 350;

const FILTERS = /** @type {const} */ (["state", "tenant", "q"]);

/**
 * @param {HTMLElement} root
 * @param {import("./main.js").Page} page
 * @param {URLSearchParams} wanted
 * @returns {View}
 */
export function openJobs(root, page, wanted) {
  const queue = openQueue();
  const filters = openFilters(wanted, () => {
    past.length = 0;
    history.replaceState(null, "", `#/jobs${filters.query().size ? `?${filters.query()}` : ""}`);
    page.live.resume();
  });
  /** Cursors of the pages from the first one to that which is shown. @type {string[]} */
  const past = [];
  /** @type {string|null} */
  let next = null;

  const list = table("Jobs, newest first", [
    { title: "State" }, { title: "Source" }, { title: "Tenant", class: "wide" }, { title: "Priority", class: "number wide" },
    { title: "Progress" }, { title: "Submitted", class: "number wide" }, { title: "Took", class: "number wide" },
  ]);
  const nothing = h("p", { class: "quiet", hidden: true });
  const newer = h("button", { type: "button", onclick: () => turn(() => past.pop()) }, "Newer");
  const older = h("button", { type: "button", onclick: () => turn(() => (next === null ? 0 : past.push(next))) }, "Older");
  const place = h("span", { class: "quiet", role: "status" });
  const turn = (/** @type {() => unknown} */ change) => {
    change();
    page.live.resume();
  };
  const jobs = section("All jobs", filters.element, list.element, nothing,
    h("div", { class: "buttons paging" }, newer, older, place));
  jobs.classList.add("across");
  root.append(h("h1", {}, "Jobs"), h("div", { class: "grid" }, ...queue.elements, jobs));

  const show = (/** @type {Jobs} */ found) => {
    next = found.next;
    nothing.hidden = found.jobs.length > 0;
    list.element.hidden = found.jobs.length === 0;
    text(nothing, found.next !== null ? "None among the newest jobs: Older looks further back."
      : filters.query().size ? "No job is like that." : "No job was submitted so far.");
    keyed(list.body, found.jobs, (job) => job.id, rowOf, showRow);
    // Not `disabled`: the focus would be lost.
    attr(newer, "aria-disabled", past.length === 0 && "true");
    attr(older, "aria-disabled", next === null && "true");
    text(place, past.length ? `Page ${past.length + 1}` : "The newest");
  };
  if (page.watch.farm) queue.show(page.watch.farm);

  return {
    title: "Jobs",
    seconds: PACE_SECONDS,
    wants: () => true,
    close: filters.close,
    async refresh(signal) {
      const asked = [pageFrom(filters.query(), past[past.length - 1] ?? null, signal).then(show)];
      if (page.lacks("farm:read")) queue.elements.forEach((element) => (element.hidden = true));
      else asked.push(page.watch.look(signal).then(queue.show));
      await Promise.all(asked);
    },
  };
}

/**
 * Ask for a page of jobs. One answer looks at a bounded number of them, and so may have fewer than there are.
 *
 * @param {URLSearchParams} query
 * @param {string|null} cursor
 * @param {AbortSignal} signal
 * @returns {Promise<Jobs>}
 */
async function pageFrom(query, cursor, signal) {
  /** @type {Jobs} */
  const page = { jobs: [], next: cursor };
  for (let asked = 0; asked < MOST_ASKED && page.jobs.length < PAGE_SIZE; asked += 1) {
    query.set("limit", String(PAGE_SIZE - page.jobs.length));
    if (page.next !== null) query.set("cursor", page.next);
    /** @type {Jobs} */
    const found = await get(`/jobs?${query}`, signal);
    page.jobs.push(...found.jobs);
    page.next = found.next;
    if (found.next === null) break;
  }
  return page;
}

/**
 * @param {URLSearchParams} wanted
 * @param {() => void} onChange
 */
function openFilters(wanted, onChange) {
  // A state that there is not stays in the address and in the question, for the API to refuse.
  const named = new Set([...JOB_STATE_NAMES, wanted.get("state") ?? ""].filter((state) => state !== ""));
  const states = [h("option", { value: "" }, "any state"), ...[...named].map((state) => h("option", { value: state }, state))];
  const fields = {
    state: h("select", { id: "filter-state" }, ...states),
    tenant: h("input", { id: "filter-tenant", type: "text", autocomplete: "off", spellcheck: "false", maxlength: 64 }),
    q: h("input", { id: "filter-q", type: "search", autocomplete: "off", spellcheck: "false", maxlength: 200 }),
  };
  const labels = { state: "State", tenant: "Tenant", q: "Text in id, source or destination" };
  for (const name of FILTERS) fields[name].value = wanted.get(name) ?? "";
  let timer = 0;
  const later = () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(onChange, TYPING_MS);
  };
  const boxes = FILTERS.map((name) => h("div", { class: "field" }, h("label", { for: `filter-${name}` }, labels[name]), fields[name]));
  const element = h("form", { class: "filters", role: "search", "aria-label": "Filter jobs", oninput: later }, ...boxes);
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    window.clearTimeout(timer);
    onChange();
  });
  return {
    element,
    query() {
      const query = new URLSearchParams();
      for (const name of FILTERS) if (fields[name].value.trim()) query.set(name, fields[name].value.trim());
      return query;
    },
    close: () => window.clearTimeout(timer),
  };
}

/** @param {Job} job */
function rowOf(job) {
  const link = h("a", { href: `#/jobs/${encodeURIComponent(job.id)}`, title: job.source }, fileName(job.source) || job.id);
  return h(
    "tr", {},
    h("td", {}, badge()),
    h("th", { scope: "row", class: "name" }, link, h("span", { class: "below narrow" }), h("span", { class: "below error" })),
    h("td", { class: "wide" }),
    h("td", { class: "number wide" }),
    h("td", {}, progress(`Progress of ${fileName(job.source)}`)),
    h("td", { class: "number wide" }, h("time", { datetime: iso(job.times.queued), title: moment(job.times.queued) })),
    h("td", { class: "number wide" }),
  );
}

/**
 * @param {HTMLElement} row
 * @param {Job} job
 */
function showRow(row, job) {
  const [state, source, tenant, priority, share, submitted, took] = row.children;
  showState(/** @type {Element} */ (state.firstElementChild), job.state);
  const [, narrow, error] = source.children;
  text(narrow, `${job.tenant}, priority ${job.priority}`);
  text(error, job.state === "failed" ? job.error ?? "" : "");
  text(tenant, job.tenant);
  text(priority, String(job.priority));
  showProgress(/** @type {Element} */ (share.firstElementChild), job.progress);
  text(/** @type {Element} */ (submitted.firstElementChild), ago(job.times.queued));
  const end = job.times[job.state];
  text(took, hasEnded(job.state) && end ? duration(end - job.times.queued) : "–");
  attr(row, "data-state", job.state);
}
