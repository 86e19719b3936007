// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * A WHEP session that is kept up for as long as it is wanted. Nothing in here knows about a page.
 *
 * @module whep/client
 */

import { pauseAfter } from './backoff.js';
import { WhepError, toWhepError } from './errors.js';
import { WhepSession } from './session.js';

/** A connection that has lasted this long counts as a success even if no picture has been seen. */
const STABLE_AFTER_MS = 3_000;

/** A second session that has brought nothing for so long is replaced, if another is wanted. */
const RIVAL_PATIENCE_MS = 3_000;

/**
 * @typedef {object} ClientOptions
 * @property {URL} url where to post the offers
 * @property {() => RTCIceServer[]} iceServers asked before each attempt
 * @property {string | null} codec the only codec to offer, or null
 * @property {() => void} onChange called after each change of `state`, and of the session
 * @property {() => void} onDoubt called when the session may be lost, though nothing says so
 * @property {() => void} onEnding called before a session is closed, while its last picture can still be read
 */

/**
 * Keeps a WHEP session up: connects, and connects again with growing pauses after a failure.
 *
 * Whoever sees that the session brings nothing may challenge it: a second one, its rival, is begun beside it, and who
 * brings a picture first stays.
 */
export class WhepClient {
  #options;
  /** @type {WhepSession | null} */
  #session = null;
  /** @type {WhepSession | null} */
  #rival = null;
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

  /** How many attempts there have been after the first; a rival that lost is none. */
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

  /** Begins a second session beside one that brings nothing, unless a young one is under way. */
  challenge() {
    if (this.state !== 'connected' || this.#held) return;
    if (this.#rival && performance.now() - this.#rival.createdAt < RIVAL_PATIENCE_MS) return;
    this.#endRival();
    try {
      this.#rival = this.#begin(true);
    } catch (reason) {
      this.#onRivalLost(toWhepError(reason));
    }
  }

  /** The session brings something again: its rival has lost. */
  withdraw() {
    this.#endRival();
  }

  /**
   * The bridge has started anew: a session with the one before is dead, though nothing may show it yet.
   *
   * @param {number} lastSeenAt when the one before was last heard of; what was begun since may be with the new one
   */
  renew(lastSeenAt) {
    if (this.state === 'idle' || this.state === 'closed') return;
    if (this.#session && this.#session.createdAt >= lastSeenAt) return;
    this.#failures = 0;
    if (this.#rival && this.#rival.createdAt < lastSeenAt) this.#endRival();
    this.#endSession();
    if (this.#held) this.#pause(null);
    else if (!this.#promoteRival(null)) this.#connect();
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
    if (held) this.#endRival();
    if (this.state !== 'waiting') return;
    if (held) this.#pause(this.error);
    else this.#connect();
  }

  close() {
    if (this.state === 'closed') return;
    clearTimeout(this.#retryTimer);
    this.retryAt = null;
    this.#endRival();
    this.#endSession();
    this.#enter('closed');
  }

  #connect() {
    clearTimeout(this.#retryTimer);
    this.retryAt = null;
    this.#attempts += 1;
    try {
      this.#session = this.#begin(false);
    } catch (reason) {
      this.#onLost(toWhepError(reason));
      return;
    }
    this.#enter('connecting');
  }

  /**
   * @param {boolean} rivals whether there is another session
   * @returns {WhepSession}
   * @throws {Error} if the browser cannot
   */
  #begin(rivals) {
    const session = new WhepSession({
      url: this.#options.url,
      iceServers: this.#options.iceServers(),
      codec: this.#options.codec,
      onConnected: () => { if (session === this.#session) this.#onConnected(); },
      onPicture: rivals ? () => this.#onPicture(session) : null,
      onDoubt: () => { if (session === this.#session) this.#options.onDoubt(); },
      onLost: (error) => (session === this.#rival ? this.#onRivalLost(error) : this.#onLost(error)),
    });
    void session.start();
    return session;
  }

  #onConnected() {
    this.error = null;
    this.connectedAt = performance.now();
    this.#stableTimer = setTimeout(() => this.confirm(), STABLE_AFTER_MS);
    this.#enter('connected');
  }

  /** @param {WhepSession} session that was begun beside another, and has brought its first picture */
  #onPicture(session) {
    if (session !== this.#rival) return;
    this.#endSession();
    this.#promoteRival(null);
  }

  /** @param {WhepError} error */
  #onRivalLost(error) {
    this.#rival = null;
    // The bridge may have no room for both.
    if (error.status !== 0) this.#onLost(new WhepError('The connection to the robot broke.'));
  }

  /** @param {WhepError} error */
  #onLost(error) {
    this.#failures += 1;
    this.#endSession();
    if (!this.#promoteRival(error)) this.#pause(error);
  }

  /**
   * Puts the rival, if there is one, in the place of a session that is no more.
   *
   * @param {WhepError | null} error why it is no more
   * @returns {boolean} whether there is one
   */
  #promoteRival(error) {
    if (!this.#rival) return false;
    this.#attempts += 1;
    this.#session = this.#rival;
    this.#rival = null;
    this.error = error;
    if (this.#session.connected) this.#onConnected();
    else this.#enter('connecting');
    return true;
  }

  #endRival() {
    this.#rival?.close();
    this.#rival = null;
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
