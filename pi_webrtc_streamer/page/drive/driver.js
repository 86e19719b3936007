// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * Whether the robot may be driven from this page now: whenever anything is in doubt, it may not.
 *
 * @module drive/driver
 */

import { noInput } from './inputs.js';
import { noAxes } from './protocol.js';

/** The robot has said that it knows of the wish for so long, and has not armed. */
const REFUSED_MS = 1_000;

/** So long does whoever pressed Drive wait for what is missing; later, they would be surprised. */
const PATIENCE_MS = 10_000;

/** The reason that goes with the stop: it says nothing more once that is reset. */
export const STOPPED = 'Stopped.';

/** @typedef {import('./inputs.js').Input} Input */
/** @typedef {import('./protocol.js').Command} Command */
/** @typedef {import('./protocol.js').Status} Status */

/**
 * @typedef {object} Facts what the page knows at a moment
 * @property {string} camera name of the camera that is driven by; "" if there is none
 * @property {number | null} index of it, in the bridge's list
 * @property {string} picture what is wrong with its picture; "" if nothing is
 * @property {number} rtp timestamp of the picture last shown
 * @property {Input} input
 * @property {boolean} mistrusted whether the inputs count only once they are neutral
 * @property {boolean} visible whether the page can be seen
 * @property {boolean} focused whether keys come to it
 * @property {boolean} open whether there is a control connection
 * @property {number} silence ms since the last status
 * @property {number} patience ms without one after which nobody knows what the robot does, or without a look at the
 *   inputs after which what they say is old
 * @property {boolean} stopping whether Stop was pressed and is not yet acknowledged
 */

