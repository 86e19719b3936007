// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * Stop: asked for again and again until the robot says that it has stopped.
 *
 * @module drive/stop
 */

import { toWhepError } from '../whep/errors.js';

const REPEAT_MS = 250;

/** A stop that is not confirmed after so long is told to be so. */
const LATE_MS = 1_000;

/** Keeps a stop in mind from the press until it is acknowledged. */
export class Stop {
  #post;
  #onAccepted;
  #repeating = false;
  #ended = false;
  #pressedAt = 0;
  /** Whether a press is not acknowledged yet: until then it goes out with every command, too. */
  pending = false;
  /** Why it is not acknowledged; "" if nothing is known to be wrong. */
  problem = '';

  /**
   * @param {() => Promise<void>} post asks the bridge
   * @param {() => void} onAccepted called when the bridge has taken the request
   */
  constructor(post, onAccepted) {
    this.#post = post;
    this.#onAccepted = onAccepted;
  }

  press() {
    if (!this.pending) this.#pressedAt = performance.now();
    this.pending = true;
    if (!this.#repeating) void this.#repeat();
  }

  /** The robot says that it has stopped. */
  acknowledge() {
    this.pending = false;
    this.problem = '';
  }

  /**
   * @param {number} now
   * @returns {boolean} whether the acknowledgement is long overdue
   */
  isLate(now) {
    return this.pending && now - this.#pressedAt > LATE_MS;
  }

  /** The page goes away. */
  end() {
    this.#ended = true;
  }

  async #repeat() {
    this.#repeating = true;
    do {
      try {
        await this.#post();
        this.acknowledge();
        this.#onAccepted();
      } catch (reason) {
        this.problem = toWhepError(reason).message;
        await new Promise((resolve) => setTimeout(resolve, REPEAT_MS));
      }
    } while (this.pending && !this.#ended);
    this.#repeating = false;
  }
}
