// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * How long a client waits before it tries again.
 *
 * @module whep/backoff
 */

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 8_000;

/**
 * How long to wait before a further attempt: 0.5 s, 1 s, 2 s, … at most 8 s. Up to a fifth is taken off by chance, so
 * that the viewers of a bridge that comes back do not all ask in the same instant.
 *
 * @param {number} failures how many attempts have failed in a row, at least 1
 * @returns {number} milliseconds
 */
function backoff(failures) {
  const delay = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (failures - 1));
  return delay * (1 - 0.2 * Math.random());
}

/**
 * How long to wait after a failure of a kind.
 *
 * @param {import('./errors.js').WhepError | null} error
 * @param {number} failures how many attempts have failed in a row
 * @returns {number} milliseconds
 */
export function pauseAfter(error, failures) {
  if (error?.retryAfterMs != null) return Math.max(BACKOFF_FIRST_MS, error.retryAfterMs);
  return error?.isRefusal ? BACKOFF_MAX_MS : backoff(Math.max(1, failures));
}
