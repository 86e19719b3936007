// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * What is asked of the bridge beside the control connection: to stop, to go on, and who drives.
 *
 * @module drive/requests
 */

import { errorFrom } from '../whep/errors.js';

/** A request to stop that is not answered within so long is sent again. */
const STOP_TIMEOUT_MS = 1_000;
const REQUEST_TIMEOUT_MS = 5_000;

/**
 * @typedef {object} Teleop what the bridge says of driving, in `/cameras` and at `/teleop`
 * @property {boolean} stopped
 * @property {string} reason
 * @property {'disarmed' | 'armed' | 'driving'} state
 * @property {{number: number, name: string} | null} driver
 * @property {{name: string} | null} [asking] who asks the driver for the lock
 * @property {string} topic
 * @property {string} type
 * @property {number} subscribers
 * @property {string} problem why driving is in vain; "" if all is well
 * @property {boolean} holonomic
 * @property {boolean} head
 * @property {boolean} may_stop
 * @property {boolean} may_drive
 * @property {number} max_age seconds that the picture may be old
 * @property {number} max_gap seconds that nothing may be heard, either way
 * @property {import('./guides.js').Mounting | null} guides
 */

/**
 * @param {URL} url
 * @param {RequestInit} options
 * @param {number} timeout ms
 * @returns {Promise<Response>}
 * @throws {import('../whep/errors.js').WhepError} if the bridge refuses
 */
async function ask(url, options, timeout) {
  const response = await fetch(url, { cache: 'no-store', signal: AbortSignal.timeout(timeout), ...options });
  if (!response.ok) throw await errorFrom(response);
  return response;
}

/**
 * @param {URL} base
 * @returns {Promise<Teleop>}
 */
export async function getTeleop(base) {
  return (await ask(new URL('teleop', base), {}, REQUEST_TIMEOUT_MS)).json();
}

/**
 * @param {URL} base
 * @param {string} name of whoever stops
 */
export async function postStop(base, name) {
  await ask(named('teleop/stop', base, name), { method: 'POST', keepalive: true }, STOP_TIMEOUT_MS);
}

/**
 * @param {URL} base
 * @param {string} name of whoever resets
 */
export async function postReset(base, name) {
  await ask(named('teleop/reset', base, name), { method: 'POST' }, REQUEST_TIMEOUT_MS);
}

/**
 * @param {string} path
 * @param {URL} base
 * @param {string} name
 */
function named(path, base, name) {
  return new URL(`${path}?${new URLSearchParams({ name })}`, base);
}

/**
 * @param {URL} session
 * @param {'ask' | 'grant' | 'keep' | 'take' | 'release'} what
 */
export async function postLock(session, what) {
  const url = new URL(session);
  url.pathname += '/lock';
  const headers = { 'Content-Type': 'application/json' };
  await ask(url, { method: 'POST', headers, body: JSON.stringify({ do: what }) }, REQUEST_TIMEOUT_MS);
}
