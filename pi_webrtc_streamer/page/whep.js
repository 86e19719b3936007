/**
 * WHEP (WebRTC-HTTP Egress Protocol) for one video stream. A `WhepSession` is one connection, from the offer to its
 * end; a `WhepClient` keeps a session up for as long as it is wanted. Nothing in here knows about a page.
 *
 * @module whep
 */

/** How long the bridge may take to answer a request. */
const REQUEST_TIMEOUT_MS = 10_000;

/** From the answer to a connection. The browser itself would try for over a minute. */
const CONNECT_TIMEOUT_MS = 10_000;

/** A connection often recovers from "disconnected" by itself (a roaming Wi-Fi); longer than this it is lost. */
const DISCONNECTED_GRACE_MS = 2_000;

/** A connection that has lasted this long counts as a success even if no picture has been seen. */
const STABLE_AFTER_MS = 3_000;

/** Candidates come in bursts: those of one burst travel in one request. */
const TRICKLE_BURST_MS = 30;

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 8_000;

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
 * How long to wait before a further attempt: 0.5 s, 1 s, 2 s, … at most 8 s. Up to a fifth is taken off by chance, so
 * that the viewers of a bridge that comes back do not all ask in the same instant.
 *
 * @param {number} failures how many attempts have failed in a row, at least 1
 * @returns {number} milliseconds
 */
export function backoff(failures) {
  const delay = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (failures - 1));
  return delay * (1 - 0.2 * Math.random());
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
function toWhepError(reason) {
  if (reason instanceof WhepError) return reason;
  if (reason instanceof DOMException && reason.name === 'TimeoutError') {
    return new WhepError('The robot did not answer in time.');
  }
  if (reason instanceof TypeError) return new WhepError('The robot cannot be reached.');
  return new WhepError(`The browser could not set up the connection: ${reason}`);
}

/**
 * Restricts a transceiver to one codec and its retransmissions.
 *
 * @param {RTCRtpTransceiver} transceiver
 * @param {string | null} codec "vp8", "h264", …; null leaves the choice to the bridge
 */
function preferCodec(transceiver, codec) {
  if (!codec) return;
  const codecs = RTCRtpReceiver.getCapabilities('video')?.codecs ?? [];
  const named = (/** @type {string} */ name) =>
    codecs.filter(({ mimeType }) => mimeType.toLowerCase() === `video/${name}`);
  const wanted = named(codec.toLowerCase());
  if (wanted.length === 0) throw new WhepError(`This browser cannot play the codec “${codec}”.`);
  transceiver.setCodecPreferences([...wanted, ...named('rtx')]);
}

/**
 * Asks for every frame to be shown as soon as it is decoded: by default a browser holds frames back to even out their
 * arrival, which costs a driver more than an uneven rhythm does.
 *
 * @param {RTCRtpReceiver & {jitterBufferTarget?: number | null, playoutDelayHint?: number | null}} receiver
 */
function playAtOnce(receiver) {
  if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0;
  if ('playoutDelayHint' in receiver) receiver.playoutDelayHint = 0;
}

/** Sends local ICE candidates to a WHEP resource (RFC 8840 fragments by PATCH), a burst at a time and in order. */
class Trickle {
  #ufrag;
  #pwd;
  /** @type {string[]} */
  #lines = [];
  /** @type {URL | null} */
  #resource = null;
  /** @type {string | null} */
  #etag = null;
  /** @type {number | undefined} */
  #timer;
  #sending = false;
  #closed = false;

  /** @param {string} offer the SDP whose ICE credentials the fragments carry */
  constructor(offer) {
    this.#ufrag = /^a=ice-ufrag:(.*?)\r?$/m.exec(offer)?.[1] ?? '';
    this.#pwd = /^a=ice-pwd:(.*?)\r?$/m.exec(offer)?.[1] ?? '';
    this.mid = /^a=mid:(.*?)\r?$/m.exec(offer)?.[1] ?? '0';
  }

