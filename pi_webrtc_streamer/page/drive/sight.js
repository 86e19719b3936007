// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * By which camera one drives, and whether its picture is good enough for that.
 *
 * @module drive/sight
 */

import { PERIODS } from '../tile/freshness.js';

/** By fewer pictures a second nobody drives: they are too old half of the time, however steady they come. */
const LEAST_RATE = 0.5;

/** @typedef {import('../tile/tile.js').Tile} Tile */

/**
 * @param {Tile[]} tiles
 * @param {string} chosen name of a camera; "" if none was chosen
 * @returns {Tile | null} the one in full screen, the chosen one, or the only one
 */
export function drivenTile(tiles, chosen) {
  return tiles.find(({ element }) => element.matches(':fullscreen, .is-maximised'))
    ?? tiles.find(({ name }) => name === chosen)
    ?? (tiles.length === 1 ? tiles[0] : null);
}

/**
 * @param {Pick<Tile, 'state' | 'freshness' | 'age'> | null} tile
 * @param {number} maxAge seconds that the picture may be old
 * @param {number} rate of the camera in frames a second; 0 if it is not known
 * @returns {string} why nobody should drive by this picture; "" if there is no reason
 */
export function pictureProblem(tile, maxAge, rate) {
  if (!tile) return 'Choose the camera to drive by.';
  const { state, freshness, age } = tile;
  if (state !== 'live' || freshness === 'none' || freshness === 'frozen') return 'There is no live picture.';
  const oldest = 1000 * Math.max(maxAge, rate >= LEAST_RATE ? PERIODS / rate : 0);
  return freshness === 'late' || (age !== null && age > oldest) ? 'The picture is too old.' : '';
}
