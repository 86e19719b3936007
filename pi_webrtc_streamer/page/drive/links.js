// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * The two ways of the control connection: a data channel that loses what is late, or a WebSocket where UDP is blocked.
 *
 * @module drive/links
 */

import { WhepError, toWhepError } from '../whep/errors.js';
import { deleteSession, postOffer } from '../whep/requests.js';

/** An offer that names this side's addresses connects sooner, but is not kept back for a slow STUN server. */
const GATHERING_MS = 300;

/**
 * @typedef {object} LinkOptions
 * @property {URL} url where to ask for the connection
 * @property {RTCIceServer[]} iceServers
 * @property {() => void} onOpen
 * @property {(message: ArrayBuffer) => void} onMessage
 * @property {(error: WhepError) => void} onLost called when the link cannot start or has ended, unless `close` was
 *   called before; the link closes itself right before
 */

/** What both have in common: one end, told once. */
class Link {
  #closed = false;
  /** Where the bridge has the session. @type {URL | null} */
  resource = null;
  isOpen = false;
  /** Takes every listener off, whatever ends the link. */
  listeners = new AbortController();

  /** @param {LinkOptions} options */
  constructor(options) {
    this.options = options;
  }

  get closed() {
    return this.#closed;
  }

  /** Ends the link here and at the bridge. Safe to call at any time, and twice. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.isOpen = false;
    this.listeners.abort();
    this.endTransport();
    this.release();
  }

  release() {
    if (this.resource) deleteSession(this.resource);
    this.resource = null;
  }

  /** @param {unknown} reason */
  lose(reason) {
    if (this.#closed) return;
    this.close();
    this.options.onLost(toWhepError(reason));
  }

  opened() {
    this.isOpen = true;
    this.options.onOpen();
  }

  /**
   * @param {EventTarget} target
   * @param {string} type
   * @param {(event: any) => void} listener
   */
  listen(target, type, listener) {
    target.addEventListener(type, listener, { signal: this.listeners.signal });
  }

  /** @abstract */
  endTransport() {}
}

/** A data channel that is not ordered and sends nothing twice: what is late would be wrong by then. */
export class PeerLink extends Link {
  slower = false;

  /** @param {LinkOptions} options */
  constructor(options) {
    super(options);
    this.pc = new RTCPeerConnection({ iceServers: options.iceServers });
    this.channel = this.pc.createDataChannel('drive', {
      negotiated: true, id: 0, ordered: false, maxRetransmits: 0,
    });
    this.channel.binaryType = 'arraybuffer';
    this.listen(this.channel, 'open', () => this.opened());
    this.listen(this.channel, 'message', ({ data }) => this.options.onMessage(data));
    this.listen(this.channel, 'close', () => this.lose(new WhepError('The robot ended the control connection.')));
    this.listen(this.pc, 'connectionstatechange', () => {
      if (this.pc.connectionState === 'failed') this.lose(new WhepError('The control connection broke.'));
    });
  }

  /** Whether messages wait to be sent: one more would be late. */
  get queues() {
    return this.channel.bufferedAmount > 0;
  }

  /** Negotiates. Failures are told to `onLost`. */
  async start() {
    try {
      await this.#negotiate();
    } catch (reason) {
      this.lose(reason);
    }
  }

  /** @param {ArrayBuffer} message */
  send(message) {
    if (this.channel.readyState === 'open') this.channel.send(message);
  }

  endTransport() {
    this.pc.close();
  }

  async #negotiate() {
    await this.pc.setLocalDescription();
    await this.#gather();
    if (this.closed) return;
    const { answer, resource } = await postOffer(this.options.url, this.pc.localDescription?.sdp ?? '');
    this.resource = resource;
    // Closed while the bridge was setting the session up: the DELETE could not be sent before now.
    if (this.closed) this.release();
    else await this.pc.setRemoteDescription({ type: 'answer', sdp: answer });
  }

  async #gather() {
    if (this.pc.iceGatheringState === 'complete') return;
    await new Promise((resolve) => {
      setTimeout(resolve, GATHERING_MS);
      this.listen(this.pc, 'icegatheringstatechange', () => {
        if (this.pc.iceGatheringState === 'complete') resolve(undefined);
      });
    });
  }
}

/** The same messages over TCP, where one that is lost keeps all later ones waiting. */
export class SocketLink extends Link {
  slower = true;

  /** @param {LinkOptions} options whose `url` is the one that offers are posted to */
  constructor(options) {
    super(options);
    const url = new URL(options.url);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.pathname += '/socket';
    this.socket = new WebSocket(url);
    this.socket.binaryType = 'arraybuffer';
    this.listen(this.socket, 'message', ({ data }) => this.#onMessage(data));
    this.listen(this.socket, 'close', ({ reason }) =>
      this.lose(new WhepError(reason || 'The control connection to the robot broke.')));
  }

  get queues() {
    return this.socket.bufferedAmount > 0;
  }

  async start() {}

  /** @param {ArrayBuffer} message */
  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(message);
  }

  endTransport() {
    this.socket.close();
  }

  /** @param {string | ArrayBuffer} data the first names the session */
  #onMessage(data) {
    if (data instanceof ArrayBuffer) {
      this.options.onMessage(data);
      return;
    }
    const { session } = JSON.parse(data);
    this.resource = new URL(`teleop/${encodeURIComponent(session)}`, this.options.url);
    this.opened();
  }
}
