/**
 * The picture of a tile.
 *
 * @module picture
 */

/** Plays a stream, knows whether what is shown still moves, and keeps the last picture when the stream ends. */
export class Picture {
  #video;
  #last;
  #shown = 0;
  /** When a frame was last seen to be shown. @type {number | null} */
  #frameAt = null;
  /** The same, of this session or an earlier one. @type {number | null} */
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
    // The attribute in the markup is not enough where the element comes from a template.
    video.muted = true;
    // A media key or the system may pause the element; a driver's picture never pauses.
    video.addEventListener('pause', () => this.play(), { signal });
    video.addEventListener('loadeddata', () => this.#onFirstFrame(), { signal });
    video.addEventListener('resize', () => this.observe(), { signal });
  }

  /** ms since a frame of the present stream was shown; null before the first. */
  get age() {
    return this.#frameAt === null ? null : performance.now() - this.#frameAt;
  }

  /** ms since any picture of this camera was shown; null if none ever was. */
  get lastPictureAge() {
    return this.#lastPictureAt === null ? null : performance.now() - this.#lastPictureAt;
  }

  /** @param {MediaStream | null} stream */
  show(stream) {
    if (this.#video.srcObject === stream) return;
    this.#video.srcObject = stream;
    // The element counts on for its former stream until the first frame of this one has come.
    this.#frameAt = null;
    if (stream) this.play();
  }

  play() {
    if (!this.#video.srcObject) return;
    this.#video.play().then(
      () => { this.blocked = false; },
      (reason) => { this.blocked = reason instanceof DOMException && reason.name === 'NotAllowedError'; },
    );
  }

  /** Looks whether frames were shown since the last look. */
  observe() {
    if (this.#frameAt === null) return;
    const shown = this.#count();
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#noteFrame();
  }

  /** A hidden page may show nothing though frames arrive: they count all the same. */
  noteUnseen() {
    if (this.#frameAt !== null) this.#noteFrame();
  }

  /** Keeps what is shown now, for the time when the stream is gone. */
  keep() {
    const { videoWidth: width, videoHeight: height } = this.#video;
    if (this.#frameAt === null || !this.#hasPicture()) return;
    this.#last.width = width;
    this.#last.height = height;
    this.#last.getContext('2d')?.drawImage(this.#video, 0, 0);
  }

  /** @param {boolean} covered whether the last picture covers the live one */
  cover(covered) {
    this.#last.hidden = !covered || this.#last.width === 0;
  }

  #onFirstFrame() {
    this.#shown = this.#count();
    this.#noteFrame();
  }

  #noteFrame() {
    if (!this.#hasPicture()) return;
    this.aspect = this.#video.videoWidth / this.#video.videoHeight;
    this.#frameAt = performance.now();
    this.#lastPictureAt = this.#frameAt;
  }

  /** Chromium ends a stream with a black frame of 2×2, which is no picture. */
  #hasPicture() {
    return this.#video.videoWidth > 2;
  }

  #count() {
    return this.#video.getVideoPlaybackQuality().totalVideoFrames;
  }
}
