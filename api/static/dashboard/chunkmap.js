/** The chunk map of a job: one canvas, however many chunks there are, and words for the cell that is looked at. */

import { progress, showProgress } from "./bar.js";
import { cellAt, gridOf, moved, placeOf } from "./chunkgrid.js";
import { attr, h, keyed, text } from "./dom.js";
import { paintCell, paletteOf, prepared } from "./paint.js";
import { TASK_STATES, badge, showState } from "./states.js";
import { counted, duration, farmNow, figure, percent, position } from "./words.js";

/** @typedef {import("./chunkmodel.js").ChunkModel} ChunkModel */
/** @typedef {import("./chunkgrid.js").Grid} Grid */
/** @typedef {import("./types.js").Task} Task */

/** Cells at least so wide have a gap between them. */
const ROOMY = 7;

/** Pixels between two times above a band. */
const TICK = 70;

const HINT = "Point at a cell, or press the arrow keys in the map, to see its task.";

export class ChunkMap {
  /** @type {ChunkModel|null} */
  #model = null;
  /** @type {Grid|null} */
  #grid = null;
  /** @type {{chunk: number, row: number}|null} the cell that the keyboard or a tap has chosen */
  #chosen = null;
  /** @type {{chunk: number, row: number}|null} the cell under the pointer */
  #hovered = null;
  #drawing = 0;
  #canvas = h("canvas", { "aria-hidden": "true" });
  #details = h("p", { class: "cell-details", id: "cell-details" }, HINT);
  // Only what the keyboard asks for is read out, not all that the pointer runs over.
  #spoken = h("p", { class: "unseen", "aria-live": "polite" });
  #legend = h("ul", { class: "legend" });
  #tracks = h("ul", { class: "tracks", "aria-label": "Whole tracks" });
  #box = h(
    "div",
    { class: "map", role: "application", tabindex: 0, "aria-label": "Chunk map", "aria-describedby": "cell-details" },
    this.#canvas,
  );
  element = h("div", {}, this.#legend, this.#box, this.#details, this.#spoken, this.#tracks);

  constructor() {
    this.#box.addEventListener("keydown", (event) => this.#press(event));
    this.#box.addEventListener("focus", () => {
      // A click focuses too, but says itself which cell it means.
      if (this.#box.matches(":focus-visible")) this.#choose(this.#chosen ?? { chunk: 0, row: 0 }, true);
    });
    this.#canvas.addEventListener("pointermove", (event) => this.#hover(this.#at(event)));
    this.#canvas.addEventListener("pointerleave", () => this.#hover(null));
    this.#canvas.addEventListener("click", (event) => {
      const cell = this.#at(event);
      if (cell) this.#choose(cell, false);
    });
    this.sizes = new ResizeObserver(() => this.#draw());
    this.sizes.observe(this.#box);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.scheme.addEventListener("change", this.#draw);
  }

  close() {
    this.sizes.disconnect();
    this.scheme.removeEventListener("change", this.#draw);
    cancelAnimationFrame(this.#drawing);
  }

  /** @param {ChunkModel} model */
  show(model) {
    this.#model = model;
    if (this.#chosen && (this.#chosen.chunk >= model.chunks.length || this.#chosen.row >= model.rows.length)) this.#chosen = null;
    this.#box.hidden = this.#details.hidden = model.chunks.length === 0 || model.rows.length === 0;
    const said = TASK_STATES.filter((state) => model.counts[state]).map((state) => `${model.counts[state]} ${state}`);
    attr(this.#box, "aria-label", `Chunk map: ${counted(model.chunks.length, "chunk")} by ${counted(model.rows.length, "rendition")}. `
      + `Tasks: ${said.join(", ")}. Arrow keys move through it.`);
    keyed(this.#legend, [...TASK_STATES], (state) => state, (state) => {
      const swatch = h("canvas", { class: "swatch", "aria-hidden": "true" });
      return h("li", {}, swatch, h("span", {}, state), " ", h("b"));
    }, (item, state) => text(/** @type {Element} */ (item.lastElementChild), figure(model.counts[state])));
    keyed(this.#tracks, model.tracks, (task) => task.id, (task) =>
      h("li", {}, badge(), h("span", {}, task.id), progress(`Progress of ${task.id}`), h("span", { class: "below" })), (item, task) => {
      const [state, , share, words] = item.children;
      showState(state, task.state);
      showProgress(share, task.state === "done" ? 1 : task.done);
      text(words, `${task.renditions.join(", ")}${task.renditions.length ? "; " : ""}${timesOf(task)}`);
    });
    this.#describe(false);
    this.#draw();
  }

  /** @param {MouseEvent} event */
  #at(event) {
    const box = this.#canvas.getBoundingClientRect();
    return this.#grid && cellAt(this.#grid, event.clientX - box.left, event.clientY - box.top);
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (!this.#grid || event.ctrlKey || event.metaKey || event.altKey) return;
    const cell = moved(this.#grid, this.#chosen ?? { chunk: 0, row: 0 }, event.key);
    if (!cell) return;
    event.preventDefault();
    this.#choose(cell, true);
  }

  /**
   * @param {{chunk: number, row: number}} cell
   * @param {boolean} aloud
   */
  #choose(cell, aloud) {
    this.#chosen = cell;
    this.#hovered = null;
    this.#describe(aloud);
    this.#draw();
    if (aloud && this.#grid) this.#reveal(placeOf(this.#grid, cell.chunk, cell.row).y);
  }

  /** Scroll the page so far that a chosen cell is seen. @param {number} y */
  #reveal(y) {
    const top = this.#box.getBoundingClientRect().top + y;
    if (top < 80) window.scrollBy(0, top - 80);
    else if (top > window.innerHeight - 80) window.scrollBy(0, top - window.innerHeight + 80);
  }

  /** @param {{chunk: number, row: number}|null} cell */
  #hover(cell) {
    if (cell?.chunk === this.#hovered?.chunk && cell?.row === this.#hovered?.row) return;
    this.#hovered = cell;
    this.#describe(false);
    this.#draw();
  }

  /** @param {boolean} aloud */
  #describe(aloud) {
    const cell = this.#hovered ?? this.#chosen;
    const words = cell && this.#model ? describe(this.#model, cell) : HINT;
    text(this.#details, words);
    if (aloud) text(this.#spoken, words);
  }

  // Once for each picture on the screen, however much changes in between.
  #draw = () => {
    if (this.#drawing) return;
    this.#drawing = requestAnimationFrame(() => {
      this.#drawing = 0;
      this.#paint();
    });
  };

  #paint() {
    const model = this.#model;
    const width = Math.floor(this.#box.clientWidth);
    if (!model || this.#box.hidden || width === 0) return;
    const palette = paletteOf(this.element);
    const gutter = Math.min(90, 14 + 7 * Math.max(...model.rows.map((name) => name.length)));
    const grid = (this.#grid = gridOf(width, model.chunks.length, model.rows.length, gutter));
    const context = prepared(this.#canvas, grid.width, grid.height);
    this.#paintNames(context, grid, model, palette.quiet);
    const gap = grid.cell >= ROOMY ? 2 : 1;
    for (let chunk = 0; chunk < grid.chunks; chunk += 1) {
      for (let row = 0; row < grid.rows; row += 1) {
        const task = model.tasks[model.cells[chunk * grid.rows + row]];
        if (!task) continue;
        const { x, y } = placeOf(grid, chunk, row);
        const box = { x, y, width: grid.cell - gap, height: grid.row - 2 };
        paintCell(context, palette, task.state, box, task.done, task.attempts > 1);
      }
    }
    this.#paintChosen(context, grid, model, palette.ink);
    this.#legend.querySelectorAll("canvas").forEach((swatch, index) => {
      const inks = prepared(swatch, 16, 16);
      paintCell(inks, palette, TASK_STATES[index], { x: 0, y: 0, width: 16, height: 16 }, 0.5, false);
    });
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Grid} grid
   * @param {ChunkModel} model
   * @param {string} colour
   */
  #paintNames(context, grid, model, colour) {
    context.fillStyle = colour;
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    const step = Math.max(1, Math.ceil(TICK / grid.cell));
    for (let band = 0; band < grid.bands; band += 1) {
      const first = band * grid.perBand;
      // Where rows are too low for a name each, every other one has its own.
      model.rows.forEach((name, row) => {
        if (grid.row < 11 && row % 2) return;
        context.fillText(name, 0, placeOf(grid, first, row).y + grid.row / 2 - 1, grid.gutter - 6);
      });
      for (let chunk = first; chunk < Math.min(first + grid.perBand, grid.chunks); chunk += step) {
        const { x, y } = placeOf(grid, chunk, 0);
        const { start, index } = model.chunks[chunk];
        const room = grid.width - x;
        if (room > 40) context.fillText(start === null ? `#${index}` : position(start), x, y - 7, room);
      }
    }
  }

  /**
   * Outline all cells of the task that is looked at: renditions of a chunk often share one.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {Grid} grid
   * @param {ChunkModel} model
   * @param {string} colour
   */
  #paintChosen(context, grid, model, colour) {
    const cell = this.#hovered ?? this.#chosen;
    if (!cell) return;
    const task = model.cells[cell.chunk * grid.rows + cell.row];
    context.strokeStyle = colour;
    for (let row = 0; row < grid.rows; row += 1) {
      if (row !== cell.row && (task < 0 || model.cells[cell.chunk * grid.rows + row] !== task)) continue;
      const { x, y } = placeOf(grid, cell.chunk, row);
      context.lineWidth = row === cell.row ? 3 : 1;
      context.strokeRect(x - 1.5, y - 1.5, grid.cell + 1, grid.row + 1);
    }
  }
}

/**
 * @param {ChunkModel} model
 * @param {{chunk: number, row: number}} cell
 */
function describe(model, { chunk: place, row }) {
  const chunk = model.chunks[place];
  const task = model.tasks[model.cells[place * model.rows.length + row]];
  const when = chunk.start === null ? "" : `, from ${position(chunk.start)} for ${duration(chunk.duration)}`;
  const where = `Chunk ${chunk.index}${when}, ${model.rows[row]}`;
  return task ? `${where}: ${task.state}. Task ${task.id}, ${timesOf(task)}` : `${where}: no task.`;
}

/** @param {Task} task */
function timesOf(task) {
  const parts = [];
  if (task.state === "running") parts.push(`${percent(task.done)} done`);
  if (task.state === "running" && task.started) parts.push(`for ${duration(farmNow() - task.started)}`);
  if (task.seconds !== null) parts.push(`took ${duration(task.seconds)}`);
  if (task.expected_seconds) parts.push(`expected ${duration(task.expected_seconds)}`);
  parts.push(counted(task.attempts, "attempt"));
  if (task.worker) parts.push(`worker ${task.worker}`);
  return `${parts.join(", ")}.`;
}
