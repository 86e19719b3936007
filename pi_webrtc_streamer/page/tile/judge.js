// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * What a tile says of its camera. What arrives counts more than what anybody says of it.
 *
 * @module tile/judge
 */

import { whyFrozen } from './reasons.js';
import { duration, secondsOf } from './units.js';

/** @typedef {'connecting' | 'live' | 'frozen' | 'no-picture' | 'reconnecting' | 'offline' | 'blocked'} TileState */

/** @type {Record<TileState, string>} */
export const BADGES = {
  connecting: 'Connecting',
  live: 'Live',
  frozen: 'Frozen',
  'no-picture': 'No picture',
  reconnecting: 'Reconnecting',
  offline: 'Offline',
  blocked: 'Paused',
};

/** So short a time is told to the tenth of a second. */
const SHORT_MS = 10_000;

/** Camera states in which the bridge has no picture to send. */
const FAULTS = new Set(['waiting', 'stale', 'error', 'inactive']);

/**
 * @typedef {object} View what a tile shows
 * @property {TileState} state
 * @property {string} [title]
 * @property {string} [text]
 */

/**
 * What the operator is told.
 *
 * @param {object} facts
 * @param {import('../whep/client.js').WhepClient} facts.client
 * @param {import('../bridge.js').Camera} facts.camera as the bridge described it last
 * @param {boolean} facts.reachable whether the bridge answers
 * @param {boolean} facts.blocked whether the browser refuses to play
 * @param {import('./freshness.js').Judgement} facts.judgement of what is shown of this session
 * @param {import('./reasons.js').Facts} facts.reasons what is known of why it is not fresh
 * @returns {View}
 */
export function judge({ client, camera, reachable, blocked, judgement, reasons }) {
  const fault = reachable && FAULTS.has(camera.state) ? camera.reason || `The camera is ${camera.state}.` : '';
  if (client.state === 'connected') {
    if (blocked) {
      return { state: 'blocked', title: 'Tap to start', text: 'The browser does not play video before you touch it.' };
    }
    if (judgement.level !== 'none' && judgement.level !== 'frozen') return { state: 'live' };
    if (!reachable) return unreachable();
    const { level, still } = judgement;
    const frozen = `Frozen for ${still < SHORT_MS ? secondsOf(still) : duration(still)}`;
    if (fault) return { state: 'no-picture', title: level === 'frozen' ? frozen : 'No picture', text: fault };
    if (level === 'none') return { state: 'connecting', title: 'Waiting for the first picture' };
    return { state: 'frozen', title: frozen, text: whyFrozen(reasons) };
  }
  if (!reachable) return unreachable();
  // No attempt is made while the bridge is inactive: there is nothing to say of the connection.
  if (fault && camera.state === 'inactive') return { state: 'no-picture', title: 'No picture', text: fault };
  // The same state from the first failure to the next success: attempts shall not make the words flicker.
  if (client.error) return { state: 'reconnecting', title: 'Not connected', text: client.error.message };
  return { state: 'connecting', title: 'Connecting', text: fault };
}

/** @returns {View} */
function unreachable() {
  return {
    state: 'offline',
    title: navigator.onLine ? 'Robot not reachable' : 'This device has no network',
    text: 'The picture comes back by itself once the robot is switched on and in the same network.',
  };
}
