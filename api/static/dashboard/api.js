/** Speaks with the HTTP API: adds the token, reads JSON, and has words for whatever goes wrong. */

import { noteClock } from "./words.js";

const BASE = "/api/v1";
// The player page reads the token under this name too.
const TOKEN_KEY = "gopfarm-token";
const PATIENCE_MS = 20_000;

/** What the API refused or could not do. `status` is 0 where it gave no answer. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   * @param {number} [retryAfter] seconds
   */
  constructor(status, message, retryAfter = 0) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export const token = {
  get: () => sessionStorage.getItem(TOKEN_KEY),
  /** @param {string} value */
  set: (value) => sessionStorage.setItem(TOKEN_KEY, value),
  forget: () => sessionStorage.removeItem(TOKEN_KEY),
};

/**
 * Ask for a resource.
 *
 * @param {string} path below /api/v1
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 * @throws {ApiError}
 */
export async function get(path, signal) {
  return (await send("GET", path, { signal, patience: PATIENCE_MS })).json();
}

/**
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<any>}
 * @throws {ApiError}
 */
export async function post(path, body) {
  const answer = await send("POST", path, { body, patience: PATIENCE_MS });
  return answer.status === 204 ? null : answer.json();
}

/**
 * Open a stream of events; its body is read by `live.js`.
 *
 * @param {string} path
 * @param {AbortSignal} signal
 * @param {string} lastId of the event after which to go on; "" for new ones only
 * @throws {ApiError}
 */
export function openStream(path, signal, lastId) {
  return send("GET", path, {
    signal,
    headers: { Accept: "text/event-stream", ...(lastId && { "Last-Event-ID": lastId }) },
  });
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{signal?: AbortSignal, body?: object, headers?: Record<string, string>, patience?: number}} options
 * @returns {Promise<Response>}
 */
async function send(method, path, { signal, body, headers, patience }) {
  const key = token.get();
  const signals = [signal, patience ? AbortSignal.timeout(patience) : undefined].filter((one) => one !== undefined);
  let answer;
  try {
    answer = await fetch(BASE + path, {
      method,
      cache: "no-store",
      headers: {
        Accept: "application/json",
        ...(body && { "Content-Type": "application/json" }),
        ...(key && { Authorization: `Bearer ${key}` }),
        ...headers,
      },
      body: body && JSON.stringify(body),
      signal: AbortSignal.any(signals),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    const slow = error instanceof DOMException && error.name === "TimeoutError";
    const why = slow ? `it gave no answer within ${PATIENCE_MS / 1000} s` : "there is no connection to it";
    throw new ApiError(0, `The API cannot be reached: ${why}.`);
  }
  noteClock(answer.headers.get("Date"));
  if (answer.ok) return answer;
  throw new ApiError(answer.status, await words(answer), Number(answer.headers.get("Retry-After")) || 0);
}

/**
 * Return what an answer says went wrong: problem details (RFC 9457), or its status.
 *
 * @param {Response} answer
 */
async function words(answer) {
  try {
    const problem = await answer.json();
    const said = [problem.title, problem.detail].filter((part) => typeof part === "string" && part);
    if (said.length) return said.join(": ");
  } catch {
    // Something between us and the API has answered in its own words.
  }
  return `The API answered with status ${answer.status} ${answer.statusText}`.trim();
}
