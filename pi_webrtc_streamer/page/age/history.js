// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * How old the pictures of the last seconds were. Pure: the times are the caller's, in ms.
 *
 * @module age/history
 */

export const HISTORY_MS = 10_000;

/** The present age is that of the frames of so long. */
const PRESENT_MS = 1_000;

/** @typedef {{ at: number, age: number }} Sample */

/** Takes the age of each frame when it was shown, and in between, that of the frame that is still shown. */
export class History {
  /** One for each look, the oldest first: the worst since the look before. @type {Sample[]} */
  samples = [];
  /** @type {Sample[]} */
  #frames = [];
  #worst = -Infinity;

  /**
   * A frame is shown.
   *
   * @param {number} at
   * @param {number} age
   */
  note(at, age) {
    this.#frames = [...this.#frames.filter((frame) => at - frame.at < PRESENT_MS), { at, age }];
    this.#worst = Math.max(this.#worst, age);
  }

  /**
   * To be called a few times a second.
   *
   * @param {number} now
   * @param {number | null} age of what is shown; null if it is not known
   */
  look(now, age) {
    this.samples = this.samples.filter(({ at }) => now - at < HISTORY_MS);
    const worst = Number.isFinite(this.#worst) ? this.#worst : age;
    if (worst !== null) this.samples.push({ at: now, age: worst });
    this.#worst = -Infinity;
  }

  /**
   * @param {number} now
   * @returns {number | null} the median age of the frames that were shown just now; null if none was
   */
  present(now) {
    const ages = this.#frames.filter(({ at }) => now - at < PRESENT_MS).map(({ age }) => age).sort((a, b) => a - b);
    return ages.length > 0 ? ages[ages.length >> 1] : null;
  }

  clear() {
    this.samples = [];
    this.#frames = [];
    this.#worst = -Infinity;
  }
}
