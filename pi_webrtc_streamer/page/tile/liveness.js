/**
 * Whether the picture still moves: judged by whatever sign of it the browser gives. Pure: the clock is the caller's.
 *
 * @module tile/liveness
 */

/** A picture counts as frozen after three frames' time, within these bounds. */
const FROZEN_MIN_MS = 750;
const FROZEN_MAX_MS = 3_000;

/** Takes note of the frames of one stream after the other. */
export class Liveness {
  #tellsShown;
  /** When a frame of the present stream was last seen. @type {number | null} */
  #frameAt = null;
  #decoded = 0;
  #frozenAfter = FROZEN_MIN_MS;

  /**
   * @param {boolean} tellsShown whether the browser tells of each frame that it shows (`requestVideoFrameCallback`);
   *   else only its statistics tell, once a second, how many it has decoded
   */
  constructor(tellsShown) {
    this.#tellsShown = tellsShown;
  }

  /** There is another stream, of which nothing has been shown yet. */
  begin() {
    this.#frameAt = null;
    this.#decoded = 0;
  }

  /**
   * The stream has its first frame, or the page has been away, and is given a moment.
   *
   * @param {number} now ms
   */
  onFirst(now) {
    this.#frameAt = now;
  }

  /** @param {number} now ms, when a frame was shown */
  onShown(now) {
    if (this.#frameAt !== null) this.#frameAt = now;
  }

  /**
   * @param {number} frames how many the browser says that it has decoded
   * @param {boolean} hidden whether the page is: it shows nothing then, though frames arrive
   * @returns {boolean} whether that counts as a frame that is shown
   */
  countsDecoded(frames, hidden) {
    const grown = frames > this.#decoded;
    this.#decoded = frames;
    return grown && (hidden || !this.#tellsShown);
  }

  /**
   * Only while live: the rate of a topic that stops sinks, and must not make its last frame look fresh.
   *
   * @param {number} rate of the camera, in frames a second
   */
  adaptToRate(rate) {
    if (rate <= 0) return;
    this.#frozenAfter = Math.min(FROZEN_MAX_MS, Math.max(FROZEN_MIN_MS, 3000 / rate));
  }

  /** Whether a frame of the present stream has been shown. */
  get hasBegun() {
    return this.#frameAt !== null;
  }

  /**
   * @param {boolean} hidden whether the page is
   * @param {number} now ms
   * @returns {boolean} whether the newest frame is so fresh that the picture moves
   */
  moves(hidden, now) {
    // What only the statistics tell comes once a second.
    const patience = hidden || !this.#tellsShown ? FROZEN_MAX_MS : this.#frozenAfter;
    return this.#frameAt !== null && now - this.#frameAt < patience;
  }
}
