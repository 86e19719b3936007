// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * The age of what a tile shows: a number and a graph in its bar, and a mark on the picture where it is too great.
 *
 * @module tile/age
 */

import { History } from '../age/history.js';
import { setText } from '../dom.js';
import { drawAges } from './graph.js';
import { age as inWords, secondsOf } from './units.js';

/** A number that changes more often cannot be read. */
const NUMBER_MS = 500;

/** Before an age that may well be greater. */
const AT_LEAST = '≥ ';

/** @typedef {import('./freshness.js').Judgement} Judgement */

/** Shows the age of what is seen, from the camera's exposure to this screen. */
export class Age {
  #parts;
  #history = new History();
  #numberAt = -Infinity;

  /** @param {import('./parts.js').Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /**
   * A frame is shown.
   *
   * @param {number} at
   * @param {number} age
   */
  note(at, age) {
    this.#history.note(at, age);
  }

  /**
   * To be called a few times a second.
   *
   * @param {number} now
   * @param {Judgement} judgement
   * @param {boolean} known whether the age counts from the capture, or at least from the arrival at the robot
   * @param {number} staleAfter ms from which a picture is marked
   */
  look(now, judgement, known, staleAfter) {
    const { age, graph, number } = this.#parts;
    if (!known || judgement.age === null) {
      age.hidden = true;
      this.#history.clear();
      return;
    }
    age.hidden = false;
    this.#history.look(now, judgement.age);
    drawAges(graph, this.#history.samples, now, staleAfter);
    const calm = judgement.level === 'fresh';
    if (calm && now - this.#numberAt < NUMBER_MS) return;
    this.#numberAt = now;
    const present = calm ? this.#history.present(now) : null;
    setText(number, `${judgement.bound ? AT_LEAST : ''}${inWords(present ?? judgement.age)}`);
    const worst = Math.max(...this.#history.samples.map((sample) => sample.age));
    graph.setAttribute('aria-label', `Age over the last 10 seconds: at most ${inWords(worst)}`);
  }

  /**
   * Marks a picture that moves and is too old, or of which others are lost, or takes the mark away.
   *
   * @param {Judgement | null} judgement
   * @param {string} why it is late
   * @param {string} loss why others are lost; "" if they are not
   */
  mark(judgement, why = '', loss = '') {
    const { mark, markTitle, markText } = this.#parts;
    const { level = 'fresh', age = 0, bound = false } = judgement ?? {};
    const aged = level === 'old' || level === 'late';
    mark.hidden = judgement === null || !(aged || loss);
    if (mark.hidden) return;
    const much = `${bound ? AT_LEAST : ''}${secondsOf(age ?? 0)}`;
    setText(markTitle, level === 'late' ? `${much} late` : aged ? `${much} old` : 'Pictures are lost');
    setText(markText, loss || (level === 'late' ? why : ''));
  }
}
