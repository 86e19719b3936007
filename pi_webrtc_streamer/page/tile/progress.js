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

/** The camera delivers if its newest frame was no older than this, in seconds. */
const FRESH_AGE_S = 1;

/** @typedef {import('../bridge.js').Camera} Camera */

/** @param {Camera} camera as the bridge described it last */
export function delivers({ state, age }) {
  return state === 'live' && age !== null && age < FRESH_AGE_S;
}

/** Notes what arrives over one connection after the other. */
export class Progress {
  /** When the count of decoded frames last grew, or might first have. */
  #decodedAt = 0;
  /** When something last arrived, decoded or not, or might first have. */
  #heardAt = 0;

  /** There is a new connection: everything may arrive from now on. */
  begin() {
    this.#decodedAt = this.#heardAt = performance.now();
  }

  noteHeard() {
    this.#heardAt = performance.now();
  }

  noteDecoded() {
    this.#decodedAt = performance.now();
  }

  /**
   * Whether nothing has come for so long that another connection is more likely to bring something.
   *
   * @param {number} now
   */
  stalled(now) {
    const silent = now - Math.max(this.#decodedAt, this.#heardAt) > SILENT_MS;
    return silent || now - this.#decodedAt > UNDECODED_MS;
  }
}
