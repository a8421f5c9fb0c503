/** A job's tasks as a grid of chunk by rendition. Pure data, from the API or from job.json. */

import { TASK_STATES } from "./states.js";

/** @typedef {import("./types.js").Task} Task */
/** @typedef {import("./types.js").Tasks} Tasks */
/** @typedef {import("./types.js").Chunk} Chunk */
/** @typedef {import("./types.js").Report} Report */
/** @typedef {import("./types.js").TaskState} TaskState */

/**
 * @typedef {Object} ChunkModel
 * @property {Chunk[]} chunks
 * @property {string[]} rows Names of the renditions that are made chunk by chunk, best first.
 * @property {Int32Array} cells Index of the task that makes a rendition of a chunk, by chunk * rows + row; -1 is none.
 * @property {Task[]} tasks
 * @property {Task[]} tracks Tasks that make whole tracks.
 * @property {Record<TaskState, number>} counts
 */

/**
 * @param {Tasks} found
 * @returns {ChunkModel}
 */
export function modelOf({ chunks, renditions, tasks }) {
  const inChunks = new Set(tasks.filter((task) => task.chunk !== null).flatMap((task) => task.renditions));
  const rows = renditions.filter((name) => inChunks.has(name));
  const rowOf = new Map(rows.map((name, row) => [name, row]));
  const placeOf = new Map(chunks.map((chunk, place) => [chunk.index, place]));
  const cells = new Int32Array(chunks.length * rows.length).fill(-1);
  const counts = /** @type {Record<TaskState, number>} */ (Object.fromEntries(TASK_STATES.map((state) => [state, 0])));
  tasks.forEach((task, index) => {
    counts[task.state] += 1;
    const place = task.chunk === null ? undefined : placeOf.get(task.chunk);
    if (place === undefined) return;
    for (const name of task.renditions) {
      const row = rowOf.get(name);
      if (row !== undefined) cells[place * rows.length + row] = index;
    }
  });
  return { chunks, rows, cells, tasks, tracks: tasks.filter((task) => task.chunk === null), counts };
}

/** Ids of tasks that make a chunk: all renditions of it, or a run of them counted from the largest. */
const CHUNK_TASK = /^video-(\d+)(?:-r(\d+)(?:-r(\d+))?)?$/;

/**
 * The tasks of a job that is done, from its report: the farm forgets them soon after the end.
 *
 * @param {Report} report
 * @returns {Tasks}
 */
export function tasksOf(report) {
  const ladder = (report.ladder ?? []).map((entry) => entry.planned);
  const video = ladder.filter((planned) => planned.width && planned.height)
    .sort((one, other) => Number(other.width) * Number(other.height) - Number(one.width) * Number(one.height))
    .map((planned) => planned.name);
  const sound = ladder.filter((planned) => planned.channels).map((planned) => planned.name);
  /** @type {Map<number, Chunk>} */
  const chunks = new Map();
  const tasks = (report.tasks ?? []).map((task) => {
    const match = CHUNK_TASK.exec(task.id);
    const chunk = match ? Number(match[1]) : null;
    if (chunk !== null) chunks.set(chunk, { index: chunk, start: null, duration: null });
    const first = Number(match?.[2] ?? 0);
    const last = Number(match?.[3] ?? match?.[2] ?? video.length - 1);
    const track = /^audio-(\d+)$/.exec(task.id);
    const renditions = match ? video.slice(first, last + 1) : track ? sound.slice(Number(track[1]), Number(track[1]) + 1) : [];
    return {
      id: task.id, kind: task.kind, chunk, renditions, state: /** @type {const} */ ("done"), done: 1,
      attempts: task.attempts, worker: null, started: null, seconds: task.wall_seconds, expected_seconds: null,
    };
  });
  const ordered = [...chunks.values()].sort((one, other) => one.index - other.index);
  return { chunks: ordered, renditions: [...video, ...sound], tasks };
}
