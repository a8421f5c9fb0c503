/**
 * Keeps the view up to date: it is asked to refresh at its own pace, and at once when an event concerns it.
 *
 * Events tell of ends and of tenths of progress; what has none (progress within a task, workers) needs the pace. In a
 * hidden tab neither goes on.
 */

import { ApiError, openStream } from "./api.js";

/** @typedef {import("./types.js").View} View */
/** @typedef {import("./types.js").FarmEvent} FarmEvent */

/** Without events the page asks at most so many seconds apart. */
const POLL_SECONDS = 3;

/** Events come in crowds: what follows within so many seconds is shown together. */
const HINT_SECONDS = 0.3;

/** Of the time that passes, at most a fifth is spent on refreshing: large jobs are asked for less often. */
const REST = 4;

/** Seconds between tries while the API cannot be reached, and between tries to get events. */
const PAUSES = [1, 2, 4, 8, 15, 30];

/** The API sends a comment every 15 s: a stream that is silent for so many ms is dead, whatever its connection says. */
const SILENCE_MS = 45_000;

/**
 * What a stream of events tells, one event for each blank line (HTML standard, section 9.2.6). It ends with the stream,
 * or when nothing was heard for long.
 *
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<{id: string, data: string}>}
 */
export async function* eventsOf(body) {
  const [reader, decoder] = [body.getReader(), new TextDecoder()];
  let [buffer, id, data] = ["", "", /** @type {string[]} */ ([])];
  for (;;) {
    const silence = window.setTimeout(() => void reader.cancel(), SILENCE_MS);
    const { value, done } = await reader.read().finally(() => window.clearTimeout(silence));
    if (done) return;
    buffer += decoder.decode(value, { stream: true });
    // A carriage return at the end may be the first half of a line's end.
    const lines = buffer.split(/\r\n|\n|\r(?!$)/);
    buffer = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (data.length) yield { id, data: data.join("\n") };
        data = [];
      } else if (line.startsWith("id:")) id = line.slice(3).trim();
      else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
    }
  }
}

export class Live {
  /** @type {View|null} */
  #view = null;
  /** @type {AbortController|null} */
  #refreshing = null;
  /** @type {AbortController|null} */
  #streaming = null;
  #timer = 0;
  /** When the timer is due, in seconds on the page's clock. */
  #due = Infinity;
  #lastId = "";
  #failures = 0;
  #streamed = false;
  /** Whether something was told while a refresh was under way. */
  #stale = false;
  #earliest = 0;

  /**
   * @param {Object} page
   * @param {(status: "live"|"polling"|"paused"|"away") => void} page.onStatus
   * @param {(error: Error|null) => void} page.onOutcome what went wrong in a refresh; null if nothing
   */
  constructor({ onStatus, onOutcome }) {
    this.onStatus = onStatus;
    this.onOutcome = onOutcome;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#pause() : this.resume()));
  }

  /**
   * Show another view from now on.
   *
   * @param {View} view
   */
  show(view) {
    this.#view?.close();
    this.#view = view;
    this.resume();
  }

  /** Refresh now, and go on: after a pause, with another token, or when something was done. */
  resume() {
    if (document.hidden) return;
    this.#refreshing?.abort();
    this.#refreshing = null;
    this.#earliest = 0;
    this.#failures = 0;
    if (!this.#streaming) void this.#listen();
    void this.#refresh();
  }

  /** Ask for nothing more until `resume`. */
  stop() {
    this.#clear();
    this.#refreshing?.abort();
    this.#streaming?.abort();
    this.#refreshing = this.#streaming = null;
    this.#streamed = false;
  }

  #pause() {
    this.stop();
    this.onStatus("paused");
  }

  #clear() {
    window.clearTimeout(this.#timer);
    this.#due = Infinity;
  }

  /** @param {number} seconds */
  #later(seconds) {
    this.#clear();
    this.#due = performance.now() / 1000 + seconds;
    this.#timer = window.setTimeout(() => void this.#refresh(), seconds * 1000);
  }

  async #refresh() {
    this.#clear();
    const view = this.#view;
    if (!view || document.hidden) return;
    const control = (this.#refreshing = new AbortController());
    const began = performance.now();
    this.#stale = false;
    /** @type {Error|null} */
    let fault = null;
    try {
      await view.refresh(control.signal);
    } catch (error) {
      if (control.signal.aborted) return;
      fault = error instanceof Error ? error : new Error(String(error));
    }
    if (this.#refreshing !== control) return;
    this.#refreshing = null;
    this.#failures = fault ? this.#failures + 1 : 0;
    this.onOutcome(fault);
    // A token that was refused is asked for; `resume` comes with another one.
    if (fault instanceof ApiError && fault.status === 401) return;
    const rest = (REST * (performance.now() - began)) / 1000;
    this.#earliest = performance.now() / 1000 + Math.min(rest, 60);
    const pace = this.#streamed ? view.seconds : Math.min(view.seconds, POLL_SECONDS);
    const pause = fault ? Math.max(pauseAfter(this.#failures), retryAfter(fault)) : this.#stale ? HINT_SECONDS : pace;
    this.#later(Math.max(pause, Math.min(rest, 60)));
    this.#tell(fault);
  }

  /** @param {Error|null} fault */
  #tell(fault) {
    const away = fault instanceof ApiError && (fault.status === 0 || fault.status >= 500);
    this.onStatus(away ? "away" : this.#streamed ? "live" : "polling");
  }

  /** Listen to events until the page is paused. Where there are none to be had, the pace is all there is. */
  async #listen() {
    const control = (this.#streaming = new AbortController());
    for (let failures = 1; !control.signal.aborted; failures += 1) {
      try {
        const answer = await openStream("/events", control.signal, this.#lastId);
        if (!answer.body) return;
        failures = 0;
        this.#streamed = true;
        this.#tell(null);
        for await (const { id, data } of eventsOf(answer.body)) this.#hear(id, data);
      } catch (error) {
        if (control.signal.aborted) return;
        const status = error instanceof ApiError ? error.status : 0;
        // Another try would be refused as well, unless there is another token.
        if (status >= 400 && status < 500 && status !== 429) {
          this.#streaming = null;
          return;
        }
      }
      if (this.#streaming !== control) return;
      this.#streamed = false;
      await new Promise((resolve) => window.setTimeout(resolve, pauseAfter(failures) * 1000));
    }
  }

  /**
   * @param {string} id
   * @param {string} data
   */
  #hear(id, data) {
    if (id) this.#lastId = id;
    let event;
    try {
      event = /** @type {FarmEvent} */ (JSON.parse(data));
    } catch {
      return;
    }
    if (!this.#view?.wants(event)) return;
    if (this.#refreshing) {
      this.#stale = true;
      return;
    }
    // Never later than it is to be anyway: events without a pause would put it off for ever.
    const now = performance.now() / 1000;
    const due = Math.max(now + HINT_SECONDS, this.#earliest);
    if (due < this.#due) this.#later(due - now);
  }
}

/** @param {number} failures in a row */
const pauseAfter = (failures) => PAUSES[Math.min(Math.max(0, failures - 1), PAUSES.length - 1)];

/** @param {Error} fault */
const retryAfter = (fault) => (fault instanceof ApiError ? fault.retryAfter : 0);
