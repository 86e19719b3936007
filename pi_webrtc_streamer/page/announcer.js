// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * What a screen reader says of the page.
 *
 * @module announcer
 */

/** Announcements wait so long for the state to settle: a screen reader shall not stutter. */
const ANNOUNCE_MS = 800;

/** Speaks for screen readers, once things have settled. */
export class Announcer {
  #element;
  /** @type {Map<string, string>} */
  #pending = new Map();
  /** @type {number | undefined} */
  #timer;

  /** @param {HTMLElement} element a live region */
  constructor(element) {
    this.#element = element;
  }

  /**
   * @param {string} subject a later text about the same replaces this one
   * @param {string} text
   */
  say(subject, text) {
    this.#pending.set(subject, text);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#speak(), ANNOUNCE_MS);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#pending.clear();
  }

  #speak() {
    this.#element.textContent = [...this.#pending.values()].join(' ');
    this.#pending.clear();
  }
}
