// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * Watches a picture for a number of frames or of seconds, and reads the barcode of each frame that is shown.
 *
 * A frame counts as seen when the page is called back for it, before anything is drawn or read.
 * Returns the time of each frame in ms, and of the begin and the end, its width, and its age ("lag") then; a lag is null where the code makes no sense.
 * Of a picture that may be smaller than the camera's, `camera` is the camera's width.
 */
async ({ picture, frames, seconds, camera }) => {
  const find = {
    ours: () => window.streamer.cameras.get('camera').video,
    video: () => document.querySelector('video'),
    image: () => document.querySelector('img'),
  }[picture];
  const BITS = 32;
  const WRAP = 2 ** BITS;
  const HIGHEST_LAG_MS = 60_000;
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', { willReadFrequently: true });

  /** performance.now() is fine but may have drifted from the system's clock: find by how much. */
  const calibrate = () => {
    const offsets = [];
    while (offsets.length < 5) {
      const before = Date.now();
      let now = before;
      while (now === before) now = Date.now();
      offsets.push(now - performance.now());
    }
    return offsets.sort((a, b) => a - b)[2];
  };
  const epoch = calibrate();

  const read = () => {
    const element = find();
    const width = element.videoWidth ?? element.naturalWidth;
    const whole = camera || width;
    const side = whole >= 32 * BITS ? 32 : 16;
    const scale = width / whole;
    if (canvas.width !== BITS * side) {
      canvas.width = BITS * side;
      canvas.height = 1;
    }
    // Once and no more than one row: the picture may change between two calls, and each of them takes time.
    context.drawImage(element, 0, (scale * side) / 2, scale * BITS * side, 1, 0, 0, BITS * side, 1);
    const { data } = context.getImageData(0, 0, BITS * side, 1);
    let code = 0;
    for (let bit = BITS - 1; bit >= 0; bit -= 1) {
      code = code * 2 + (data[4 * (bit * side + side / 2)] > 127 ? 1 : 0);
    }
    return code;
  };
  const times = [];
  const lags = [];
  const widths = [];
  const begun = performance.now();
  const enough = (now) => (frames ? lags.length >= frames : false) || (seconds ? now - begun > seconds * 1000 : false);
  const note = (now, code) => {
    const lag = (((epoch + now - code) % WRAP) + WRAP) % WRAP;
    times.push(now);
    widths.push(find().videoWidth ?? find().naturalWidth);
    lags.push(lag < HIGHEST_LAG_MS ? lag : null);
  };
  await new Promise((resolve) => {
    let last = -1;
    const onVideoFrame = () => {
      const now = performance.now();
      note(now, read());
      if (enough(now)) resolve();
      else find().requestVideoFrameCallback(onVideoFrame);
    };
    const onScreenFrame = () => {
      const now = performance.now();
      const code = read();
      if (code !== last) note(now, code);
      last = code;
      if (enough(now)) resolve();
      else requestAnimationFrame(onScreenFrame);
    };
    if (picture === 'image') requestAnimationFrame(onScreenFrame);
    else find().requestVideoFrameCallback(onVideoFrame);
    if (seconds) setTimeout(resolve, seconds * 1000 + 500);
  });
  return { begun, times, lags, widths, ended: performance.now() };
}
