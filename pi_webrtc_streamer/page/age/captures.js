// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * When a frame was captured, by its RTP timestamp. Pure.
 *
 * @module age/captures
 */

/** Ticks of an RTP timestamp of video in a second (RFC 3551). */
export const RTP_RATE = 90_000;

/**
 * @typedef {object} Picture a picture as the bridge tells of it
 * @property {number} rtp its RTP timestamp
 * @property {number} captured when it was captured, in seconds of the bridge's clock
 * @property {boolean} certain false if nothing is known but when it came to the bridge
 */

/**
 * @typedef {object} Capture
 * @property {number} at in ms of `performance.now()`
 * @property {boolean} certain whether the frame is no older than that says
 */

/**
 * How many ticks one RTP timestamp is after another: they go round (RFC 3550).
 *
 * @param {number} rtp
 * @param {number} other
 */
export function ticksBetween(rtp, other) {
  return (rtp - other) | 0;
}

/** Knows one picture of each camera, and by it the capture time of every other. */
export class Captures {
  #clock;
  /** @type {Map<string, Picture & { rate: number, lag: number }>} */
  #pictures = new Map();

  /** @param {import('./clock.js').Clock} clock */
  constructor(clock) {
    this.#clock = clock;
  }

  /**
   * Takes what the bridge has said, in the place of what it said before.
   *
   * @param {number} time when it said so, in seconds of its clock
   * @param {Record<string, Picture>} pictures the newest of each camera
   */
  take(time, pictures) {
    this.#pictures = new Map(Object.entries(pictures).map(([camera, picture]) => {
      const rate = ticksASecond(picture, this.#pictures.get(camera));
      return [camera, { ...picture, rate, lag: (time - picture.captured) * 1000 }];
    }));
  }

  /**
   * @param {string} camera
   * @param {number} rtp timestamp of a frame
   * @returns {Capture | null} null as long as the bridge has not told
   */
  find(camera, rtp) {
    const picture = this.#pictures.get(camera);
    if (!picture) return null;
    const { captured, certain, rate } = picture;
    const at = this.#clock.toPage(captured + ticksBetween(rtp, picture.rtp) / rate);
    return at === null ? null : { at, certain };
  }

  /**
   * @param {string} camera
   * @returns {number | null} how old the newest picture was that the bridge had, in ms
   */
  lag(camera) {
    return this.#pictures.get(camera)?.lag ?? null;
  }
}

/**
 * A publisher whose clock is not ours may live in simulated time, which has a speed of its own.
 *
 * @param {Picture} picture
 * @param {(Picture & { rate: number }) | undefined} before
 */
function ticksASecond(picture, before) {
  if (picture.certain || !before || before.certain) return RTP_RATE;
  const ticks = ticksBetween(picture.rtp, before.rtp);
  const seconds = picture.captured - before.captured;
  return ticks > 0 && seconds > 0 ? ticks / seconds : before.rate;
}
