// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * The picture of a tile.
 *
 * @module tile/picture
 */

import { Freshness } from './freshness.js';

/**
 * @typedef {object} Frame a frame that is shown
 * @property {number | null} rtp its timestamp, if the browser tells it
 * @property {number} at when it was shown
 * @property {number} waited for how many ms it has been here by then, as far as the browser tells
 */

/**
 * @typedef {object} FrameSource what a picture asks of its tile
 * @property {(rtp: number) => import('../age/captures.js').Capture | null} capture when a frame was captured
 * @property {() => number | null} rtp timestamp of what arrived last
 * @property {(frame: Frame) => void} onFrame called when a new one is shown
 */

/** Plays a stream, knows how fresh what is shown is, and keeps the last picture when the stream ends. */
export class Picture {
  #video;
  #last;
  #signal;
  #source;
  #freshness;
  /** The frame that is shown. @type {Frame | null} */
  #frame = null;
  /** When a frame was last shown, of this session or an earlier one. @type {number | null} */
  #lastPictureAt = null;

  /** Width by height of the last picture; null if none was ever shown. @type {number | null} */
  aspect = null;

  /** Whether the browser refuses to play before the user touches the page. */
  blocked = false;

  /**
   * @param {HTMLVideoElement} video
   * @param {HTMLCanvasElement} last
   * @param {AbortSignal} signal ends the listeners
   * @param {FrameSource} source
   */
  constructor(video, last, signal, source) {
    this.#video = video;
    this.#last = last;
    this.#signal = signal;
    this.#source = source;
    const tellsShown = 'requestVideoFrameCallback' in video;
    this.#freshness = new Freshness(tellsShown);
    if (tellsShown) this.#watchFrames();
    // The attribute in the markup is not enough where the element comes from a template.
    video.muted = true;
    // A media key or the system may pause the element; a driver's picture never pauses.
    video.addEventListener('pause', () => this.play(), { signal });
    video.addEventListener('loadeddata', () => this.#noteFirst(), { signal });
    video.addEventListener('resize', () => this.#onShape(), { signal });
  }

  /** Whether a frame of the present stream has been shown. */
  get hasBegun() {
    return this.#freshness.hasBegun;
  }

  /** For how many ms it is usual that nothing new is shown. */
  get patience() {
    return this.#freshness.patience;
  }

  /** The frame of the present stream that is shown, if the browser tells of each. */
  get frame() {
    return this.hasBegun ? this.#frame : null;
  }

  /** When that was captured, as far as it is known. */
  get capture() {
    const rtp = this.frame?.rtp ?? null;
    return rtp === null ? null : this.#source.capture(rtp);
  }

  /**
   * @param {number} now ms
   * @param {number} staleAfter ms after which a picture is marked
   */
  judge(now, staleAfter) {
    return this.#freshness.judge({ now, hidden: document.hidden, capture: this.capture, staleAfter });
  }

  /** ms since any picture of this camera was shown; null if none ever was. */
  get lastPictureAge() {
    return this.#lastPictureAt === null ? null : performance.now() - this.#lastPictureAt;
  }

  /** @param {MediaStream | null} stream */
  show(stream) {
    if (this.#video.srcObject === stream) return;
    this.#video.srcObject = stream;
    this.#frame = null;
    this.#freshness.begin();
    if (stream) this.play();
  }

  play() {
    if (!this.#video.srcObject) return;
    this.#video.play().then(
      () => { this.blocked = false; },
      (reason) => { this.blocked = reason instanceof DOMException && reason.name === 'NotAllowedError'; },
    );
  }

  /** @param {number} frames how many the browser has decoded, as its statistics say */
  onDecoded(frames) {
    const now = performance.now();
    if (this.#hasPicture() && this.#freshness.onDecoded(frames, document.hidden, now)) this.#noteSeen(now);
  }

  /**
   * @param {number} rate of the camera, in frames a second
   * @param {number} patience for how many seconds none may come
   */
  adaptToRate(rate, patience) {
    this.#freshness.adaptToRate(rate, patience);
  }

  /** The page is seen again: what was live has a moment to show it. */
  noteSeenAgain() {
    if (!this.hasBegun) return;
    this.#frame = null;
    this.#noteFirst();
  }

  /** Keeps what is shown now, for the time when the stream is gone. */
  keep() {
    const { videoWidth: width, videoHeight: height } = this.#video;
    if (!this.hasBegun || !this.#hasPicture()) return;
    this.#last.width = width;
    this.#last.height = height;
    this.#last.getContext('2d')?.drawImage(this.#video, 0, 0);
  }

  /** @param {boolean} covered whether the last picture covers the live one */
  cover(covered) {
    this.#last.hidden = !covered || this.#last.width === 0;
  }

  #watchFrames() {
    this.#video.requestVideoFrameCallback((_, metadata) => {
      if (this.#signal.aborted) return;
      this.#noteFrame(metadata);
      this.#watchFrames();
    });
  }

  /** @param {{ rtpTimestamp?: number, receiveTime?: number }} metadata */
  #noteFrame({ rtpTimestamp, receiveTime }) {
    if (!this.#hasPicture()) return;
    const at = performance.now();
    const rtp = rtpTimestamp ?? this.#source.rtp();
    this.#frame = { rtp, at, waited: receiveTime === undefined ? 0 : at - receiveTime };
    // Until a stream's first frame is there, what is told of may be the former one's.
    if (!this.hasBegun) return;
    // Where the publisher's clock is not ours, its stamps do not tell of time.
    const tellsTime = this.capture?.certain !== false;
    if (!this.#freshness.onShown(at, tellsTime ? rtp : null)) return;
    this.#noteSeen(at);
    this.#source.onFrame(this.#frame);
  }

  #noteFirst() {
    if (!this.#hasPicture()) return;
    const now = performance.now();
    this.#freshness.onFirst(now);
    this.#noteSeen(now);
  }

  /** A stream that began with no picture may have one now. */
  #onShape() {
    if (this.#video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) this.#noteFirst();
  }

  /** @param {number} now */
  #noteSeen(now) {
    this.aspect = this.#video.videoWidth / this.#video.videoHeight;
    this.#lastPictureAt = now;
  }

  /** Chromium ends a stream with a black frame of 2×2, which is no picture. */
  #hasPicture() {
    return this.#video.videoWidth > 2;
  }
}
