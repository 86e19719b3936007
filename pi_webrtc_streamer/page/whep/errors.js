// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * Why a WHEP session did not start or did not last, in sentences for people.
 *
 * @module whep/errors
 */

/** Why a session did not start or did not last. The message is a sentence for people. */
export class WhepError extends Error {
  /**
   * @param {string} message
   * @param {{status?: number, retryAfterMs?: number | null}} [details] the HTTP status, 0 if there was no answer, and
   *   how long the bridge asks to wait.
   */
  constructor(message, { status = 0, retryAfterMs = null } = {}) {
    super(message);
    this.name = 'WhepError';
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether the bridge does not know who asks: its token has changed, most likely. */
  get isLockedOut() {
    return this.status === 401;
  }

  /** Whether the same request is likely to be refused again. */
  get isRefusal() {
    return this.status >= 400 && this.status < 500 && this.status !== 408 && this.status !== 429;
  }
}

/**
 * The error that an HTTP answer means: in the server's words where it has some.
 *
 * @param {Response} response
 * @returns {Promise<WhepError>}
 */
export async function errorFrom(response) {
  let message = `The robot answered with HTTP status ${response.status}.`;
  try {
    const body = await response.json();
    if (typeof body.error === 'string' && body.error) message = body.error;
  } catch {
    // Not JSON (a proxy's page, perhaps): the status has to do.
  }
  return new WhepError(message, {
    status: response.status,
    retryAfterMs: parseRetryAfter(response.headers.get('Retry-After')),
  });
}

/**
 * @param {string | null} value a `Retry-After` header: seconds or a date
 * @returns {number | null} milliseconds from now
 */
function parseRetryAfter(value) {
  if (!value) return null;
  const ms = /^\s*\d+\s*$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}

/**
 * @param {unknown} reason what a failed `fetch` or WebRTC call threw
 * @returns {WhepError}
 */
export function toWhepError(reason) {
  if (reason instanceof WhepError) return reason;
  if (reason instanceof DOMException && reason.name === 'TimeoutError') {
    return new WhepError('The robot did not answer in time.');
  }
  if (reason instanceof TypeError) return new WhepError('The robot cannot be reached.');
  return new WhepError(`The browser could not set up the connection: ${reason}`);
}

/**
 * Why no connection can have come about, though the bridge has answered.
 *
 * @param {string} answer SDP, whose candidates say where the robot waits
 * @param {string} robot the host that the page came from: that way, at least, leads to the robot
 * @returns {string}
 */
export function whatIsBlocked(answer, robot) {
  const waits = [...answer.matchAll(/^a=candidate:\S+ \d+ udp \d+ (\S+) (\d+) typ host/gim)]
    .map(([, host, port]) => ({ host: host.includes(':') ? `[${host}]` : host, port }));
  const named = waits.find(({ host }) => host === robot);
  const where = (named ? [named] : waits.slice(0, 2)).map(({ host, port }) => `${host}:${port}`);
  const there = where.length > 0 ? ` to ${where.join(' and ')}` : '';
  return `No connection came about: UDP${there} is blocked. Open it in the firewall (the bridge’s parameter udp_port `
    + 'sets the port), or give the bridge a TURN server that takes TCP (turn_urls).';
}
