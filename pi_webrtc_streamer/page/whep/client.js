/**
 * A WHEP session that is kept up for as long as it is wanted. Nothing in here knows about a page.
 *
 * @module whep/client
 */

import { pauseAfter } from './backoff.js';
import { toWhepError } from './errors.js';
import { WhepSession } from './session.js';

/** @typedef {import('./errors.js').WhepError} WhepError */

/** A connection that has lasted this long counts as a success even if no picture has been seen. */
const STABLE_AFTER_MS = 3_000;

/**
 * @typedef {object} ClientOptions
 * @property {URL} url where to post the offers
 * @property {() => RTCIceServer[]} iceServers asked before each attempt
 * @property {string | null} codec the only codec to offer, or null
 * @property {() => void} onChange called after each change of `state`
 * @property {() => void} onEnding called before a session is closed, while its last picture can still be read
 */

/** Keeps a WHEP session up: connects, and connects again with growing pauses after a failure. */
export class WhepClient {
  #options;
  /** @type {WhepSession | null} */
  #session = null;
  /** @type {number | undefined} */
  #retryTimer;
  /** @type {number | undefined} */
  #stableTimer;
  #attempts = 0;
  #failures = 0;
  #held = false;

  /** @type {'idle' | 'connecting' | 'connected' | 'waiting' | 'closed'} */
  state = 'idle';
  /** Why the last session ended; null while one is up. @type {WhepError | null} */
  error = null;
  /** When the next attempt is due, on the clock of `performance.now()`. @type {number | null} */
  retryAt = null;
  /** When the present session connected, on the same clock. @type {number | null} */
  connectedAt = null;

  /** @param {ClientOptions} options */
  constructor(options) {
    this.#options = options;
  }

  /** @returns {RTCPeerConnection | null} */
  get pc() {
    return this.#session?.pc ?? null;
  }

  /** @returns {MediaStream | null} */
  get stream() {
    return this.#session?.stream ?? null;
  }

  /** When the present session began, on the clock of `performance.now()`. @returns {number | null} */
  get sessionSince() {
    return this.#session?.createdAt ?? null;
  }

  /** How many attempts there have been after the first. */
  get reconnects() {
    return Math.max(0, this.#attempts - 1);
  }

  /** Whether the bridge has said when to come back. */
  get mustWait() {
    return this.state === 'waiting' && this.error?.retryAfterMs != null;
  }

  start() {
    if (this.state !== 'idle') return;
    if (this.#held) this.#enter('waiting');
    else this.#connect();
  }

  /** The session serves its purpose: after its end, the back-off starts anew. */
  confirm() {
    this.#failures = 0;
  }

  /** Cuts a pause short, for there is a new reason to hope; but not one that the bridge has asked for. */
  retryNow() {
    if (this.state === 'waiting' && !this.#held && !this.mustWait) this.#connect();
  }

  /** Gives up the present session, if any, and connects anew without a pause. */
  reconnect() {
    if (this.state === 'idle' || this.state === 'closed') return;
    this.#failures = 0;
    this.#endSession();
    if (this.#held) this.#pause(null);
    else this.#connect();
  }

  /**
   * Gives up the present session as useless, and tries again after a pause.
   *
   * @param {WhepError} error
   */
  abandon(error) {
    if (this.#session) this.#onLost(error);
  }

  /**
   * While held, no attempt is made, since it would be refused; a session that is up is left alone.
   *
   * @param {boolean} held
   */
  hold(held) {
    if (held === this.#held) return;
    this.#held = held;
    if (this.state !== 'waiting') return;
    if (held) this.#pause(this.error);
    else this.#connect();
  }

  close() {
    if (this.state === 'closed') return;
    clearTimeout(this.#retryTimer);
    this.retryAt = null;
    this.#endSession();
    this.#enter('closed');
  }

  #connect() {
    clearTimeout(this.#retryTimer);
    this.retryAt = null;
    this.#attempts += 1;
    try {
      this.#session = new WhepSession({
        url: this.#options.url,
        iceServers: this.#options.iceServers(),
        codec: this.#options.codec,
        onConnected: () => this.#onConnected(),
        onLost: (error) => this.#onLost(error),
      });
    } catch (reason) {
      this.#onLost(toWhepError(reason));
      return;
    }
    void this.#session.start();
    this.#enter('connecting');
  }

  #onConnected() {
    this.error = null;
    this.connectedAt = performance.now();
    this.#stableTimer = setTimeout(() => this.confirm(), STABLE_AFTER_MS);
    this.#enter('connected');
  }

  /** @param {WhepError} error */
  #onLost(error) {
    this.#failures += 1;
    this.#endSession();
    this.#pause(error);
  }

  #endSession() {
    clearTimeout(this.#stableTimer);
    this.connectedAt = null;
    if (!this.#session) return;
    this.#options.onEnding();
    this.#session.close();
    this.#session = null;
  }

  /** @param {WhepError | null} error */
  #pause(error) {
    clearTimeout(this.#retryTimer);
    this.error = error;
    this.retryAt = null;
    if (!this.#held) {
      const delay = pauseAfter(error, this.#failures);
      this.retryAt = performance.now() + delay;
      this.#retryTimer = setTimeout(() => this.#connect(), delay);
    }
    this.#enter('waiting');
  }

  /** @param {WhepClient['state']} state */
  #enter(state) {
    this.state = state;
    this.#options.onChange();
  }
}
