// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * A press that counts only when it has lasted. Pure: the clock is the caller's, in ms.
 *
 * @module drive/held
 */

/** How long whatever must not happen by accident is held. */
const HELD_MS = 1_000;

/** Takes note of one press after the other. */
export class HeldPress {
  /** @type {number | null} */
  #since = null;
  #spent = false;

  /**
   * To be called again and again.
   *
   * @param {boolean} pressed
   * @param {number} now
   * @returns {boolean} whether it has just been held long enough; true once for each press
   */
  update(pressed, now) {
    if (!pressed) {
      this.#since = null;
      this.#spent = false;
      return false;
    }
    this.#since ??= now;
    if (this.#spent || now - this.#since < HELD_MS) return false;
    this.#spent = true;
    return true;
  }

  /**
   * @param {number} now
   * @returns {number} from 0 to 1; 0 again once it has counted
   */
  progress(now) {
    return this.#since === null || this.#spent ? 0 : Math.min(1, (now - this.#since) / HELD_MS);
  }
}