  /** @param {RTCIceCandidate | null} candidate null after the last one */
  add(candidate) {
    // An empty candidate ends a generation, null ends gathering: the second says it all.
    if (candidate && !candidate.candidate) return;
    this.#lines.push(candidate ? `a=${candidate.candidate}` : 'a=end-of-candidates');
    this.#schedule();
  }

  /**
   * The resource is known now: what has been gathered meanwhile goes there at once.
   *
   * @param {URL} resource
   * @param {string | null} etag
   */
  open(resource, etag) {
    this.#resource = resource;
    this.#etag = etag;
    void this.#send();
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule() {
    if (!this.#resource || this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#send(), TRICKLE_BURST_MS);
  }

  async #send() {
    if (!this.#resource || this.#closed || this.#sending || this.#lines.length === 0) return;
    const body = this.#fragment(this.#lines.splice(0));
    this.#sending = true;
    try {
      await fetch(this.#resource, {
        method: 'PATCH',
        headers: {
          'Content-Type': 'application/trickle-ice-sdpfrag',
          ...(this.#etag && { 'If-Match': this.#etag }),
        },
        body,
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
    } catch {
      // Not fatal: the bridge learns this side's addresses from its connectivity checks, too.
    } finally {
      this.#sending = false;
    }
    this.#schedule();
  }

  /** @param {string[]} lines */
  #fragment(lines) {
    return [
      `a=group:BUNDLE ${this.mid}`,
      'm=video 9 UDP/TLS/RTP/SAVPF 0',
      `a=mid:${this.mid}`,
      `a=ice-ufrag:${this.#ufrag}`,
      `a=ice-pwd:${this.#pwd}`,
      ...lines,
      '',
    ].join('\r\n');
  }
}

/**
 * @typedef {object} SessionOptions
 * @property {URL} url where to post the offer
 * @property {RTCIceServer[]} iceServers
 * @property {string | null} codec the only codec to offer, or null
 * @property {() => void} onConnected called when media can flow
 * @property {(error: WhepError) => void} onLost called when the session cannot start or has ended, unless `close` was
 *   called before; the session closes itself right afterwards
 */

/** One WHEP connection, from the offer to its end. It does not come back: that is the work of `WhepClient`. */
export class WhepSession {
  #options;
  /** Takes every listener off, whatever ends the session. */
  #listeners = new AbortController();
  /** @type {number | undefined} */
  #timer;
  /** @type {Trickle | null} */
  #trickle = null;
  /** @type {URL | null} */
  #resource = null;
  #connected = false;
  #closed = false;

  /**
   * @param {SessionOptions} options
   * @throws {Error} if the browser refuses the ICE servers or lacks the codec
   */
  constructor(options) {
    this.#options = options;
    this.createdAt = performance.now();
    this.pc = new RTCPeerConnection({ iceServers: options.iceServers, bundlePolicy: 'max-bundle' });
    try {
      this.transceiver = this.pc.addTransceiver('video', { direction: 'recvonly' });
      preferCodec(this.transceiver, options.codec);
      playAtOnce(this.transceiver.receiver);
    } catch (reason) {
      this.pc.close();
      throw reason;
    }
    this.stream = new MediaStream([this.transceiver.receiver.track]);
  }

  /** Negotiates. Failures are told to `onLost`. */
  async start() {
    try {
      await this.#negotiate();
    } catch (reason) {
      this.#lose(toWhepError(reason));
    }
  }

  /** Ends the session here and at the bridge. Safe to call at any time, and twice. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#listeners.abort();
    this.#trickle?.close();
    this.pc.close();
    this.#release();
  }

  async #negotiate() {
    const offer = await this.pc.createOffer();
    if (this.#closed) return;
    const trickle = new Trickle(offer.sdp ?? '');
    this.#trickle = trickle;
    this.#listen(this.pc, 'icecandidate', (event) =>
      trickle.add(/** @type {RTCPeerConnectionIceEvent} */ (event).candidate));
    this.#listen(this.pc, 'connectionstatechange', () => this.#onConnectionState());
    await this.pc.setLocalDescription(offer);
    if (this.#closed) return;

    const { answer, resource, etag } = await this.#post(offer.sdp ?? '');
    this.#resource = resource;
    if (this.#closed) {
      // Closed while the bridge was setting the session up: the DELETE could not be sent before now.
      this.#release();
      return;
    }
    this.#giveUpAfter(CONNECT_TIMEOUT_MS, 'No connection came about: a firewall or the network is in the way.');
    await this.pc.setRemoteDescription({ type: 'answer', sdp: answer });
    if (this.#closed) return;
    trickle.open(resource, etag);
    this.#watchTransport();
  }

  /**
   * @param {string} offer
   * @returns {Promise<{answer: string, resource: URL, etag: string | null}>}
   */
  async #post(offer) {
    const response = await fetch(this.#options.url, {
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

  #onConnectionState() {
    switch (this.pc.connectionState) {
      case 'connected':
        clearTimeout(this.#timer);
        if (!this.#connected) {
          this.#connected = true;
          this.#options.onConnected();
        }
        break;
      case 'disconnected':
        this.#giveUpAfter(DISCONNECTED_GRACE_MS, 'The connection to the robot broke.');
        break;
      case 'failed':
        this.#lose(new WhepError(this.#connected
          ? 'The connection to the robot broke.'
          : 'No connection came about: a firewall or the network is in the way.'));
        break;
      case 'closed':
        this.#lose(new WhepError('The connection was closed.'));
        break;
    }
  }

  /** A bridge that ends in good order closes DTLS, which shows here at once and in `connectionState` much later. */
  #watchTransport() {
    const transport = this.transceiver.receiver.transport;
    if (!transport) return;
    this.#listen(transport, 'statechange', () => {
      if (transport.state === 'closed' || transport.state === 'failed') {
        this.#lose(new WhepError('The robot ended the connection.'));
      }
    });
  }

  /**
   * @param {EventTarget} target
   * @param {string} type
   * @param {(event: Event) => void} listener
   */
  #listen(target, type, listener) {
    target.addEventListener(type, listener, { signal: this.#listeners.signal });
  }

  /**
   * @param {number} ms
   * @param {string} message
   */
  #giveUpAfter(ms, message) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lose(new WhepError(message)), ms);
  }

  /** @param {WhepError} error */
  #lose(error) {
    if (this.#closed) return;
    this.#options.onLost(error);
    this.close();
  }

  /** Tells the bridge that the session is over; `keepalive` lets the request outlive the page. */
  #release() {
    if (!this.#resource) return;
    const resource = this.#resource;
    this.#resource = null;
    fetch(resource, { method: 'DELETE', keepalive: true }).catch(() => {
      // The bridge is gone, or will notice by itself.
    });
  }
}

