// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * Whether a connection still brings pictures.
 *
 * @module tile/progress
 */

/** A connection over which nothing arrives for so long, although the camera delivers, is given up. */
const SILENT_MS = 2_000;

/**
 * The same, where something arrives and nothing is decoded. A weak link takes some seconds to be given pictures that
 * it carries; another connection would begin with too large ones again.
 */
const UNDECODED_MS = 6_000;

/** A connection over which nothing arrives for so long is in doubt. */
const DOUBTED_MS = 500;

/** What arrives so soon after a sign of its loss was under way before. */
const UNDER_WAY_MS = 100;

/** What the bridge has had for a shorter time may still be on its way here. */
const ARRIVING_MS = 250;

/** Nothing needs to be looked into while something came within so long. */
export const QUIET_MS = 250;

/** The camera delivers if its newest frame was no older than this, in seconds. */
const FRESH_AGE_S = 1;

/** @typedef {import('../bridge.js').Camera} Camera */

/** @param {Camera} camera as the bridge described it last */
export function delivers({ state, age }) {
  return state === 'live' && age !== null && age < FRESH_AGE_S;
}

/**
 * Whether another connection would bring what this one does not.
 *
 * @param {Camera} camera as the bridge has just described it
 * @param {number} silence how long nothing has arrived, in ms
 */
export function wouldDeliver(camera, silence) {
  const { state, age } = camera;
  // Nobody watches, says the bridge: it has let this one go.
  if (state === 'idle') return true;
  // The camera itself may have stopped; after a mere sign, it is too early to tell.
  const least = silence < DOUBTED_MS ? DOUBTED_MS : silence - QUIET_MS / 2;
  return delivers(camera) && (age ?? Infinity) * 1000 < least;
}

/**
 * Whether the camera delivers, and what it delivered has had the time to arrive.
 *
 * @param {Camera} camera as the bridge described it
 * @param {number} since how many ms ago it did
 */
export function hasDelivered(camera, since) {
  return delivers(camera) && (camera.age ?? 0) * 1000 + since > ARRIVING_MS;
}

/** Notes what arrives over one connection after the other. Pure: the clock is the caller's, in ms. */
export class Progress {
  /** When the count of decoded frames last grew, or might first have. */
  #decodedAt = 0;
  /** When something last arrived, decoded or not, or might first have. */
  #heardAt = 0;
  /** When there was first a sign that the connection is lost; null while there is none. @type {number | null} */
  #doubtedAt = null;
  /** Whether the bridge, too, was without a new picture since then. */
  #paused = false;
  /** When it had one again. @type {number | null} */
  #resumedAt = null;

  /**
   * There is a new connection: everything may arrive from now on.
   *
   * @param {number} now
   */
  begin(now) {
    this.#decodedAt = this.#heardAt = now;
    this.#forgetDoubt();
  }

  /** @param {number} at */
  noteHeard(at) {
    this.#heardAt = Math.max(this.#heardAt, at);
  }

  /** @param {number} now */
  noteDecoded(now) {
    this.#decodedAt = now;
  }

  /**
   * There is a sign that the connection is lost.
   *
   * @param {number} now
   */
  doubt(now) {
    this.#doubtedAt ??= now;
  }

  /** Whether there was such a sign, and nothing has arrived since. */
  get doubted() {
    return this.#doubtedAt !== null && this.#lastAt < this.#doubtedAt + UNDER_WAY_MS;
  }

  /** Forgets a sign after which something has arrived; returns whether there was one. */
  trustAgain() {
    if (this.#doubtedAt === null || this.doubted) return false;
    this.#forgetDoubt();
    return true;
  }

  /**
   * Whether the connection is in doubt, and another one would bring what this one does not. The first picture after a
   * pause of the camera is given the time to arrive.
   *
   * @param {Camera} camera as the bridge has just described it
   * @param {number} now
   */
  misses(camera, now) {
    if (!this.doubted) return false;
    if (!wouldDeliver(camera, this.silence(now))) {
      this.#paused = true;
      this.#resumedAt = null;
      return false;
    }
    if (!this.#paused || camera.age === null) return true;
    this.#resumedAt ??= now - camera.age * 1000;
    return now - this.#resumedAt > ARRIVING_MS;
  }

  /**
   * How long nothing has arrived, in ms.
   *
   * @param {number} now
   */
  silence(now) {
    return now - this.#lastAt;
  }

  /**
   * Whether nothing has come for so long that it is time to look for another connection.
   *
   * @param {number} now
   * @param {number} usual for how many ms nothing new may be shown although all is well
   */
  tooQuiet(now, usual) {
    return this.silence(now) > Math.max(DOUBTED_MS, usual);
  }

  /**
   * Whether nothing has come for so long that another connection is more likely to bring something.
   *
   * @param {number} now
   * @param {number} usual
   */
  stalled(now, usual) {
    return this.silence(now) > Math.max(SILENT_MS, usual) || now - this.#decodedAt > Math.max(UNDECODED_MS, usual);
  }

  #forgetDoubt() {
    this.#doubtedAt = this.#resumedAt = null;
    this.#paused = false;
  }

  get #lastAt() {
    return Math.max(this.#decodedAt, this.#heardAt);
  }
}
