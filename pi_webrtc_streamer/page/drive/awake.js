// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * Keeps the screen on while somebody drives.
 *
 * @module drive/awake
 */

/** The browser lets go of the screen when the page is hidden; driving has to begin anew then, too. */
export class Awake {
  /** @type {WakeLockSentinel | null} */
  #held = null;
  #wanted = false;
  /** Why the screen may go dark; "" if it does not. */
  problem = 'wakeLock' in navigator ? '' : 'This browser may let the screen go dark: it keeps it on only over https.';

  /** @param {boolean} wanted */
  want(wanted) {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    if (wanted) void this.#take();
    else this.#give();
  }

  async #take() {
    if (!('wakeLock' in navigator)) return;
    try {
      const held = await navigator.wakeLock.request('screen');
      this.problem = '';
      this.#held = held;
      if (!this.#wanted) this.#give();
    } catch {
      // The system saves power, or the page is hidden already.
      this.problem = 'The system may let the screen go dark.';
    }
  }

  #give() {
    void this.#held?.release();
    this.#held = null;
  }
}
