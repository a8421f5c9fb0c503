/** The page: its address decides the view; tokens, trouble and the state of the connection belong to all views. */

import { ApiError, get, token } from "./api.js";
import { askForToken } from "./dialogs.js";
import { attr, byId, h, keyed, text } from "./dom.js";
import { openFarm } from "./fleet.js";
import { openJob } from "./job.js";
import { openJobs } from "./jobs.js";
import { Live } from "./live.js";
import { Watch, troublesOf } from "./watch.js";
import { farmNow, moment } from "./words.js";

/** @typedef {import("./types.js").Session} Session */
/** @typedef {import("./types.js").View} View */

/** Views that do not show the farm look at it so often (seconds), for the sake of its troubles. */
const WATCH_SECONDS = 10;

const STATUS = {
  live: ["live", "Live: changes are shown as they happen"],
  polling: ["polling", "Polling: the API gives no events, so it is asked every few seconds"],
  paused: ["paused", "Paused while this tab is hidden"],
  away: ["no answer", "The API does not answer"],
};

/** An API that does not tell what a token may: everything is tried. @type {Session} */
const UNKNOWN = { name: null, scopes: ["farm:read", "jobs:read", "jobs:write"], tenants: null };

const NO_TOKEN = "The API refuses this page: it wants a valid token.";

/** What views share. */
export class Page {
  /** @type {Session|null} null while it is not known: then everything may be tried */
  session = null;
  watch = new Watch(() => this.showTroubles());
  /** @type {string|null} */
  fault = null;
  /** @type {number|null} since when the API is out of reach */
  #since = null;
  live = new Live({ onStatus: showStatus, onOutcome: (error) => this.#outcome(error) });

  /**
   * Why the token may not do something; null if it may.
   *
   * @param {string} scope
   */
  lacks(scope) {
    return this.session && !this.session.scopes.includes(scope) ? `this token lacks the scope ${scope}` : null;
  }

  /** @param {AbortSignal} signal */
  async learn(signal) {
    if (this.session === null) {
      try {
        this.session = await get("/token", signal);
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 404)) throw error;
        this.session = UNKNOWN;
      }
    }
    this.#showTokenButton(token.get() ? "Forget token" : null);
  }

  /** @param {"Forget token"|"Enter token"|null} word */
  #showTokenButton(word) {
    const button = byId("token-button", HTMLButtonElement);
    button.hidden = word === null;
    text(button, word ?? "");
    button.onclick = () => {
      if (word === "Enter token") void this.askForToken(null);
      else {
        token.forget();
        location.reload();
      }
    };
  }

  /** @param {AbortSignal} signal */
  async watchFarm(signal) {
    if (this.watch.age < WATCH_SECONDS || this.lacks("farm:read")) return;
    await this.watch.look(signal);
  }

  /** @param {Error|null} error */
  #outcome(error) {
    const status = error instanceof ApiError ? error.status : null;
    if (error === null) {
      this.fault = this.#since = null;
    } else if (status === 401) {
      this.session = null;
      // On a first visit the question says it all.
      this.fault = token.get() === null ? null : NO_TOKEN;
      this.#showTokenButton("Enter token");
      void this.askForToken(token.get() === null ? null : error.message);
    } else if (status !== null && status >= 400 && status < 500) {
      this.fault = error.message;
    } else {
      if (status === null) console.error(error);
      this.#since ??= farmNow();
      this.fault = `${error.message.replace(/[.\s]*$/, ".")} Since ${moment(this.#since)} this page shows what it knew before.`;
    }
    this.showTroubles();
  }

  /** @param {string|null} refused what the API said of the token before */
  async askForToken(refused) {
    const given = await askForToken(refused);
    if (given === null) {
      this.fault = NO_TOKEN;
      this.showTroubles();
      return;
    }
    token.set(given);
    this.session = null;
    this.live.stop();
    this.live.resume();
  }

  showTroubles() {
    const farm = this.watch.farm;
    const found = [...(this.fault ? [this.fault] : []), ...(farm ? troublesOf(farm) : [])];
    keyed(byId("troubles", HTMLElement), found, (words) => words, (words) => h("p", {}, words));
  }
}

/** @param {keyof typeof STATUS} status */
function showStatus(status) {
  const element = byId("link", HTMLElement);
  const [word, meaning] = STATUS[status];
  attr(element, "data-status", status);
  attr(element, "title", meaning);
  text(element, word);
}

/**
 * @param {string} hash of the address
 * @param {HTMLElement} root
 * @param {Page} page
 * @returns {{view: View, nav: string}}
 */
function viewOf(hash, root, page) {
  const [path, query] = hash.replace(/^#/, "").split("?");
  const job = /^\/jobs\/([^/]+)$/.exec(path);
  if (job) return { view: openJob(root, page, decoded(job[1])), nav: "jobs" };
  if (path === "/jobs") return { view: openJobs(root, page, new URLSearchParams(query)), nav: "jobs" };
  return { view: openFarm(root, page), nav: "farm" };
}

/**
 * What a part of the address stands for: itself if it is not encoded rightly. Then there is no job of that name.
 *
 * @param {string} part
 */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function start() {
  const page = new Page();
  const root = byId("main", HTMLElement);
  let first = true;

  const show = () => {
    root.replaceChildren();
    const { view, nav } = viewOf(location.hash, root, page);
    document.title = `${view.title} · gopfarm`;
    for (const link of document.querySelectorAll("nav [data-view]")) {
      attr(link, "aria-current", link.getAttribute("data-view") === nav ? "page" : null);
    }
    const refresh = view.refresh.bind(view);
    view.refresh = async (signal) => {
      await page.learn(signal);
      await refresh(signal);
      await page.watchFarm(signal);
    };
    page.live.show(view);
    if (!first) root.focus();
    first = false;
    window.scrollTo(0, 0);
  };

  window.addEventListener("hashchange", () => {
    if (/^#?(\/|$)/.test(location.hash)) show();
  });
  byId("skip", HTMLAnchorElement).addEventListener("click", (event) => {
    event.preventDefault();  // its address would be taken for that of a view
    root.focus();
  });
  show();
}

start();
