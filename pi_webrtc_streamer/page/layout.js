// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * How large the tiles are and in how many columns they stand: pure arithmetic.
 *
 * @module layout
 */

/** Below this width a tile's figures get a line of their own. */
const NARROW_PX = 460;

/** Heights of a tile's bar and the gap between tiles, those of the style sheet. */
const BAR_PX = 36;
const BAR_NARROW_PX = 60;
const GAP_PX = 8;

/** Tiles are not made narrower than this to fit the window: the page scrolls instead. */
const MIN_TILE_PX = 168;

/**
 * @param {number} width of a tile in px
 * @returns {boolean} whether its figures get a line of their own
 */
export function isNarrow(width) {
  return width < NARROW_PX;
}

/**
 * @typedef {object} Arrangement
 * @property {number} columns
 * @property {number[]} widths of the tiles, in px
 */

/**
 * Finds the number of columns that shows the most picture.
 *
 * @param {number[]} aspects of the pictures
 * @param {number} width of the room for all tiles
 * @param {number} height
 * @param {boolean} barOverPicture whether a tile's bar takes room of its own
 * @returns {Arrangement}
 */
export function arrange(aspects, width, height, barOverPicture) {
  let best = { columns: 1, widths: aspects.map(() => width) };
  let bestArea = -1;
  for (let columns = 1; columns <= aspects.length; columns += 1) {
    const rows = Math.ceil(aspects.length / columns);
    const cellWidth = (width - GAP_PX * (columns - 1)) / columns;
    const cellHeight = (height - GAP_PX * (rows - 1)) / rows;
    const widths = aspects.map((aspect) => tileWidth(aspect, cellWidth, cellHeight, barOverPicture));
    const area = widths.reduce((sum, w, i) => sum + w * w / aspects[i], 0);
    if (area > bestArea && Math.min(...widths) >= MIN_TILE_PX) {
      best = { columns, widths };
      bestArea = area;
    }
  }
  return bestArea < 0 ? arrangeToScroll(aspects, width) : best;
}

/**
 * @param {number} aspect
 * @param {number} cellWidth
 * @param {number} cellHeight
 * @param {boolean} barOverPicture
 */
function tileWidth(aspect, cellWidth, cellHeight, barOverPicture) {
  const fit = (/** @type {number} */ bar) => Math.floor(Math.min(cellWidth, Math.max(0, cellHeight - bar) * aspect));
  if (barOverPicture) return fit(0);
  const wide = fit(BAR_PX);
  return isNarrow(wide) ? fit(BAR_NARROW_PX) : wide;
}

/**
 * More cameras than fit into the window.
 *
 * @param {number[]} aspects
 * @param {number} width
 * @returns {Arrangement}
 */
function arrangeToScroll(aspects, width) {
  const columns = Math.max(1, Math.min(aspects.length, Math.floor((width + GAP_PX) / (2 * MIN_TILE_PX + GAP_PX))));
  const cellWidth = Math.floor((width - GAP_PX * (columns - 1)) / columns);
  return { columns, widths: aspects.map(() => cellWidth) };
}
