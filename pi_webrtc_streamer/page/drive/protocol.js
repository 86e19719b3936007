// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * The messages of the control connection, byte by byte; docs/teleop.md has their layout. All numbers are big-endian.
 *
 * @module drive/protocol
 */

const VERSION = 1;
const COMMAND = 1;
const STATUS = 2;
const COMMAND_BYTES = 40;
const STATUS_BYTES = 56;
const NO_CAMERA = 255;

/** Flags of a command. */
const ARM = 1;
const HOLD = 2;
const FAST = 4;
const SLOW = 8;
const STOP = 16;

/** Flags of a status. */
const STOPPED = 1;
const LOCK_YOURS = 2;
const LOCK_OTHERS = 4;
const ASKED = 8;
const MAY_TAKE = 16;
const LISTENED = 32;

/** @type {readonly ['disarmed', 'armed', 'driving']} */
const STATES = ['disarmed', 'armed', 'driving'];

/**
 * @typedef {object} Axes deflections from -1 to 1, in the directions of REP 103
 * @property {number} forward
 * @property {number} left
 * @property {number} turn to the left
 * @property {number} pan of the head, to the left
 * @property {number} tilt of the head, up
 */

/**
 * @typedef {object} Command what the operator wants
 * @property {boolean} arm whether the robot shall be ready to be driven
 * @property {boolean} hold whether an input is held
 * @property {boolean} fast
 * @property {boolean} slow
 * @property {boolean} stop
 * @property {number | null} camera index in the bridge's list of the camera that is driven by
 * @property {number} sequence 1, 2, 3, …
 * @property {number} token the lock's, from the newest status; 0 if there is none
 * @property {number} heartbeat the newest status' counter; 0 if there is none
 * @property {number} rtp RTP timestamp of the picture last shown
 * @property {Axes} axes
 */

/**
 * @typedef {object} Status what the robot does
 * @property {'disarmed' | 'armed' | 'driving'} state
 * @property {boolean} stopped
 * @property {boolean} lockYours
 * @property {boolean} lockOthers
 * @property {boolean} asked whether somebody asks for the lock that is yours
 * @property {boolean} mayTake whether nobody has answered your asking for it
 * @property {boolean} listened whether somebody on the robot listens to the commands
 * @property {number} heartbeat
 * @property {number} token
 * @property {number} echo sequence of the newest command that has arrived; 0 if none has
 * @property {number} since seconds since then
 * @property {number} time seconds on the bridge's monotonic clock
 * @property {number} loopAge seconds; NaN where unknown
 * @property {number} forward m/s, as published last
 * @property {number} left m/s
 * @property {number} turn rad/s
 * @property {number} cap m/s that full deflection gives now
 * @property {number} odometry m/s; NaN where unknown
 * @property {number} battery 0 to 1; NaN where unknown
 * @property {string} reason why it is not armed; "" if there is none
 */

/** @returns {Axes} */
export function noAxes() {
  return { forward: 0, left: 0, turn: 0, pan: 0, tilt: 0 };
}

/**
 * @param {Command} command
 * @returns {ArrayBuffer} 40 bytes; what is no number is no deflection
 */
export function encodeCommand({ arm, hold, fast, slow, stop, camera, sequence, token, heartbeat, rtp, axes }) {
  const view = new DataView(new ArrayBuffer(COMMAND_BYTES));
  view.setUint8(0, VERSION);
  view.setUint8(1, COMMAND);
  view.setUint8(2, (arm ? ARM : 0) | (hold ? HOLD : 0) | (fast ? FAST : 0) | (slow ? SLOW : 0) | (stop ? STOP : 0));
  view.setUint8(3, camera !== null && camera < NO_CAMERA ? camera : NO_CAMERA);
  [sequence, token, heartbeat, rtp].forEach((value, i) => view.setUint32(4 + 4 * i, value));
  [axes.forward, axes.left, axes.turn, axes.pan, axes.tilt].forEach((value, i) => {
    view.setFloat32(20 + 4 * i, Number.isFinite(value) ? Math.max(-1, Math.min(1, value)) : 0);
  });
  return view.buffer;
}

/**
 * @param {ArrayBuffer} message
 * @returns {Status | null} null if it is no status of this version
 */
export function decodeStatus(message) {
  if (message.byteLength < STATUS_BYTES) return null;
  const view = new DataView(message);
  const state = STATES[view.getUint8(2)];
  if (view.getUint8(0) !== VERSION || view.getUint8(1) !== STATUS || !state) return null;
  const flags = view.getUint8(3);
  return {
    state,
    stopped: (flags & STOPPED) !== 0,
    lockYours: (flags & LOCK_YOURS) !== 0,
    lockOthers: (flags & LOCK_OTHERS) !== 0,
    asked: (flags & ASKED) !== 0,
    mayTake: (flags & MAY_TAKE) !== 0,
    listened: (flags & LISTENED) !== 0,
    heartbeat: view.getUint32(4),
    token: view.getUint32(8),
    echo: view.getUint32(12),
    since: view.getFloat32(16),
    time: view.getFloat64(20),
    loopAge: view.getFloat32(28),
    forward: view.getFloat32(32),
    left: view.getFloat32(36),
    turn: view.getFloat32(40),
    cap: view.getFloat32(44),
    odometry: view.getFloat32(48),
    battery: view.getFloat32(52),
    reason: new TextDecoder().decode(new Uint8Array(message, STATUS_BYTES)),
  };
}
