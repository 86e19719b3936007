// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * What the operator's hands do, whatever they hold: keyboard, gamepad and stick on the screen as one.
 *
 * @module drive/inputs
 */

import { noAxes } from './protocol.js';

/** Below this deflection a stick is at rest. */
const DEAD_ZONE = 0.1;

/** @typedef {import('./protocol.js').Axes} Axes */

/**
 * @typedef {object} Input
 * @property {boolean} hold whether an input is held: without, nothing moves
 * @property {boolean} fast
 * @property {boolean} slow
 * @property {boolean} stop
 * @property {Axes} axes
 * @property {boolean} neutral whether nothing is held or deflected
 */

/** @returns {Input} */
export function noInput() {
  return { hold: false, fast: false, slow: false, stop: false, axes: noAxes(), neutral: true };
}

/**
 * A stick's deflection without its dead zone: 0 within, and from there steadily up to 1.
 *
 * @param {number} value -1 to 1
 */
export function withoutDeadZone(value) {
  const beyond = Math.abs(value) - DEAD_ZONE;
  return beyond > 0 ? Math.sign(value) * Math.min(1, beyond / (1 - DEAD_ZONE)) : 0;
}

/**
 * Opposite deflections cancel each other, and slow counts more than fast.
 *
 * @param {Input[]} inputs
 * @returns {Input}
 */
export function merge(inputs) {
  const any = (/** @type {'hold' | 'fast' | 'slow' | 'stop'} */ key) => inputs.some((input) => input[key]);
  const axes = noAxes();
  for (const axis of /** @type {(keyof Axes)[]} */ (Object.keys(axes))) {
    const sum = inputs.reduce((total, input) => total + (input.hold ? input.axes[axis] : 0), 0);
    axes[axis] = Math.max(-1, Math.min(1, sum));
  }
  return {
    hold: any('hold'),
    fast: any('fast') && !any('slow'),
    slow: any('slow'),
    stop: any('stop'),
    axes,
    neutral: inputs.every(({ neutral }) => neutral),
  };
}

/** The merged inputs. After a fault they count again only when all of them have been neutral at once. */
export class Inputs {
  #mistrusted = false;

  /** Whether the operator has to let go of everything first. */
  get mistrusted() {
    return this.#mistrusted;
  }

  /** There was a fault: what is still held does not count. */
  mistrust() {
    this.#mistrusted = true;
  }

  /**
   * @param {Input[]} inputs of each device
   * @returns {Input}
   */
  read(inputs) {
    const merged = merge(inputs);
    if (merged.neutral) this.#mistrusted = false;
    return this.#mistrusted ? { ...merged, hold: false, fast: false, axes: noAxes() } : merged;
  }
}
