/** Where the cells of a chunk map lie: the film runs from left to right in bands, as lines of a page do. */

const [LARGEST, SMALLEST] = [22, 4];
const [LOWEST, HIGHEST] = [8, 18];

/** Bands above each other before cells are made smaller than the largest ones. */
const WISHED_BANDS = 6;

/** Room for the times above a band, and below it. */
const [HEAD, FOOT] = [15, 7];

/**
 * @typedef {Object} Grid All lengths in CSS pixels.
 * @property {number} chunks
 * @property {number} rows
 * @property {number} cell Width of a cell.
 * @property {number} row Height of one.
 * @property {number} gutter Room for names at the left.
 * @property {number} perBand Chunks in a band.
 * @property {number} bands
 * @property {number} width
 * @property {number} height
 */

/**
 * @param {number} width
 * @param {number} chunks
 * @param {number} rows
 * @param {number} gutter
 * @returns {Grid}
 */
export function gridOf(width, chunks, rows, gutter) {
  const room = Math.max(SMALLEST, width - gutter);
  let cell = LARGEST;
  while (cell > SMALLEST && Math.ceil(chunks / Math.floor(room / cell)) > WISHED_BANDS) cell -= 1;
  const perBand = Math.max(1, Math.min(chunks, Math.floor(room / cell)));
  const bands = Math.ceil(chunks / perBand);
  const row = Math.max(LOWEST, Math.min(HIGHEST, cell));
  return { chunks, rows, cell, row, gutter, perBand, bands, width, height: bands * (HEAD + rows * row + FOOT) };
}

/**
 * @param {Grid} grid
 * @param {number} chunk its place among the chunks
 * @param {number} row
 * @returns {{x: number, y: number}} of the cell's upper left corner
 */
export function placeOf(grid, chunk, row) {
  const band = Math.floor(chunk / grid.perBand);
  return {
    x: grid.gutter + (chunk % grid.perBand) * grid.cell,
    y: band * (HEAD + grid.rows * grid.row + FOOT) + HEAD + row * grid.row,
  };
}

/**
 * @param {Grid} grid
 * @param {number} x
 * @param {number} y
 * @returns {{chunk: number, row: number}|null} the cell at a point
 */
export function cellAt(grid, x, y) {
  const tall = HEAD + grid.rows * grid.row + FOOT;
  const band = Math.floor(y / tall);
  const row = Math.floor((y - band * tall - HEAD) / grid.row);
  const column = Math.floor((x - grid.gutter) / grid.cell);
  if (row < 0 || row >= grid.rows || column < 0 || column >= grid.perBand) return null;
  const chunk = band * grid.perBand + column;
  return chunk < grid.chunks ? { chunk, row } : null;
}

/**
 * Move by a key; null if the key moves nowhere.
 *
 * @param {Grid} grid
 * @param {{chunk: number, row: number}} from
 * @param {string} key as a KeyboardEvent names it
 * @returns {{chunk: number, row: number}|null}
 */
export function moved(grid, { chunk, row }, key) {
  const last = grid.chunks - 1;
  const within = (/** @type {number} */ wanted) => Math.max(0, Math.min(last, wanted));
  switch (key) {
    case "ArrowLeft": return { chunk: within(chunk - 1), row };
    case "ArrowRight": return { chunk: within(chunk + 1), row };
    case "ArrowUp":
      if (row > 0) return { chunk, row: row - 1 };
      return chunk >= grid.perBand ? { chunk: chunk - grid.perBand, row: grid.rows - 1 } : { chunk, row };
    case "ArrowDown":
      if (row < grid.rows - 1) return { chunk, row: row + 1 };
      return chunk + grid.perBand <= last ? { chunk: chunk + grid.perBand, row: 0 } : { chunk, row };
    case "Home": return { chunk: 0, row };
    case "End": return { chunk: last, row };
    case "PageUp": return { chunk: within(chunk - grid.perBand), row };
    case "PageDown": return { chunk: within(chunk + grid.perBand), row };
    default: return null;
  }
}
