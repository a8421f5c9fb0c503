/** The attempts at a job's tasks that failed, latest first. */

import { h, keyed, section, table, text } from "./dom.js";
import { counted, iso, moment } from "./words.js";

/** @typedef {import("./types.js").Failure} Failure */

const SHOWN = 50;

export function openFailures() {
  const none = h("p", { class: "quiet" }, "No attempt has failed.");
  const log = table("Failed attempts, latest first", [
    { title: "When" }, { title: "Task" }, { title: "Attempt", class: "number wide" }, { title: "Worker", class: "wide" }, { title: "Why" },
  ]);
  const more = h("button", { type: "button", class: "plain" });
  let shown = SHOWN;
  /** @type {Failure[]} */
  let latest = [];

  const fill = () => {
    none.hidden = latest.length > 0;
    log.element.hidden = latest.length === 0;
    more.hidden = latest.length <= shown;
    text(more, `Show all ${counted(latest.length, "failure")}`);
    keyed(log.body, latest.slice(0, shown), (failure) => `${failure.task} ${failure.attempt} ${failure.at}`, (failure) =>
      h(
        "tr", {}, h("td", {}, h("time", { datetime: iso(failure.at) }, moment(failure.at))), h("td", {}, h("code", {}, failure.task)),
        h("td", { class: "number wide" }, String(failure.attempt)), h("td", { class: "wide" }, failure.worker),
        h("td", { class: "stretch" }, h("b", {}, failure.kind), ` ${failure.reason}`),
      ));
  };
  more.addEventListener("click", () => {
    shown = Infinity;
    fill();
  });
  return {
    element: section("Failed attempts", none, log.element, more),
    /** @param {Failure[]} failures */
    show(failures) {
      latest = [...failures].sort((one, other) => other.at - one.at);
      fill();
    },
  };
}
