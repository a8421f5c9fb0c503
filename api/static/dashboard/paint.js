/** How a task looks in a chunk map: each state has a colour and, for who cannot tell these apart, a pattern. */

/** @typedef {import("./types.js").TaskState} TaskState */

/**
 * @typedef {Record<TaskState|"ink"|"quiet"|"card"|"line", string>} Palette
 */

/**
 * @param {Element} element whose style sheet has the colours
 * @returns {Palette}
 */
export function paletteOf(element) {
  const style = getComputedStyle(element);
  const names = /** @type {const} */ (["waiting", "queued", "running", "done", "failed", "ink", "quiet", "card", "line"]);
  return /** @type {Palette} */ (Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])));
}

/**
 * Paint one cell.
 *
 * waiting: an empty box; queued: stripes; running: filled from below, as far as it is done; done: filled, with a notch
 * where an attempt had failed; failed: a cross.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Palette} palette
 * @param {TaskState} state
 * @param {{x: number, y: number, width: number, height: number}} box
 * @param {number} done 0 to 1
 * @param {boolean} again whether it took more than one attempt
 */
export function paintCell(context, palette, state, { x, y, width, height }, done, again) {
  const colour = palette[state];
  context.fillStyle = context.strokeStyle = colour;
  context.lineWidth = 1;
  if (state === "done") {
    context.fillRect(x, y, width, height);
  } else {
    context.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
  }
  if (state === "running") {
    const filled = Math.max(2, Math.round((height - 2) * done));
    context.fillRect(x + 1, y + height - 1 - filled, width - 2, filled);
  } else if (state === "queued") {
    context.beginPath();
    for (let at = 3; at < width + height; at += 4) {
      // A line from the upper or right edge down to the left or lower one.
      context.moveTo(x + Math.min(at, width), y + Math.max(0, at - width));
      context.lineTo(x + Math.max(0, at - height), y + Math.min(at, height));
    }
    context.stroke();
  } else if (state === "failed") {
    context.lineWidth = 2;
    context.beginPath();
    context.moveTo(x + 1, y + 1);
    context.lineTo(x + width - 1, y + height - 1);
    context.moveTo(x + width - 1, y + 1);
    context.lineTo(x + 1, y + height - 1);
    context.stroke();
  }
  if (again && state !== "failed") {
    const notch = Math.min(5, width, height);
    context.fillStyle = state === "done" ? palette.card : palette.failed;
    context.beginPath();
    context.moveTo(x + width, y);
    context.lineTo(x + width, y + notch);
    context.lineTo(x + width - notch, y);
    context.fill();
  }
}

/**
 * Make a canvas as large as it is shown, in the pixels of the screen.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {number} width in CSS pixels, as is the height
 * @param {number} height
 * @returns {CanvasRenderingContext2D}
 */
export function prepared(canvas, width, height) {
  // Browsers refuse larger canvases.
  const scale = Math.min(window.devicePixelRatio || 1, 8192 / Math.max(width, height, 1));
  const [wide, tall] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== wide || canvas.height !== tall) {
    canvas.width = wide;
    canvas.height = tall;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser has no canvas");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}
