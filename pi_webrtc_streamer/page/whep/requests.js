// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * The requests of WHEP: POST for a session, PATCH for its candidates, DELETE for its end.
 *
 * @module whep/requests
 */

import { WhepError, errorFrom } from './errors.js';

/** How long the bridge may take to answer a request. */
const REQUEST_TIMEOUT_MS = 10_000;

/**
 * @param {URL} url
 * @param {string} offer
 * @returns {Promise<{answer: string, resource: URL, etag: string | null}>}
 * @throws {WhepError} if the bridge refuses, or its answer is not WHEP
 */
export async function postOffer(url, offer) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/sdp' },
    body: offer,
    cache: 'no-store',
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  if (response.status !== 201) throw await errorFrom(response);
  const location = response.headers.get('Location');
  if (!location) throw new WhepError('The robot’s answer is not WHEP: it names no session.', { status: 201 });
  return {
    answer: await response.text(),
    resource: new URL(location, response.url),
    etag: response.headers.get('ETag'),
  };
}

/**
 * @param {URL} resource
 * @param {string | null} etag
 * @param {string} fragment of an SDP, with candidates (RFC 8840)
 */
export async function patchFragment(resource, etag, fragment) {
  await fetch(resource, {
    method: 'PATCH',
    headers: {
      'Content-Type': 'application/trickle-ice-sdpfrag',
      ...(etag && { 'If-Match': etag }),
    },
    body: fragment,
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
}

/**
 * Tells the bridge that a session is over; `keepalive` lets the request outlive the page.
 *
 * @param {URL} resource
 */
export function deleteSession(resource) {
  fetch(resource, { method: 'DELETE', keepalive: true }).catch(() => {
    // The bridge is gone, or will notice by itself.
  });
}
