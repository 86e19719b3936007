// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * Trickle ICE for WHEP (RFC 8840).
 *
 * @module whep/trickle
 */

import { patchFragment } from './requests.js';

/** Candidates come in bursts: those of one burst travel in one request. */
const TRICKLE_BURST_MS = 30;

/** Sends local ICE candidates to a WHEP resource (RFC 8840 fragments by PATCH), a burst at a time and in order. */
export class Trickle {
  #ufrag;
  #pwd;
  /** @type {string[]} */
  #lines = [];
  /** @type {URL | null} */
  #resource = null;
  /** @type {string | null} */
  #etag = null;
  /** @type {number | undefined} */
  #timer;
  #sending = false;
  #closed = false;

  /** @param {string} offer the SDP whose ICE credentials the fragments carry */
  constructor(offer) {
    this.#ufrag = /^a=ice-ufrag:(.*?)\r?$/m.exec(offer)?.[1] ?? '';
    this.#pwd = /^a=ice-pwd:(.*?)\r?$/m.exec(offer)?.[1] ?? '';
    this.mid = /^a=mid:(.*?)\r?$/m.exec(offer)?.[1] ?? '0';
  }

  /** @param {RTCIceCandidate | null} candidate null after the last one */
  add(candidate) {
    // An empty candidate ends a generation, null ends gathering: the second says it all.
    if (candidate && !candidate.candidate) return;
    this.#lines.push(candidate ? `a=${candidate.candidate}` : 'a=end-of-candidates');
    this.#schedule();
  }

  /**
   * The resource is known now: what has been gathered meanwhile goes there at once.
   *
   * @param {URL} resource
   * @param {string | null} etag
   */
  open(resource, etag) {
    this.#resource = resource;
    this.#etag = etag;
    void this.#send();
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule() {
    if (!this.#resource || this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#send(), TRICKLE_BURST_MS);
  }

  async #send() {
    if (!this.#resource || this.#closed || this.#sending || this.#lines.length === 0) return;
    const body = this.#fragment(this.#lines.splice(0));
    this.#sending = true;
    try {
      await patchFragment(this.#resource, this.#etag, body);
    } catch {
      // Not fatal: the bridge learns this side's addresses from its connectivity checks, too.
    } finally {
      this.#sending = false;
    }
    this.#schedule();
  }

  /** @param {string[]} lines */
  #fragment(lines) {
    return [
      `a=group:BUNDLE ${this.mid}`,
      'm=video 9 UDP/TLS/RTP/SAVPF 0',
      `a=mid:${this.mid}`,
      `a=ice-ufrag:${this.#ufrag}`,
      `a=ice-pwd:${this.#pwd}`,
      ...lines,
      '',
    ].join('\r\n');
  }
}
