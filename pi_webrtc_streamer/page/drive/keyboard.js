// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * Driving by keys. They are told by their place on the keyboard, so that layouts do not matter.
 *
 * @module drive/keyboard
 */

import { merge, noInput } from './inputs.js';

/** @typedef {import('./inputs.js').Input} Input */
/** @typedef {import('./protocol.js').Axes} Axes */

/** @type {Record<string, [axis: keyof Axes, direction: number]>} */
const DRIVE_KEYS = {
  KeyW: ['forward', 1],
  ArrowUp: ['forward', 1],
  KeyS: ['forward', -1],
  ArrowDown: ['forward', -1],
  KeyA: ['turn', 1],
  ArrowLeft: ['turn', 1],
  KeyD: ['turn', -1],
  ArrowRight: ['turn', -1],
};
/** @type {typeof DRIVE_KEYS} */
const STRAFE_KEYS = { KeyQ: ['left', 1], KeyE: ['left', -1] };
/** @type {typeof DRIVE_KEYS} */
const HEAD_KEYS = { KeyI: ['tilt', 1], KeyK: ['tilt', -1], KeyJ: ['pan', 1], KeyL: ['pan', -1] };

const FAST_KEYS = ['ShiftLeft', 'ShiftRight'];
const SLOW_KEYS = ['KeyC'];

/** @typedef {Pick<KeyboardEvent, 'code' | 'repeat' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>} Key */

/**
 * Knows which keys are held.
 *
 * A key counts from its press until its release. If the release may have gone elsewhere, all keys count as released,
 * and what is still down is no press: the browser says of it that it repeats.
 */
export class Keyboard {
  #onLost;
  #keys = DRIVE_KEYS;
  /** @type {Set<string>} */
  #down = new Set();

  /** @param {() => void} onLost called when keys were held whose release cannot be trusted to be told */
  constructor(onLost) {
    this.#onLost = onLost;
  }

  /** @param {{holonomic: boolean, head: boolean}} robot what it can do beside driving and turning */
  fit({ holonomic, head }) {
    this.#keys = { ...DRIVE_KEYS, ...(holonomic && STRAFE_KEYS), ...(head && HEAD_KEYS) };
  }

  /**
   * @param {Key} key
   * @returns {boolean} whether it is a key to drive with, and no shortcut of somebody else
   */
  press(key) {
    // The system may keep the release of other keys while one of these is down (macOS does).
    if (key.ctrlKey || key.metaKey || key.altKey) {
      this.lose();
      return false;
    }
    this.#noteShift(key);
    if (!this.#counts(key.code)) return false;
    if (!key.repeat) this.#down.add(key.code);
    return true;
  }

  /**
   * @param {Key} key
   * @returns {boolean} whether it was held
   */
  release(key) {
    this.#noteShift(key);
    return this.#down.delete(key.code);
  }

  /** Releases that come from now on may not be told. */
  lose() {
    const held = this.#down.size > 0;
    this.#down.clear();
    if (held) this.#onLost();
  }

  /** @returns {Input} */
  read() {
    const held = [...this.#down].filter((code) => code in this.#keys).map((code) => this.#keys[code]);
    const inputs = held.map(([axis, direction]) => {
      const input = noInput();
      input.axes[axis] = direction;
      return { ...input, hold: true };
    });
    return {
      ...merge(inputs),
      fast: FAST_KEYS.some((code) => this.#down.has(code)),
      slow: SLOW_KEYS.some((code) => this.#down.has(code)),
      neutral: held.length === 0,
    };
  }

  /** @param {string} code */
  #counts(code) {
    return code in this.#keys || FAST_KEYS.includes(code) || SLOW_KEYS.includes(code);
  }

  /** @param {Key} key says of itself whether Shift is down */
  #noteShift({ shiftKey }) {
    if (!shiftKey) for (const code of FAST_KEYS) this.#down.delete(code);
  }
}
