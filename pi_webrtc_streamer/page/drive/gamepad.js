// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * Driving by gamepad, with the W3C's standard mapping alone: where other pads have which button, nobody knows.
 *
 * @module drive/gamepad
 */

import { noInput, withoutDeadZone } from './inputs.js';

/** Buttons of the standard mapping, by the names of an Xbox pad. */
const A = 0;
const B = 1;
const X = 2;
const LB = 4;
const RB = 5;
const LT = 6;
const PAD_LEFT = 14;
const PAD_RIGHT = 15;

/** @typedef {import('./inputs.js').Input} Input */

/** @typedef {Pick<Gamepad, 'id' | 'index' | 'mapping' | 'connected' | 'axes' | 'buttons'>} Pad */

/**
 * @typedef {object} Reading
 * @property {Input} input
 * @property {boolean} reset whether the buttons for a reset are held
 * @property {string} name of the pad; "" if there is none
 * @property {string} refused the name of a pad that cannot be driven with
 * @property {string} fault why nothing of it can be trusted any more; "" if all is well
 */

/** Reads one pad at a time, and notices when it is no longer the same. */
export class Gamepads {
  /** The pad in use. @type {{index: number, id: string} | null} */
  #used = null;

  /**
   * @param {readonly (Pad | null)[]} pads as `navigator.getGamepads()` returns them
   * @returns {Reading}
   */
  read(pads) {
    const usable = (/** @type {Pad | null | undefined} */ pad) => pad?.connected && pad.mapping === 'standard';
    const refused = pads.find((pad) => pad?.connected && !usable(pad))?.id ?? '';
    const used = this.#used;
    if (used) {
      const pad = pads[used.index];
      if (!pad || !usable(pad) || pad.id !== used.id || pad.index !== used.index) {
        return this.#give('The gamepad is gone.', refused);
      }
      if (![...pad.axes].every(Number.isFinite)) return this.#give('The gamepad makes no sense.', refused);
      return { ...readPad(pad), name: pad.id, refused, fault: '' };
    }
    const found = pads.findIndex(usable);
    const pad = pads[found];
    if (!pad) return { input: noInput(), reset: false, name: '', refused, fault: '' };
    this.#used = { index: found, id: pad.id };
    return this.read(pads);
  }

  /**
   * @param {string} fault
   * @param {string} refused
   * @returns {Reading}
   */
  #give(fault, refused) {
    this.#used = null;
    return { input: noInput(), reset: false, name: '', refused, fault };
  }
}

/**
 * @param {Pad} pad
 * @returns {{input: Input, reset: boolean}}
 */
function readPad({ axes, buttons }) {
  const pressed = (/** @type {number} */ button) => buttons[button]?.pressed === true;
  const stick = (/** @type {number} */ axis) => -withoutDeadZone(axes[axis] ?? 0) || 0;
  const deflected = {
    forward: stick(1),
    left: Number(pressed(PAD_LEFT)) - Number(pressed(PAD_RIGHT)),
    turn: stick(0),
    pan: stick(2),
    tilt: stick(3),
  };
  const hold = pressed(LB);
  return {
    input: {
      hold,
      fast: pressed(RB),
      slow: pressed(X),
      stop: pressed(B),
      axes: deflected,
      neutral: !hold && Object.values(deflected).every((value) => value === 0),
    },
    reset: pressed(LT) && pressed(A),
  };
}
