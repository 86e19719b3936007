// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * The bridge's clock, as seen from here: by how much it differs from the page's own, `performance.now()`. Pure: the
 * times are the caller's. The clock of the day is never asked, here or there: it may be set, and be off by hours.
 *
 * @module age/clock
 */

/** A sample counts for so long: the two clocks drift apart. */
const WINDOW_MS = 30_000;

/** What two clocks may do to each other without having jumped: so coarse are they, and so much do they drift. */
const COARSE_MS = 2;
const DRIFT = 0.0005;

/**
 * @typedef {object} Sample a question to the bridge and its answer (RFC 5905, section 8)
 * @property {number} sent when it was asked, in ms of `performance.now()`
 * @property {number} received when the answer was here
 * @property {number} time when the bridge answered, in seconds of its clock
 * @property {number} [heard] when the bridge was asked, if it did not answer at once
 */

/** Estimates the difference by the sample with the least round trip: that one can be off by half of it, and no more. */
export class Clock {
  /**
   * The best sample first; each later one took longer, and will be the best when those before are too old.
   *
   * @type {{ at: number, offset: number, roundTrip: number }[]}
   */
  #samples = [];

  /**
   * Takes a sample. One that contradicts the best means that a clock has jumped, since this device slept or the robot
   * was started anew: then only the new one counts.
   *
   * @param {Sample} sample
   * @returns {boolean} whether it was such a one
   */
  add({ sent, received, time, heard = time }) {
    const roundTrip = Math.max(0, received - sent - (time - heard) * 1000);
    const offset = ((heard + time) * 1000 - (sent + received)) / 2;
    const best = this.#best;
    const drift = best ? COARSE_MS + DRIFT * Math.abs(received - best.at) : 0;
    const jumped = best !== undefined && Math.abs(offset - best.offset) > (roundTrip + best.roundTrip) / 2 + drift;
    const kept = jumped ? [] : this.#samples.filter(({ at }) => received - at < WINDOW_MS);
    while (kept.length > 0 && kept[kept.length - 1].roundTrip >= roundTrip) kept.pop();
    this.#samples = [...kept, { at: received, offset, roundTrip }];
    return jumped;
  }

  /** Whether there was a sample. */
  get known() {
    return this.#samples.length > 0;
  }

  /** The least round trip, in ms; null before there was one. */
  get roundTrip() {
    return this.#best?.roundTrip ?? null;
  }

  /**
   * @param {number} seconds of the bridge's clock
   * @returns {number | null} the same moment in ms of `performance.now()`; null before there was a sample
   */
  toPage(seconds) {
    return this.#best ? seconds * 1000 - this.#best.offset : null;
  }

  get #best() {
    return /** @type {{ at: number, offset: number, roundTrip: number } | undefined} */ (this.#samples[0]);
  }
}