/** The page's own state machine: off, arming, armed, driving. Pure: the clock is the caller's, in ms. */
export class Driver {
  /** @type {Facts} */
  #facts = {
    camera: '', index: null, picture: '', rtp: 0, input: noInput(), mistrusted: false,
    visible: true, focused: true, open: false, silence: Infinity, patience: 0, stopping: false,
  };
  /** @type {Status | null} */
  #status = null;
  #camera = '';
  #begunAt = 0;
  #steppedAt = -Infinity;
  #sequence = 0;
  /** Sequence of the first command that did not ask to arm, since one did: the robot has to have seen it. */
  #clearFrom = 0;
  /** Sequence of the first command that asked to arm, since one did not. */
  #armFrom = 0;
  /** When the robot first said that it has seen that. @type {number | null} */
  #heardAt = null;

  /** @type {'off' | 'arming' | 'armed' | 'driving'} */
  state = 'off';
  /** Why it is off, or what arming waits for; "" if there is nothing to say. */
  reason = '';

  /** Whether commands ask the robot to be armed. */
  arms = false;

  /** Whether the operator's keys are meant for the robot. */
  get isOn() {
    return this.state !== 'off';
  }

  /**
   * The operator wants to drive.
   *
   * @param {number} now
   */
  begin(now) {
    if (this.isOn) return;
    this.#begunAt = now;
    this.#camera = this.#facts.camera;
    this.#enter('arming', '');
  }

  /** @param {string} reason a sentence for people; "" if there is nothing to explain */
  disarm(reason) {
    this.arms = false;
    this.#enter('off', reason);
  }

  /** There is another control connection: the robot knows nothing of the one before. */
  renew() {
    this.#status = null;
    this.#sequence = 0;
    this.#clearFrom = 0;
    this.#armFrom = 0;
    this.#heardAt = null;
  }

  /** @param {Status} status */
  note(status) {
    this.#status = status;
  }

  /**
   * Takes the facts in, and draws the conclusions. To be called often, and when something has happened.
   *
   * @param {Facts} facts
   * @param {number} now
   * @returns {boolean} whether that has just disarmed: the robot has to be told at once
   */
  step(facts, now) {
    const armed = this.arms;
    const gap = now - this.#steppedAt;
    this.#steppedAt = now;
    this.#facts = facts;
    if (this.isOn) {
      const doubt = this.#doubt(gap);
      if (doubt) this.disarm(doubt);
      else if (this.state === 'arming') this.#arm(now);
      else this.#enter(facts.input.hold ? 'driving' : 'armed', '');
    }
    return armed && !this.arms;
  }

  /** @returns {Command} what to send now */
  command() {
    const { input, index, rtp, stopping } = this.#facts;
    const drives = this.arms && this.state === 'driving';
    this.#sequence += 1;
    if (this.arms) this.#armFrom ||= this.#sequence;
    else {
      if (this.#armFrom || !this.#clearFrom) this.#clearFrom = this.#sequence;
      this.#armFrom = 0;
    }
    return {
      arm: this.arms,
      hold: drives && input.hold,
      fast: drives && input.fast,
      slow: drives && input.slow,
      stop: input.stop || stopping,
      camera: index,
      sequence: this.#sequence,
      token: this.#status?.token ?? 0,
      heartbeat: this.#status?.heartbeat ?? 0,
      rtp,
      axes: drives ? input.axes : noAxes(),
    };
  }

  /**
   * @param {number} gap ms since the last look
   * @returns {string} why the robot must not be armed now; "" if there is no reason
   */
  #doubt(gap) {
    const { camera, input, visible, focused, stopping } = this.#facts;
    const status = this.#status;
    if (input.stop || stopping || status?.stopped) return STOPPED;
    if (!visible) return 'The page was hidden.';
    if (!focused && this.#moves()) return 'The window lost the focus.';
    if (camera !== this.#camera) return 'You changed the camera.';
    if (status?.lockOthers) return status.reason || 'Somebody else drives.';
    return this.arms ? this.#doubtArmed(gap) : '';
  }

  /** @returns {boolean} whether the robot moves, or would now */
  #moves() {
    return this.state === 'driving' || this.#facts.input.hold;
  }

  /** @param {number} gap */
  #doubtArmed(gap) {
    const { open, silence, patience, picture } = this.#facts;
    const status = this.#status;
    if (!open || !status) return 'The control connection broke.';
    if (!(silence <= patience)) return 'The robot was silent for a moment.';
    if (picture) return picture;
    if (this.state === 'arming') return '';
    if (gap > patience && this.#moves()) return 'This browser was busy for a moment.';
    if (!status.lockYours) return status.reason || 'You no longer drive.';
    if (status.state === 'disarmed') return status.reason || 'The robot has disarmed.';
    return '';
  }

  /** @param {number} now */
  #arm(now) {
    const status = this.#status;
    if (this.arms && status) {
      if (status.state !== 'disarmed' && status.echo >= this.#armFrom) this.#enter('armed', '');
      else this.#mindRefusal(status, now);
      return;
    }
    const missing = this.#missing();
    if (!missing) {
      this.arms = true;
      this.#heardAt = null;
    } else if (now - this.#begunAt > PATIENCE_MS) {
      this.disarm(missing);
    }
    this.reason = missing;
  }

  /** @returns {string} what has to come before the robot is asked to arm; "" if nothing has to */
  #missing() {
    const { open, silence, patience, picture, input, mistrusted } = this.#facts;
    const status = this.#status;
    if (!open || !status || !(silence <= patience)) return 'Connecting to the robot.';
    if (picture) return picture;
    if (!input.neutral || mistrusted) return 'Let go of all keys and sticks first.';
    if (this.#armFrom || !this.#clearFrom || status.echo < this.#clearFrom) return 'Connecting to the robot.';
    return '';
  }

  /**
   * @param {Status} status
   * @param {number} now
   */
  #mindRefusal(status, now) {
    if (!this.#armFrom || status.echo < this.#armFrom) return;
    this.#heardAt ??= now;
    if (now - this.#heardAt > REFUSED_MS) this.disarm(status.reason || 'The robot did not arm.');
  }

  /**
   * @param {Driver['state']} state
   * @param {string} reason
   */
  #enter(state, reason) {
    this.state = state;
    this.reason = reason;
  }
}
