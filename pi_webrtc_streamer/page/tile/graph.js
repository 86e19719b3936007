// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * A small graph of the pictures' ages.
 *
 * @module tile/graph
 */

import { HISTORY_MS } from '../age/history.js';

/** The graph's coordinates, those of the markup. */
const WIDTH = 60;
const HEIGHT = 16;

/** Where the line lies from which pictures are marked, of the height, as long as none is much older. */
const LIMIT = 0.7;

/**
 * @param {SVGSVGElement} graph
 * @param {import('../age/history.js').Sample[]} samples
 * @param {number} now
 * @param {number} staleAfter ms from which a picture is marked
 */
export function drawAges(graph, samples, now, staleAfter) {
  const top = Math.max(staleAfter / LIMIT ** 2, ...samples.map(({ age }) => age));
  // By the root, so that what is usual shows as well as what is not.
  const height = (/** @type {number} */ age) => HEIGHT * (1 - Math.sqrt(Math.max(0, age) / top));
  const points = samples.map(({ at, age }) =>
    `${(WIDTH * (1 - (now - at) / HISTORY_MS)).toFixed(1)},${height(age).toFixed(1)}`);
  graph.querySelector('.age-limit')?.setAttribute('d', `M0 ${height(staleAfter).toFixed(1)}H${WIDTH}`);
  graph.querySelector('.age-line')?.setAttribute('points', points.join(' '));
}
