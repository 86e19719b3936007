// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * The control connection, kept up for as long as it is wanted.
 *
 * @module drive/channel
 */

import { pauseAfter } from '../whep/backoff.js';
import { WhepError, toWhepError } from '../whep/errors.js';
import { PeerLink, SocketLink } from './links.js';
import { decodeStatus, encodeCommand } from './protocol.js';

/** If no data channel has opened within so long, a WebSocket is tried. */
const PEER_PATIENCE_MS = 4_000;
const SOCKET_PATIENCE_MS = 6_000;

/** UDP that was blocked is not waited for again so soon. */
const BLOCKED_FOR_MS = 60_000;

/** A connection that was silent for so long is given up; whoever drives has stopped long before. */
const SILENT_MS = 2_000;

/** A round trip that is shown follows the measured ones so slowly. */
const SMOOTHED = 1 / 8;

/** @typedef {import('./protocol.js').Command} Command */
/** @typedef {import('./protocol.js').Status} Status */

/**
 * @typedef {object} ChannelOptions
 * @property {() => URL} url where to ask for the connection
 * @property {() => RTCIceServer[]} iceServers asked before each attempt
 * @property {(status: Status) => void} onStatus
 * @property {() => void} onChange called when the connection opens or goes
 * @property {(sample: import('../age/clock.js').Sample) => void} onClock a command and its answer, as a question after
 *   the time
 */

/** Remembers when the newest commands were sent. */
class SentTimes {
  #times = new Map();

  /**
   * @param {number} sequence
   * @param {number} now
   */
  note(sequence, now) {
    this.#times.set(sequence, now);
    this.#times.delete(sequence - 128);
  }

  /** @param {number} sequence */
  of(sequence) {
    return this.#times.get(sequence);
  }
}

/** Connects, and connects again with growing pauses; sends commands and receives statuses. */
export class Channel {
  #options;
  /** @type {PeerLink | SocketLink | null} */
  #link = null;
  /** @type {number | undefined} */
  #timer;
  #failures = 0;
  #blockedUntil = -Infinity;
  #sent = new SentTimes();
  #statusAt = -Infinity;
  #statusTime = -Infinity;

  /** @type {'idle' | 'connecting' | 'open' | 'waiting'} */
  state = 'idle';
  /** Why there is no connection; null while there is one. @type {WhepError | null} */
  error = null;
  /** Smoothed; NaN while unknown. */
  roundTripMs = NaN;

  /** @param {ChannelOptions} options */
  constructor(options) {
    this.#options = options;
  }

  get isOpen() {
    return this.state === 'open';
  }

  /** Whether it is the way for networks without UDP. */
  get slower() {
    return this.#link?.slower ?? false;
  }

  /** Whether messages still wait to be sent. */
  get queues() {
    return this.#link?.queues ?? false;
  }

  /** Where the bridge has the session; null while there is none. */
  get resource() {
    return this.#link?.resource ?? null;
  }

  /**
   * @param {number} now
   * @returns {number} ms since the last status, or since the connection opened
   */
  silence(now) {
    return now - this.#statusAt;
  }

  want() {
    if (this.state === 'idle') this.#connect();
  }

  /** Ends the connection, here and at the bridge. */
  unwant() {
    clearTimeout(this.#timer);
    this.#endLink();
    this.error = null;
    this.#failures = 0;
    this.#enter('idle');
  }

  /** There is a new reason to hope. */
  retryNow() {
    this.#blockedUntil = -Infinity;
    if (this.state === 'waiting' && this.error?.retryAfterMs == null) this.#connect();
  }

  /** @param {Command} command goes out at once, or is lost */
  send(command) {
    if (!this.isOpen) return;
    this.#sent.note(command.sequence, performance.now());
    this.#link?.send(encodeCommand(command));
  }

  /** @param {number} now to be called often: notices a connection that is dead, though nothing says so */
  tick(now) {
    if (this.isOpen && this.silence(now) > SILENT_MS) {
      this.#onLost(new WhepError('The robot is silent over the control connection.'));
    }
  }

  #connect() {
    clearTimeout(this.#timer);
    this.#enter('connecting');
    const noPeer = typeof RTCPeerConnection === 'undefined' || performance.now() < this.#blockedUntil;
    if (noPeer) this.#begin(SocketLink, SOCKET_PATIENCE_MS, () => this.#onLost(new WhepError(
      'The control connection did not come about: neither UDP nor a WebSocket reaches the robot.',
    )));
    else this.#begin(PeerLink, PEER_PATIENCE_MS, () => this.#onBlocked());
  }

  #onBlocked() {
    this.#blockedUntil = performance.now() + BLOCKED_FOR_MS;
    this.#connect();
  }

  /**
   * @param {typeof PeerLink | typeof SocketLink} Kind
   * @param {number} patience ms
   * @param {() => void} onPatienceEnd
   */
  #begin(Kind, patience, onPatienceEnd) {
    this.#endLink();
    this.#timer = setTimeout(onPatienceEnd, patience);
    try {
      const link = new Kind({
        url: this.#options.url(),
        iceServers: this.#options.iceServers(),
        onOpen: () => this.#onOpen(),
        onMessage: (message) => this.#onMessage(message),
        onLost: (error) => this.#onLost(error),
      });
      this.#link = link;
      void link.start();
    } catch (reason) {
      this.#onLost(toWhepError(reason));
    }
  }

  #onOpen() {
    clearTimeout(this.#timer);
    this.error = null;
    this.#failures = 0;
    this.#sent = new SentTimes();
    this.#statusAt = performance.now();
    this.#statusTime = -Infinity;
    this.roundTripMs = NaN;
    this.#enter('open');
  }

  /** @param {ArrayBuffer} message */
  #onMessage(message) {
    const status = decodeStatus(message);
    // They may come in another order than they were sent in.
    if (!this.isOpen || !status || status.time <= this.#statusTime) return;
    const now = performance.now();
    this.#statusAt = now;
    this.#statusTime = status.time;
    this.#measure(status, now);
    this.#options.onStatus(status);
  }

  /**
   * @param {Status} status
   * @param {number} now
   */
  #measure({ echo, since, time }, now) {
    const sent = this.#sent.of(echo);
    if (sent === undefined) return;
    // For `since` the bridge has kept the answer.
    const trip = Math.max(0, now - sent - since * 1000);
    this.roundTripMs = Number.isNaN(this.roundTripMs)
      ? trip : this.roundTripMs + SMOOTHED * (trip - this.roundTripMs);
    this.#options.onClock({ sent, received: now, heard: time - since, time });
  }

  /** @param {WhepError} error */
  #onLost(error) {
    clearTimeout(this.#timer);
    this.#endLink();
    this.#failures += 1;
    this.error = error;
    this.#timer = setTimeout(() => this.#connect(), pauseAfter(error, this.#failures));
    this.#enter('waiting');
  }

  #endLink() {
    this.#link?.close();
    this.#link = null;
  }

  /** @param {Channel['state']} state */
  #enter(state) {
    if (state === this.state) return;
    this.state = state;
    this.#options.onChange();
  }
}