/**
 * @typedef {object} ClientOptions
 * @property {URL} url where to post the offers
 * @property {() => RTCIceServer[]} iceServers asked before each attempt
 * @property {string | null} codec the only codec to offer, or null
 * @property {() => void} onChange called after each change of `state`
 * @property {() => void} onEnding called before a session is closed, while its last picture can still be read
 */

/** Keeps a WHEP session up: connects, and connects again with growing pauses after a failure. */
export class WhepClient {
  #options;
  /** @type {WhepSession | null} */
  #session = null;
  /** @type {number | undefined} */
  #retryTimer;
  /** @type {number | undefined} */
  #stableTimer;
  #attempts = 0;
  #failures = 0;
  #held = false;

  /** @type {'idle' | 'connecting' | 'connected' | 'waiting' | 'closed'} */
  state = 'idle';
  /** Why the last session ended; null while one is up. @type {WhepError | null} */
  error = null;
  /** When the next attempt is due, on the clock of `performance.now()`. @type {number | null} */
  retryAt = null;
  /** When the present session connected, on the same clock. @type {number | null} */
  connectedAt = null;

  /** @param {ClientOptions} options */
  constructor(options) {
    this.#options = options;
  }

  /** @returns {RTCPeerConnection | null} */
  get pc() {
    return this.#session?.pc ?? null;
  }

