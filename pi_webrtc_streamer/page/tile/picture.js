/**
 * The picture of a tile.
 *
 * @module tile/picture
 */

import { Liveness } from './liveness.js';

/** Plays a stream, knows whether what is shown still moves, and keeps the last picture when the stream ends. */
export class Picture {
  #video;
  #last;
  #signal;
  #liveness;
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
   */
  constructor(video, last, signal) {
    this.#video = video;
    this.#last = last;
    this.#signal = signal;
    const tellsShown = 'requestVideoFrameCallback' in video;
    this.#liveness = new Liveness(tellsShown);
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
    return this.#liveness.hasBegun;
  }

  /** Whether what is shown moves. */
  get moves() {
    return this.#liveness.moves(document.hidden, performance.now());
  }

  /** ms since any picture of this camera was shown; null if none ever was. */
  get lastPictureAge() {
    return this.#lastPictureAt === null ? null : performance.now() - this.#lastPictureAt;
  }

  /** @param {MediaStream | null} stream */
  show(stream) {
    if (this.#video.srcObject === stream) return;
    this.#video.srcObject = stream;
    this.#liveness.begin();
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
    if (this.#liveness.countsDecoded(frames, document.hidden)) this.#noteShown();
  }

  /** @param {number} rate of the camera, in frames a second */
  adaptToRate(rate) {
    this.#liveness.adaptToRate(rate);
  }

  /** The page is seen again: what was live has a moment to show it. */
  noteSeenAgain() {
    if (this.hasBegun) this.#noteFirst();
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
    this.#video.requestVideoFrameCallback(() => {
      if (this.#signal.aborted) return;
      this.#noteShown();
      this.#watchFrames();
    });
  }

  #noteFirst() {
    if (!this.#hasPicture()) return;
    this.#liveness.onFirst(performance.now());
    this.#noteShown();
  }

  /** A stream that began with no picture may have one now. */
  #onShape() {
    if (this.hasBegun) this.#noteShown();
    else if (this.#video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) this.#noteFirst();
  }

  /** Until a stream's first frame is there, what is told of may be the former one's. */
  #noteShown() {
    if (!this.hasBegun || !this.#hasPicture()) return;
    this.aspect = this.#video.videoWidth / this.#video.videoHeight;
    this.#lastPictureAt = performance.now();
    this.#liveness.onShown(this.#lastPictureAt);
  }

  /** Chromium ends a stream with a black frame of 2×2, which is no picture. */
  #hasPicture() {
    return this.#video.videoWidth > 2;
  }
}
