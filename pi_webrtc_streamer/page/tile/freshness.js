// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * How fresh a picture is: by the age of what is seen, and by whether it still moves. Pure: the clock is the caller's.
 *
 * @module tile/freshness
 */

import { RTP_RATE, ticksBetween } from '../age/captures.js';
import { Rhythm } from './rhythm.js';

/** A camera's rhythm is respected: nothing is wrong as long as it has not left out two pictures. */
export const PERIODS = 3;

/** A picture is frozen if nothing new is shown for so long, and it is as old as that. */
const STILL_MS = 500;
const FROZEN_MS = 1_000;

/** Pictures that are so old when they are shown are late. */
const LATE_MS = 1_000;

/** A camera may be so slow of which there was only one picture yet. */
const UNKNOWN_MS = 4_000;

/** Where only the statistics tell that frames are shown, they do so once a second. */
const BLIND_MS = 3_000;

/** What is old or late is so until it is this much better: words shall not flicker. */
const BETTER = 0.8;

/** The same picture was encoded once more if its timestamp is so little later, in ticks. */
const REPEATED = RTP_RATE / 1000;

/** @typedef {'none' | 'fresh' | 'old' | 'late' | 'frozen'} Level */

/**
 * @typedef {object} Judgement
 * @property {Level} level
 * @property {number | null} age of what is shown, in ms; null if nothing is, or it cannot be told
 * @property {boolean} bound whether it may well be older
 * @property {number} still for how many ms nothing new has been shown
 */

/**
 * @typedef {object} Question
 * @property {number} now ms
 * @property {boolean} hidden whether the page is
 * @property {import('../age/captures.js').Capture | null} capture of the frame that is shown, as far as it is known
 * @property {number} staleAfter ms after which a picture is marked
 */

/** @typedef {{ at: number, rtp: number | null }} Shown */

/** Takes note of the frames of one stream after the other. */
export class Freshness {
  #tellsShown;
  /** When a new frame of the present stream was last seen. @type {number | null} */
  #frameAt = null;
  /** That frame, if the browser told of it; its timestamp, if that tells of time. @type {Shown | null} */
  #shown = null;
  #decoded = 0;
  #rhythm = new Rhythm();
  /** The period that the bridge tells of, in ms; 0 if it tells of none. */
  #told = 0;
  /** For how many ms no picture may come, as the bridge tells; 0 unless that is longer than usual. */
  #toldPatience = 0;
  /** @type {Level} */
  #level = 'none';

  /**
   * @param {boolean} tellsShown whether the browser tells of each frame that it shows (`requestVideoFrameCallback`);
   *   else only its statistics tell, once a second, how many it has decoded
   */
  constructor(tellsShown) {
    this.#tellsShown = tellsShown;
  }

  /** There is another stream, of which nothing has been shown yet; the camera is the same. */
  begin() {
    this.#frameAt = this.#shown = null;
    this.#decoded = 0;
    this.#level = 'none';
  }

  /**
   * The stream has its first frame, or the page has been away, and is given a moment.
   *
   * @param {number} now ms
   */
  onFirst(now) {
    this.#frameAt = now;
    this.#shown = null;
  }

  /**
   * @param {number} now ms, when a frame was shown
   * @param {number | null} [rtp] its timestamp, if it tells of the time of its capture
   * @returns {boolean} whether it is a new one, and not the last one encoded again
   */
  onShown(now, rtp = null) {
    if (this.#frameAt === null) return false;
    const before = this.#shown;
    if (before !== null) {
      const ticks = rtp !== null && before.rtp !== null ? ticksBetween(rtp, before.rtp) : null;
      if (ticks !== null && ticks >= 0 && ticks < REPEATED) return false;
      this.#rhythm.add(ticks === null ? now - before.at : ticks / RTP_RATE * 1000);
    }
    this.#frameAt = now;
    this.#shown = { at: now, rtp };
    return true;
  }

  /**
   * @param {number} frames how many the browser says that it has decoded
   * @param {boolean} hidden whether the page is: it shows nothing then, though frames arrive
   * @param {number} now ms
   * @returns {boolean} whether that counts as a frame that is shown
   */
  onDecoded(frames, hidden, now) {
    const grown = frames > this.#decoded;
    this.#decoded = frames;
    if (!grown || !(hidden || !this.#tellsShown) || this.#frameAt === null) return false;
    this.#frameAt = now;
    return true;
  }

  /**
   * Only while live: the rate of a topic that stops sinks, and must not make its last frame look fresh.
   *
   * @param {number} rate of the camera, in frames a second
   * @param {number} patience for how many seconds none may come: some cameras deliver in bursts
   */
  adaptToRate(rate, patience) {
    this.#told = rate > 0 ? 1000 / rate : 0;
    this.#toldPatience = patience * 1000 > FROZEN_MS ? patience * 1000 : 0;
  }

  /**
   * For how many ms it is usual that nothing new is shown: three periods of the camera, or what the bridge tells, or, as
   * long as nobody knows either, three periods of a slow camera. 0 before anything was shown.
   */
  get patience() {
    return this.#frameAt === null ? 0 : Math.max(this.#periods, this.#toldPatience) || UNKNOWN_MS;
  }

  /** Three periods of the camera in ms; 0 as long as nobody knows them. */
  get #periods() {
    return PERIODS * Math.max(this.#rhythm.period ?? 0, this.#told);
  }

  /** Whether a frame of the present stream has been shown. */
  get hasBegun() {
    return this.#frameAt !== null;
  }

  /**
   * @param {Question} question
   * @returns {Judgement}
   */
  judge(question) {
    const judgement = this.#judge(question);
    this.#level = judgement.level;
    return judgement;
  }

  /**
   * @param {Question} question
   * @returns {Judgement}
   */
  #judge({ now, hidden, capture, staleAfter }) {
    if (this.#frameAt === null) return { level: 'none', age: null, bound: true, still: 0 };
    const still = Math.max(0, now - this.#frameAt);
    if (hidden || !this.#tellsShown) {
      return { level: still < Math.max(BLIND_MS, this.#periods, this.#toldPatience) ? 'fresh' : 'frozen', age: null, bound: true, still };
    }
    // What has been shown for a second is no younger, whatever a clock says.
    const age = Math.max(still, capture === null ? 0 : now - capture.at);
    const { patience } = this;
    const frozen = still > Math.max(STILL_MS, patience) && age > Math.max(FROZEN_MS, patience);
    const level = frozen ? 'frozen' : this.#whileItMoves(age, age - still, staleAfter);
    return { level, age, bound: !capture?.certain, still };
  }

  /**
   * @param {number} age
   * @param {number} ageWhenShown
   * @param {number} staleAfter
   * @returns {Level}
   */
  #whileItMoves(age, ageWhenShown, staleAfter) {
    const late = Math.max(LATE_MS, this.#periods) * (this.#level === 'late' ? BETTER : 1);
    if (ageWhenShown > late) return 'late';
    const old = Math.max(staleAfter, this.#periods) * (this.#level === 'late' || this.#level === 'old' ? BETTER : 1);
    return age > old ? 'old' : 'fresh';
  }
}
