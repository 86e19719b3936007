// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * Why a picture is frozen or late, and what to do: pure.
 *
 * @module tile/reasons
 */

import { age } from './units.js';

/** The bridge does not answer if it owes an answer for so long, and for so many times what it usually takes. */
const SILENT_MS = 300;
const USUAL_TIMES = 4;

/** A camera delivers nothing whose newest picture is nearly as old as the one that is shown. */
const STOPPED = 0.5;

/**
 * @typedef {object} Facts
 * @property {import('../bridge.js').Camera} camera as the bridge described it last
 * @property {number} still for how many ms nothing new has been shown
 * @property {number} silence for how many ms the bridge has owed an answer
 * @property {boolean} heard whether something arrives, though nothing is shown
 * @property {number} cameraMs how old the newest picture was that the bridge had
 * @property {number} deviceMs how long this device took from the arrival of what it shows
 * @property {number} ageMs of what is shown
 * @property {number | null} roundTripMs of the network
 */

/**
 * @param {Facts} facts
 * @returns {string} why nothing new is shown
 */
export function whyFrozen({ camera, still, silence, heard, roundTripMs }) {
  if (silence > Math.max(SILENT_MS, USUAL_TIMES * (roundTripMs ?? 0))) {
    return 'The robot does not answer: its streamer hangs, or the network to it is lost. It is asked again and again.';
  }
  if (camera.age !== null && camera.age * 1000 > STOPPED * still) {
    if (camera.loss) return camera.loss;
    return `Nothing comes on ${camera.topic} any more. Does the node of the camera “${camera.name}” still run?`;
  }
  if (heard) {
    return 'Something arrives, but no whole picture: the network loses too much. '
      + 'Smaller pictures are tried; go nearer to the robot.';
  }
  return 'The robot sends pictures, and none arrives: the network does not carry them. Go nearer to the robot.';
}

/**
 * @param {Facts} facts
 * @returns {string} why what is shown is so old
 */
export function whyLate({ camera, cameraMs, deviceMs, ageMs, roundTripMs }) {
  const networkMs = ageMs - cameraMs - deviceMs;
  if (cameraMs >= Math.max(networkMs, deviceMs)) {
    return `On ${camera.topic} pictures come ${age(cameraMs)} old: the camera’s node is slow, or its clock is behind.`;
  }
  if (deviceMs > networkMs) return 'This device is too busy to show the pictures in time: close other programs.';
  const trip = roundTripMs === null ? '' : ` (round trip ${age(roundTripMs)})`;
  return `The network is slow${trip}. Go nearer to the robot, or lower the bridge’s parameter bitrate.`;
}
