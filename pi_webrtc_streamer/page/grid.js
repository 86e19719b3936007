// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * The tiles in their rows and columns.
 *
 * @module grid
 */

import { arrange, isNarrow } from './layout.js';

/** In a window as low as a phone held sideways, the bar lies over the picture. */
const LOW_WINDOW_PX = 480;

/**
 * Gives every tile its place and size.
 *
 * @param {HTMLElement} room
 * @param {import('./tile/tile.js').Tile[]} tiles
 */
export function arrangeTiles(room, tiles) {
  const over = window.innerHeight < LOW_WINDOW_PX;
  const style = getComputedStyle(room);
  const width = room.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  const height = room.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
  const { columns, widths } = arrange(tiles.map(({ aspect }) => aspect), width, height, over);
  room.classList.toggle('is-low', over);
  room.style.setProperty('--columns', String(columns));
  const lastRow = tiles.length - 1 - (tiles.length - 1) % columns;
  tiles.forEach(({ element, aspect }, i) => {
    element.style.setProperty('--width', `${widths[i]}px`);
    element.style.setProperty('--aspect', String(aspect));
    element.style.setProperty('--start', i === lastRow ? String(1 + columns - (tiles.length - i)) : 'auto');
    element.classList.toggle('is-narrow', isNarrow(widths[i]));
  });
}
