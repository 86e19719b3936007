// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * How often a camera's pictures come, judged by the frames that are shown. Pure.
 *
 * @module tile/rhythm
 */

/** So many intervals count. */
const INTERVALS = 5;

/** A frame that is so soon after another is the same picture once more. */
const SAME_MS = 1;

/** After a longer interval the camera has paused. */
const LONGEST_MS = 10_000;

/** The median of the last intervals: some that are longer, since something was lost, do not matter. */
export class Rhythm {
  /** @type {number[]} */
  #intervals = [];

  /** @param {number} interval ms from one frame to the next */
  add(interval) {
    if (interval < SAME_MS || interval > LONGEST_MS) return;
    this.#intervals = [...this.#intervals, interval].slice(-INTERVALS);
  }

  /** The ms between two frames; null before there were two. */
  get period() {
    const sorted = [...this.#intervals].sort((a, b) => a - b);
    return sorted.length > 0 ? sorted[(sorted.length - 1) >> 1] : null;
  }
}
