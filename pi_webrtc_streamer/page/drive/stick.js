// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * A stick on the screen, for a thumb or the mouse.
 *
 * @module drive/stick
 */

import { noInput, withoutDeadZone } from './inputs.js';

/** @typedef {import('./inputs.js').Input} Input */
/** @typedef {import('./protocol.js').Axes} Axes */

/**
 * How far a stick is deflected. Its rest is where the finger came down: touching it moves nothing.
 *
 * @param {number} dx px to the right
 * @param {number} dy px down
 * @param {number} radius px that are full deflection
 * @returns {{x: number, y: number}} to the right and down, within the unit circle
 */
export function deflection(dx, dy, radius) {
  const length = Math.hypot(dx, dy);
  const most = Math.max(length, radius);
  return most > 0 ? { x: dx / most, y: dy / most } : { x: 0, y: 0 };
}

/** What one finger does with one stick. Pure. */
export class StickModel {
  /** @type {{pointer: number, x: number, y: number} | null} */
  #held = null;
  x = 0;
  y = 0;

  get isHeld() {
    return this.#held !== null;
  }

  /**
   * @param {number} pointer
   * @param {number} x
   * @param {number} y
   * @returns {boolean} whether it is this pointer's now: another finger does not take it away
   */
  press(pointer, x, y) {
    if (this.#held) return false;
    this.#held = { pointer, x, y };
    return true;
  }

  /**
   * @param {number} pointer
   * @param {number} x
   * @param {number} y
   * @param {number} radius
   */
  move(pointer, x, y, radius) {
    if (this.#held?.pointer !== pointer) return;
    const { x: right, y: down } = deflection(x - this.#held.x, y - this.#held.y, radius);
    this.x = right;
    this.y = down;
  }

  /** @param {number} pointer that is lifted or lost */
  release(pointer) {
    if (this.#held?.pointer === pointer) this.centre();
  }

  /** Whoever holds it, it is at rest. */
  centre() {
    this.#held = null;
    this.x = 0;
    this.y = 0;
  }

  /**
   * @param {keyof Axes | null} across the axis that it moves to the left
   * @param {keyof Axes | null} along the axis that it moves up
   * @returns {Input}
   */
  read(across, along) {
    const input = noInput();
    if (across) input.axes[across] = -withoutDeadZone(this.x) || 0;
    if (along) input.axes[along] = -withoutDeadZone(this.y) || 0;
    return { ...input, hold: this.isHeld, neutral: !this.isHeld };
  }
}

/** The stick as one sees it. */
export class Stick {
  #model = new StickModel();
  #element;
  #knob;
  #onChange;

  /**
   * @param {HTMLElement} element
   * @param {(lost: boolean) => void} onChange called after each change; `lost` if the finger was taken away
   * @param {AbortSignal} signal ends the listeners
   */
  constructor(element, onChange, signal) {
    this.#element = element;
    this.#knob = /** @type {HTMLElement} */ (element.querySelector('.drive-knob'));
    this.#onChange = onChange;
    const on = (/** @type {string} */ type, /** @type {(event: PointerEvent) => void} */ listener) =>
      element.addEventListener(type, (event) => listener(/** @type {PointerEvent} */ (event)), { signal });
    on('pointerdown', (event) => this.#onPress(event));
    on('pointermove', (event) => {
      this.#model.move(event.pointerId, event.clientX, event.clientY, this.#radius);
      this.#show();
      if (this.isHeld) this.#onChange(false);
    });
    on('pointerup', (event) => this.#onRelease(event, false));
    on('pointercancel', (event) => this.#onRelease(event, true));
    on('lostpointercapture', (event) => this.#onRelease(event, true));
    on('contextmenu', (event) => event.preventDefault());
  }

  get isHeld() {
    return this.#model.isHeld;
  }

  /** Whoever holds it, it is at rest. */
  centre() {
    this.#model.centre();
    this.#show();
  }

  /**
   * @param {keyof Axes | null} across the axis that it moves to the left
   * @param {keyof Axes | null} along the axis that it moves up
   */
  read(across, along) {
    return this.#model.read(across, along);
  }

  get #radius() {
    return this.#element.clientWidth / 2 * 0.8;
  }

  /** @param {PointerEvent} event */
  #onPress(event) {
    event.preventDefault();
    if (event.button !== 0 || !this.#model.press(event.pointerId, event.clientX, event.clientY)) return;
    this.#element.setPointerCapture(event.pointerId);
    this.#show();
    this.#onChange(false);
  }

  /**
   * @param {PointerEvent} event
   * @param {boolean} lost
   */
  #onRelease(event, lost) {
    const held = this.isHeld;
    this.#model.release(event.pointerId);
    if (!held || this.isHeld) return;
    this.#show();
    this.#onChange(lost);
  }

  #show() {
    const radius = this.#radius;
    this.#element.classList.toggle('is-held', this.isHeld);
    this.#knob.style.setProperty('translate', `${this.#model.x * radius * 0.6}px ${this.#model.y * radius * 0.6}px`);
  }
}
