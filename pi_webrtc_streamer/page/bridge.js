/**
 * What the bridge says of itself and its cameras.
 *
 * @module bridge
 */

import { errorFrom, WhepError } from './whep/errors.js';

const POLL_MS = 1_000;
const POLL_TIMEOUT_MS = 3_000;
const POLL_BACKOFF_FIRST_MS = 500;
const POLL_BACKOFF_MAX_MS = 2_000;

/**
 * @typedef {object} Camera what the bridge says of a camera
 * @property {string} name
 * @property {string} topic
 * @property {'live' | 'idle' | 'waiting' | 'stale' | 'error' | 'inactive'} state
 * @property {string} reason why there is no picture and what to do, for people; "" if all is well
 * @property {number} width
 * @property {number} height
 * @property {number} rate frames a second
 * @property {number} viewers
 * @property {number | null} age seconds since the newest frame
 */

/**
 * @typedef {object} Bridge the answer of `/cameras`
 * @property {string} instance changes when the bridge starts anew
 * @property {'view' | 'drive'} role what whoever watches may do
 * @property {'active' | 'inactive'} state
 * @property {RTCIceServer[]} ice_servers
 * @property {Camera[]} cameras
 */

/** Asks the bridge for its cameras, again and again, one request at a time. */
export class Poller {
  #url;
  #onAnswer;
  #onFailure;
  /** @type {number | undefined} */
  #timer;
  #asking = false;
  #running = false;
  #failures = 0;

  /**
   * @param {URL} url
   * @param {(bridge: Bridge) => void} onAnswer
   * @param {(error: WhepError | null) => void} onFailure with the bridge's own words, or null if it is silent
   */
  constructor(url, onAnswer, onFailure) {
    this.#url = url;
    this.#onAnswer = onAnswer;
    this.#onFailure = onFailure;
  }

  start() {
    this.#running = true;
    this.now();
  }

  stop() {
    this.#running = false;
    clearTimeout(this.#timer);
  }

  /** Asks without waiting for the next turn. */
  now() {
    if (this.#running && !this.#asking) void this.#ask();
  }

  async #ask() {
    clearTimeout(this.#timer);
    this.#asking = true;
    /** @type {Bridge | WhepError | null} */
    const answer = await this.#fetch().catch((reason) => (reason instanceof WhepError ? reason : null));
    this.#asking = false;
    if (!this.#running) return;

    const failed = answer === null || answer instanceof WhepError;
    this.#failures = failed ? this.#failures + 1 : 0;
    // Without a token, asking again is in vain until somebody has signed in.
    if (!(answer instanceof WhepError && answer.isLockedOut)) this.#timer = setTimeout(() => this.now(), this.#pause());
    if (failed) this.#onFailure(answer);
    else this.#onAnswer(answer);
  }

  /** @returns {Promise<Bridge>} */
  async #fetch() {
    const response = await fetch(this.#url, { cache: 'no-store', signal: AbortSignal.timeout(POLL_TIMEOUT_MS) });
    if (!response.ok) throw await errorFrom(response);
    const bridge = await response.json();
    if (!Array.isArray(bridge?.cameras)) throw new WhepError('What answers at this address is no camera bridge.');
    return bridge;
  }

  #pause() {
    if (this.#failures === 0) return POLL_MS;
    return Math.min(POLL_BACKOFF_MAX_MS, POLL_BACKOFF_FIRST_MS * 2 ** (this.#failures - 1));
  }
}
