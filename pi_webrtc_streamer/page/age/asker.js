// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * Asks the bridge what time it is, and when its newest pictures were captured.
 *
 * @module age/asker
 */

import { Captures } from './captures.js';
import { Clock } from './clock.js';

const PAUSE_MS = 1_000;
const TIMEOUT_MS = 3_000;

/** So many questions come quickly at first: the more, the better is the best of them. */
const QUICK = 5;
const QUICK_PAUSE_MS = 50;

/** Asks one question at a time, as long as the page is seen. */
export class Asker {
  #url;
  /** @type {number | undefined} */
  #timer;
  /** The question under way. @type {AbortController | null} */
  #asking = null;
  #running = false;
  #quick = 0;
  /** Since when an answer is owed. @type {number | null} */
  #waitingSince = null;

  clock = new Clock();
  captures = new Captures(this.clock);

  /** @param {URL} url */
  constructor(url) {
    this.#url = url;
  }

  /** Safe to call again. */
  start() {
    if (this.#running) return;
    this.#running = true;
    this.hurry();
  }

  stop() {
    this.#running = false;
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#rest();
  }

  /** Asks some quick questions: the page is seen again, say, or something is missing. */
  hurry() {
    const waits = this.#quick === 0;
    this.#quick = QUICK;
    if (waits && !this.#asking) void this.#ask();
  }

  /**
   * @param {number} now
   * @returns {number} for how many ms the bridge has owed an answer
   */
  silence(now) {
    return this.#waitingSince === null ? 0 : now - this.#waitingSince;
  }

  #rest() {
    this.#quick = 0;
    this.#waitingSince = null;
  }

  async #ask() {
    clearTimeout(this.#timer);
    if (!this.#running || document.hidden) {
      this.#rest();
      return;
    }
    const asking = new AbortController();
    this.#asking = asking;
    const tooLate = setTimeout(() => asking.abort(), TIMEOUT_MS);
    // That there is none is told by whoever asks for the cameras, too.
    await this.#exchange(asking.signal).catch(() => {});
    clearTimeout(tooLate);
    this.#asking = null;
    this.#quick = Math.max(0, this.#quick - 1);
    if (this.#running) this.#timer = setTimeout(() => void this.#ask(), this.#quick > 0 ? QUICK_PAUSE_MS : PAUSE_MS);
  }

  /** @param {AbortSignal} signal */
  async #exchange(signal) {
    const sent = performance.now();
    this.#waitingSince ??= sent;
    const response = await fetch(this.#url, { cache: 'no-store', signal });
    const received = performance.now();
    this.#waitingSince = null;
    if (!response.ok) return;
    const { time, pictures } = await response.json();
    if (this.clock.add({ sent, received, time })) this.#quick = QUICK + 1;
    this.captures.take(time, pictures);
  }
}
