// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

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

/** How soon a bridge that is silent is asked again. */
const SILENT_PAUSE_MS = 200;

/**
 * How long a single answer is waited for in a hurry: a question that is lost is asked again by TCP after a second, and
 * later and later. A network that is always slow gets so many times what it usually takes.
 */
const HURRIED_TIMEOUT_MS = 600;
const USUAL_TIMES = 4;

/** Every so many questions in a hurry, one is waited for as long as ever. */
const PATIENT_EVERY = 10;

/**
 * @typedef {object} Camera what the bridge says of a camera
 * @property {string} name
 * @property {string} topic
 * @property {'dds' | 'shared memory' | 'in process'} way how its pictures come from the camera node to the bridge
 * @property {'live' | 'idle' | 'waiting' | 'stale' | 'error' | 'inactive'} state
 * @property {string} reason why there is no picture and what to do, for people; "" if all is well
 * @property {number} width of its pictures
 * @property {number} height
 * @property {number} stream_width of what is sent over a good link
 * @property {number} stream_height
 * @property {number} rate frames a second
 * @property {string} loss why pictures are lost on their way to the bridge and what helps, for people; "" if they are not
 * @property {number} patience for how many seconds no frame may come, by the camera's own rhythm
 * @property {number} viewers
 * @property {number | null} age seconds since the newest frame
 */

/**
 * @typedef {object} Bridge the answer of `/cameras`
 * @property {string} instance changes when the bridge starts anew
 * @property {string} robot_name what the robot is called; "" if it has no name
 * @property {'view' | 'drive'} role what whoever watches may do
 * @property {'active' | 'inactive'} state
 * @property {RTCIceServer[]} ice_servers
 * @property {number} stale_after seconds from its capture, after which a picture is marked
 * @property {import('./drive/requests.js').Teleop | null} teleop null where nobody can drive
 * @property {Camera[]} cameras
 */

/** Asks the bridge for its cameras, again and again, one request at a time. */
export class Poller {
  #url;
  #onAnswer;
  #onFailure;
  /** @type {number | undefined} */
  #timer;
  /** The request under way. @type {AbortController | null} */
  #asking = null;
  #askedAt = 0;
  #running = false;
  #hurried = false;
  #failures = 0;
  #answeredAt = performance.now();
  /** How long the last answer took. */
  #usualMs = 0;

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
    this.#asking?.abort();
  }

  /** Asks without waiting for the next turn. */
  now() {
    if (this.#running && !this.#asking) void this.#ask();
  }

  /** Asks at once, and again and again: there is a sign that the way to the bridge is lost. */
  hurry() {
    this.#hurried = true;
    if (this.#asking && performance.now() - this.#askedAt > this.#patience()) this.#asking.abort();
    this.now();
  }

  async #ask() {
    clearTimeout(this.#timer);
    const asking = new AbortController();
    this.#asking = asking;
    this.#askedAt = performance.now();
    const tooLate = setTimeout(() => asking.abort(), this.#patience());
    /** @type {Bridge | WhepError | null} */
    const answer = await this.#fetch(asking.signal).catch((reason) => (reason instanceof WhepError ? reason : null));
    clearTimeout(tooLate);
    this.#asking = null;
    if (!this.#running) return;
    this.#take(answer, asking.signal.aborted);
  }

  /**
   * @param {Bridge | WhepError | null} answer null if there is none
   * @param {boolean} aborted whether that is because it was no longer waited for
   */
  #take(answer, aborted) {
    const now = performance.now();
    const failed = answer === null || answer instanceof WhepError;
    this.#failures = failed ? this.#failures + 1 : 0;
    if (answer !== null) this.#answeredAt = now;
    if (!failed) {
      this.#usualMs = now - this.#askedAt;
      this.#hurried = false;
    }
    // Without a token, asking again is in vain until somebody has signed in.
    if (!(answer instanceof WhepError && answer.isLockedOut)) {
      this.#timer = setTimeout(() => this.now(), this.#pause(answer === null));
    }
    if (!failed) this.#onAnswer(answer);
    // Not to have waited long is no sign of silence.
    else if (!aborted || now - this.#answeredAt > POLL_TIMEOUT_MS) this.#onFailure(answer);
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<Bridge>}
   */
  async #fetch(signal) {
    const response = await fetch(this.#url, { cache: 'no-store', signal });
    if (!response.ok) throw await errorFrom(response);
    const bridge = await response.json();
    if (!Array.isArray(bridge?.cameras)) throw new WhepError('What answers at this address is no camera bridge.');
    return bridge;
  }

  /** @returns {number} how long to wait for an answer, in ms */
  #patience() {
    const hurried = this.#hurried || this.#failures > 0;
    if (!hurried || this.#failures % PATIENT_EVERY === PATIENT_EVERY - 1) return POLL_TIMEOUT_MS;
    return Math.min(POLL_TIMEOUT_MS, Math.max(HURRIED_TIMEOUT_MS, USUAL_TIMES * this.#usualMs));
  }

  /**
   * @param {boolean} silent whether there was no answer at all
   * @returns {number} how long to wait before the next question, in ms
   */
  #pause(silent) {
    if (silent) return SILENT_PAUSE_MS;
    if (this.#failures === 0) return POLL_MS;
    return Math.min(POLL_BACKOFF_MAX_MS, POLL_BACKOFF_FIRST_MS * 2 ** (this.#failures - 1));
  }
}