  /** @returns {MediaStream | null} */
  get stream() {
    return this.#session?.stream ?? null;
  }

  /** When the present session began, on the clock of `performance.now()`. @returns {number | null} */
  get sessionSince() {
    return this.#session?.createdAt ?? null;
  }

  /** How many attempts there have been after the first. */
  get reconnects() {
    return Math.max(0, this.#attempts - 1);
  }

  /** Whether the bridge has said when to come back. */
  get mustWait() {
    return this.state === 'waiting' && this.error?.retryAfterMs != null;
  }

  start() {
    if (this.state !== 'idle') return;
    if (this.#held) this.#enter('waiting');
    else this.#connect();
  }

  /** The session serves its purpose: after its end, the back-off starts anew. */
  confirm() {
    this.#failures = 0;
  }

  /** Cuts a pause short, for there is a new reason to hope; but not one that the bridge has asked for. */
  retryNow() {
    if (this.state === 'waiting' && !this.#held && !this.mustWait) this.#connect();
  }

  /** Gives up the present session, if any, and connects anew without a pause. */
  reconnect() {
    if (this.state === 'idle' || this.state === 'closed') return;
    this.#failures = 0;
    this.#endSession();
    if (this.#held) this.#pause(null);
    else this.#connect();
  }

  /**
   * Gives up the present session as useless, and tries again after a pause.
   *
   * @param {WhepError} error
   */
  abandon(error) {
    if (this.#session) this.#onLost(error);
  }

  /**
   * While held, no attempt is made, since it would be refused; a session that is up is left alone.
   *
   * @param {boolean} held
   */
  hold(held) {
    if (held === this.#held) return;
    this.#held = held;
    if (this.state !== 'waiting') return;
    if (held) this.#pause(this.error);
    else this.#connect();
  }

  close() {
    if (this.state === 'closed') return;
    clearTimeout(this.#retryTimer);
    this.retryAt = null;
    this.#endSession();
    this.#enter('closed');
  }

  #connect() {
    clearTimeout(this.#retryTimer);
    this.retryAt = null;
    this.#attempts += 1;
    try {
      this.#session = new WhepSession({
        url: this.#options.url,
        iceServers: this.#options.iceServers(),
        codec: this.#options.codec,
        onConnected: () => this.#onConnected(),
        onLost: (error) => this.#onLost(error),
      });
    } catch (reason) {
      this.#onLost(toWhepError(reason));
      return;
    }
    void this.#session.start();
    this.#enter('connecting');
  }

  #onConnected() {
    this.error = null;
    this.connectedAt = performance.now();
    this.#stableTimer = setTimeout(() => this.confirm(), STABLE_AFTER_MS);
    this.#enter('connected');
  }

  /** @param {WhepError} error */
  #onLost(error) {
    this.#failures += 1;
    this.#endSession();
    this.#pause(error);
  }

  #endSession() {
    clearTimeout(this.#stableTimer);
    this.connectedAt = null;
    if (!this.#session) return;
    this.#options.onEnding();
    this.#session.close();
    this.#session = null;
  }

  /** @param {WhepError | null} error */
  #pause(error) {
    clearTimeout(this.#retryTimer);
    this.error = error;
    this.retryAt = null;
    if (!this.#held) {
      const delay = this.#delayAfter(error);
      this.retryAt = performance.now() + delay;
      this.#retryTimer = setTimeout(() => this.#connect(), delay);
    }
    this.#enter('waiting');
  }

  /** @param {WhepError | null} error */
  #delayAfter(error) {
    if (error?.retryAfterMs != null) return Math.max(BACKOFF_FIRST_MS, error.retryAfterMs);
    return error?.isRefusal ? BACKOFF_MAX_MS : backoff(Math.max(1, this.#failures));
  }

  /** @param {WhepClient['state']} state */
  #enter(state) {
    this.state = state;
    this.#options.onChange();
  }
}
