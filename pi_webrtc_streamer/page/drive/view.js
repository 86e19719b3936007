// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * What the operator is told of driving, and what they can do: words alone, of facts alone.
 *
 * @module drive/view
 */

import { STOPPED } from './driver.js';

/** @typedef {import('./channel.js').Channel} Channel */
/** @typedef {import('./driver.js').Driver} Driver */
/** @typedef {import('./protocol.js').Status} Status */
/** @typedef {import('./requests.js').Teleop} Teleop */

/** @typedef {'drive' | 'ask' | 'take' | 'grant' | 'keep' | 'done' | 'reset'} Action */

/**
 * @typedef {object} View
 * @property {'idle' | 'waiting' | 'off' | 'stopped' | 'armed' | 'driving'} state
 * @property {string} title
 * @property {string} text
 * @property {Action[]} actions
 * @property {'Stop' | 'Stopping…' | 'Stopped'} stop what the button to stop says
 */

/**
 * @typedef {object} Situation
 * @property {Teleop} teleop
 * @property {boolean} wanted whether the operator has chosen to drive
 * @property {Pick<Channel, 'isOpen' | 'error'>} channel
 * @property {Pick<Driver, 'state' | 'reason'>} driver
 * @property {Status | null} status the newest, while there is a connection
 * @property {{pending: boolean, late: boolean, problem: string}} stop
 * @property {boolean} asked whether this operator has asked to drive
 * @property {string} hint how to begin, for who has not driven yet
 * @property {string} notice what has just failed; "" if nothing has
 * @property {boolean} chosen whether it is clear by which camera one would drive
 */

/**
 * @param {Situation} situation
 * @returns {View}
 */
export function describe(situation) {
  const { teleop, stop, status, notice } = situation;
  const stopped = status?.stopped ?? teleop.stopped;
  const describeNow = stop.pending ? describeStopping : stopped ? describeStopped : describeDriving;
  const view = describeNow(situation);
  if (status?.asked) view.actions = ['grant', 'keep', ...view.actions];
  if (notice) view.text = notice;
  return { ...view, stop: stop.pending ? 'Stopping…' : stopped ? 'Stopped' : 'Stop' };
}

/** @typedef {Omit<View, 'stop'>} Words */

/**
 * @param {Situation} situation
 * @returns {Words}
 */
function describeStopping({ stop, wanted }) {
  const text = stop.late ? `Not confirmed yet. ${stop.problem || 'The robot has not answered.'}` : '';
  return { state: 'stopped', title: 'Stopping…', text, actions: wanted ? ['done'] : [] };
}

/**
 * @param {Situation} situation
 * @returns {Words}
 */
function describeStopped({ teleop, status, wanted }) {
  const by = status?.reason || teleop.reason;
  const again = teleop.may_drive ? 'Hold Reset for a second to go on.' : 'Whoever may drive can reset it.';
  /** @type {Action[]} */
  const actions = teleop.may_drive ? ['reset'] : [];
  return {
    state: 'stopped',
    title: 'Stopped',
    text: [by, again].filter(Boolean).join(' '),
    actions: wanted ? [...actions, 'done'] : actions,
  };
}

/**
 * @param {Situation} situation
 * @returns {Words}
 */
function describeDriving(situation) {
  const { teleop, wanted, channel, driver, status } = situation;
  if (!wanted) return describeIdle(situation);
  if (!channel.isOpen) {
    const text = channel.error ? channel.error.message : driver.state === 'off' ? driver.reason : '';
    return { state: 'waiting', title: channel.error ? 'Not connected' : 'Connecting', text, actions: ['done'] };
  }
  if (status?.lockOthers) return describeOthers(situation);
  switch (driver.state) {
    case 'arming':
      return { state: 'waiting', title: 'Getting ready', text: driver.reason, actions: ['done'] };
    case 'armed':
    case 'driving': {
      const asks = status?.asked ? status.reason || 'Somebody asks to drive.' : '';
      const text = asks || teleop.problem || status?.reason || situation.hint;
      return { state: driver.state, title: driver.state === 'armed' ? 'Armed' : 'Driving', text, actions: ['done'] };
    }
    default: {
      const reason = driver.reason === STOPPED ? '' : driver.reason;
      const text = reason || 'You may drive now.';
      return { state: 'off', title: 'Not armed', text, actions: ['drive', 'done'] };
    }
  }
}

/**
 * @param {Situation} situation
 * @returns {Words}
 */
function describeIdle({ teleop, chosen }) {
  const who = teleop.driver ? `${teleop.driver.name} drives.` : '';
  const text = [who, teleop.problem].filter(Boolean).join(' ');
  return { state: 'idle', title: '', text, actions: teleop.may_drive && chosen ? ['drive'] : [] };
}

/**
 * @param {Situation} situation
 * @returns {Words}
 */
function describeOthers({ teleop, status, asked }) {
  const title = teleop.driver ? `${teleop.driver.name} drives` : 'Somebody else drives';
  if (status?.mayTake) return { state: 'off', title, text: 'No answer. You may take over.', actions: ['take', 'done'] };
  if (asked) return { state: 'waiting', title, text: 'You have asked to drive.', actions: ['done'] };
  return { state: 'off', title, text: '', actions: ['ask', 'done'] };
}

/**
 * @param {number} value m/s or rad/s
 * @returns {string} with two digits, and never "-0.00"
 */
export function rate(value) {
  const text = value.toFixed(2);
  return text === '-0.00' ? '0.00' : text.replace('-', '−');
}

/**
 * @typedef {object} Figures texts; "" where nothing is known
 * @property {string} speed
 * @property {string} cap
 * @property {number} share of the cap, -1 to 1
 * @property {string} turn
 * @property {string} link
 * @property {string} loop
 * @property {string} odometry
 * @property {string} battery
 */

/**
 * @param {Status | null} status
 * @param {number} roundTripMs NaN where unknown
 * @param {boolean} slower
 * @returns {Figures}
 */
export function figuresOf(status, roundTripMs, slower) {
  if (!status) return { speed: '', cap: '', share: 0, turn: '', link: '', loop: '', odometry: '', battery: '' };
  const { forward, left, turn, cap, loopAge, odometry, battery } = status;
  const speed = left === 0 ? forward : Math.sign(forward || 1) * Math.hypot(forward, left);
  const trip = Number.isNaN(roundTripMs) ? '' : `Link ${Math.max(1, Math.round(roundTripMs))} ms`;
  return {
    speed: `${rate(speed)} m/s`,
    cap: `of ${rate(cap)}`,
    share: cap > 0 ? Math.max(-1, Math.min(1, speed / cap)) : 0,
    turn: turn === 0 ? '' : `turn ${rate(turn)} rad/s`,
    link: slower ? [trip || 'Link', 'slower: no UDP'].join(', ') : trip,
    loop: Number.isNaN(loopAge) ? '' : `Loop ${Math.round(loopAge * 1000)} ms`,
    odometry: Number.isNaN(odometry) ? '' : `Odometry ${rate(odometry)} m/s`,
    battery: Number.isNaN(battery) ? '' : `Battery ${Math.round(battery * 100)} %`,
  };
}
