// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * The page's keys while it can be driven from.
 *
 * @module drive/keys
 */

/** @typedef {import('./keyboard.js').Keyboard} Keyboard */

/**
 * @typedef {object} KeyEvents
 * @property {() => boolean} isOn whether keys are meant for the robot
 * @property {() => boolean} mayType whether a text field keeps its keys
 * @property {() => void} onStop
 * @property {() => void} onChange called when a key that counts is pressed or let go
 */

/** Hands keys to a `Keyboard`, and makes of Space a stop whatever has the focus. */
export class Keys {
  #keyboard;
  #events;
  /** Whether Space is held. */
  stopHeld = false;

  /**
   * @param {Keyboard} keyboard
   * @param {KeyEvents} events
   * @param {AbortSignal} signal ends the listeners
   */
  constructor(keyboard, events, signal) {
    this.#keyboard = keyboard;
    this.#events = events;
    const options = { capture: true, signal };
    window.addEventListener('keydown', (event) => this.#onDown(event), options);
    window.addEventListener('keyup', (event) => this.#onUp(event), options);
  }

  /** Releases may not be told from now on. */
  lose() {
    this.stopHeld = false;
    this.#keyboard.lose();
  }

  /** @param {KeyboardEvent} event */
  #onDown(event) {
    if (this.#isTyping(event)) return;
    if (event.code === 'Space') {
      this.#keepFromPage(event);
      this.stopHeld = true;
      if (!event.repeat) this.#events.onStop();
    } else if (this.#events.isOn() && this.#keyboard.press(event)) {
      event.preventDefault();
      if (!event.repeat) this.#events.onChange();
    }
  }

  /** @param {KeyboardEvent} event */
  #onUp(event) {
    if (this.#isTyping(event)) return;
    if (event.code === 'Space') {
      // A button would be pressed by its release.
      this.#keepFromPage(event);
      this.stopHeld = false;
    }
    if (this.#keyboard.release(event)) this.#events.onChange();
  }

  /** @param {KeyboardEvent} event */
  #keepFromPage(event) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  /** @param {KeyboardEvent} event */
  #isTyping({ target }) {
    return this.#events.mayType() && target instanceof HTMLInputElement;
  }
}
