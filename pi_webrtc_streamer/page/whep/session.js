// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * One WHEP connection (WebRTC-HTTP Egress Protocol) for one video stream. Nothing in here knows about a page.
 *
 * @module whep/session
 */

import { WhepError, toWhepError, whatIsBlocked } from './errors.js';
import { inboundVideo, playAtOnce, preferCodec } from './receiver.js';
import { deleteSession, postOffer } from './requests.js';
import { Trickle } from './trickle.js';

/** From the answer to a connection. The browser itself would try for over a minute. */
const CONNECT_TIMEOUT_MS = 10_000;

/** How often a connection that others wait for is asked whether it has brought a picture. */
const PICTURE_POLL_MS = 50;

/**
 * @typedef {object} SessionOptions
 * @property {URL} url where to post the offer
 * @property {RTCIceServer[]} iceServers
 * @property {string | null} codec the only codec to offer, or null
 * @property {() => void} onConnected called when media can flow
 * @property {(() => void) | null} onPicture called when the first picture has come and is decoded, if anybody waits
 *   for it
 * @property {() => void} onDoubt called when the browser misses the other side; it may come back by itself
 * @property {(error: WhepError) => void} onLost called when the session cannot start or has ended, unless `close` was
 *   called before; the session closes itself right afterwards
 */

/** One WHEP connection, from the offer to its end. It does not come back: that is the work of `WhepClient`. */
export class WhepSession {
  #options;
  /** Takes every listener off, whatever ends the session. */
  #listeners = new AbortController();
  /** @type {number | undefined} */
  #timer;
  /** @type {Trickle | null} */
  #trickle = null;
  /** @type {URL | null} */
  #resource = null;
  /** Why no connection came about, should none. */
  #blocked = '';
  connected = false;
  #closed = false;

  /**
   * @param {SessionOptions} options
   * @throws {Error} if the browser refuses the ICE servers or lacks the codec
   */
  constructor(options) {
    this.#options = options;
    this.createdAt = performance.now();
    this.pc = new RTCPeerConnection({ iceServers: options.iceServers, bundlePolicy: 'max-bundle' });
    try {
      this.transceiver = this.pc.addTransceiver('video', { direction: 'recvonly' });
      preferCodec(this.transceiver, options.codec);
      playAtOnce(this.transceiver.receiver);
    } catch (reason) {
      this.pc.close();
      throw reason;
    }
    this.stream = new MediaStream([this.transceiver.receiver.track]);
  }

  /** Negotiates. Failures are told to `onLost`. */
  async start() {
    try {
      await this.#negotiate();
    } catch (reason) {
      this.#lose(toWhepError(reason));
    }
  }

  /** Ends the session here and at the bridge. Safe to call at any time, and twice. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#listeners.abort();
    this.#trickle?.close();
    this.pc.close();
    this.#release();
  }

  async #negotiate() {
    const offer = await this.pc.createOffer();
    if (this.#closed) return;
    const trickle = new Trickle(offer.sdp ?? '');
    this.#trickle = trickle;
    this.#listen(this.pc, 'icecandidate', (event) =>
      trickle.add(/** @type {RTCPeerConnectionIceEvent} */ (event).candidate));
    this.#listen(this.pc, 'connectionstatechange', () => this.#onConnectionState());
    await this.pc.setLocalDescription(offer);
    if (this.#closed) return;

    const { answer, resource, etag } = await postOffer(this.#options.url, offer.sdp ?? '');
    this.#resource = resource;
    if (this.#closed) {
      // Closed while the bridge was setting the session up: the DELETE could not be sent before now.
      this.#release();
      return;
    }
    this.#blocked = whatIsBlocked(answer, this.#options.url.hostname);
    this.#giveUpAfter(CONNECT_TIMEOUT_MS, this.#blocked);
    await this.pc.setRemoteDescription({ type: 'answer', sdp: answer });
    if (this.#closed) return;
    trickle.open(resource, etag);
    this.#watchTransport();
  }

  #onConnectionState() {
    switch (this.pc.connectionState) {
      case 'connected':
        clearTimeout(this.#timer);
        if (!this.connected) {
          this.connected = true;
          this.#options.onConnected();
          void this.#awaitPicture();
        }
        break;
      case 'disconnected':
        this.#options.onDoubt();
        break;
      case 'failed':
        this.#lose(new WhepError(this.connected ? 'The connection to the robot broke.' : this.#blocked));
        break;
      case 'closed':
        this.#lose(new WhepError('The connection was closed.'));
        break;
    }
  }

  async #awaitPicture() {
    const { onPicture } = this.#options;
    if (!onPicture) return;
    while (!this.#closed) {
      if (inboundVideo(await this.pc.getStats())?.framesDecoded > 0) {
        onPicture();
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, PICTURE_POLL_MS));
    }
  }

  /** A bridge that ends in good order closes DTLS, which shows here at once and in `connectionState` much later. */
  #watchTransport() {
    const transport = this.transceiver.receiver.transport;
    if (!transport) return;
    this.#listen(transport, 'statechange', () => {
      if (transport.state === 'closed' || transport.state === 'failed') {
        this.#lose(new WhepError('The robot ended the connection.'));
      }
    });
  }

  /**
   * @param {EventTarget} target
   * @param {string} type
   * @param {(event: Event) => void} listener
   */
  #listen(target, type, listener) {
    target.addEventListener(type, listener, { signal: this.#listeners.signal });
  }

  /**
   * @param {number} ms
   * @param {string} message
   */
  #giveUpAfter(ms, message) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lose(new WhepError(message)), ms);
  }

  /** @param {WhepError} error */
  #lose(error) {
    if (this.#closed) return;
    this.#options.onLost(error);
    this.close();
  }

  #release() {
    if (this.#resource) deleteSession(this.#resource);
    this.#resource = null;
  }
}
