/** What can be done to a job: cancel it, send it through again, change how urgent it is. Each asks before. */

import { post } from "./api.js";
import { confirmed } from "./dialogs.js";
import { attr, h, text } from "./dom.js";

/** @typedef {import("./types.js").Job} Job */

/** States from which a job can still be cancelled, and sent through again. */
const CANCELLABLE = ["queued", "probing", "planning", "encoding"];
const RETRIABLE = ["failed", "cancelled"];

/**
 * The buttons of a job.
 *
 * @param {import("./main.js").Page} page
 * @param {HTMLElement[]} others to stand beside them
 */
export function openActions(page, others) {
  /** @type {Job|null} */
  let job = null;
  const result = h("p", { class: "result", role: "status" });

  /**
   * @param {string} word
   * @param {() => Promise<string|null>} act asks and does it; returns what became of it, null if nothing was done
   */
  const button = (word, act) => {
    const id = `why-not-${word.toLowerCase()}`;
    const reason = h("span", { class: "reason", id });
    const element = h("button", { type: "button", "aria-describedby": id }, word);
    element.addEventListener("click", async () => {
      if (element.getAttribute("aria-disabled") === "true") return;
      attr(element, "aria-disabled", "true");
      try {
        const outcome = await act();
        if (outcome !== null) text(result, outcome);
        result.classList.remove("problem");
      } catch (error) {
        text(result, error instanceof Error ? error.message : String(error));
        result.classList.add("problem");
      }
      attr(element, "aria-disabled", null);
      page.live.resume();
    });
    return {
      element: h("div", { class: "action" }, element, reason),
      /** @param {string|null} why it cannot be done; null if it can */
      show(why) {
        // Not `disabled`: who works by keyboard shall get there, and hear why.
        attr(element, "aria-disabled", why ? "true" : null);
        text(reason, why ?? "");
      },
    };
  };

  const cancel = button("Cancel", async () => {
    if (!job) return null;
    const sure = await confirmed({
      title: "Cancel this job?",
      text: "Its tasks stop within seconds, and what it has stored and not published is removed.",
      yes: "Cancel the job",
    });
    if (!sure) return null;
    await post(`/jobs/${encodeURIComponent(job.id)}/cancel`);
    return "The job is cancelled.";
  });

  const retry = button("Retry", async () => {
    if (!job) return null;
    const sure = await confirmed({
      title: "Send this job through again?",
      text: "It begins anew. Segments that lie at its destination and are as planned are not encoded again.",
      yes: "Send it through again",
    });
    if (!sure) return null;
    await post(`/jobs/${encodeURIComponent(job.id)}/retry`);
    return "The job is sent through again.";
  });

  const boost = button("Priority", async () => {
    if (!job) return null;
    const options = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0].map((value) =>
      h("option", { value, selected: value === Math.min(9, (job?.priority ?? 5) + 1) }, String(value)));
    const select = h("select", { id: "new-priority" }, ...options);
    const sure = await confirmed({
      title: "Change how urgent this job is?",
      text: `It has priority ${job.priority} now. 9 is the most urgent: its tasks are next wherever a slot becomes free.`,
      yes: "Change it",
      fields: [h("label", { for: "new-priority" }, "Priority"), select],
    });
    if (!sure) return null;
    const priority = Number(select.value);
    await post(`/jobs/${encodeURIComponent(job.id)}/priority`, { priority });
    return `The job has priority ${priority} from now on.`;
  });

  return {
    element: h("div", { class: "actions" },
      h("div", { class: "buttons" }, boost.element, cancel.element, retry.element, ...others), result),
    /** @param {Job} seen */
    show(seen) {
      job = seen;
      const lacks = page.lacks("jobs:write");
      const ended = ["done", ...RETRIABLE].includes(seen.state);
      cancel.show(lacks ?? (CANCELLABLE.includes(seen.state) ? null
        : ended ? `it is ${seen.state}` : "it is being published: too late"));
      retry.show(lacks ?? (RETRIABLE.includes(seen.state) ? null
        : seen.state === "done" ? "it is done" : "it has not ended"));
      boost.show(lacks ?? (ended ? `it is ${seen.state}` : null));
    },
  };
}
