// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * The figures in a tile's bar.
 *
 * @module tile/figures
 */

import { setText } from '../dom.js';
import { bitrate, milliseconds } from './units.js';

/** The bridge sends half of the camera's width and less to whom the network does not carry more. */
const REDUCED = 0.75;

/**
 * @param {import('./parts.js').Parts} parts
 * @param {import('./stats.js').Stats} stats
 * @param {import('../bridge.js').Camera} camera
 * @param {boolean} known whether there is a connection that the figures are of
 */
export function showFigures({ size, fps, rate, codec, rtt, jitter, loss }, stats, camera, known) {
  const flows = known && stats.fps > 0;
  const late = stats.receivedFps - stats.fps > 2;
  const sized = known && stats.width > 0;
  const reduced = sized && stats.width < REDUCED * camera.width;
  setText(size, sized ? `${stats.width}×${stats.height}${reduced ? ', weak link' : ''}` : '');
  size.title = reduced ? `The network does not carry ${camera.width}×${camera.height}` : 'Resolution';
  setText(fps, flows ? `${Math.round(stats.fps)}${late ? ` of ${Math.round(stats.receivedFps)}` : ''} fps` : '');
  setText(rate, flows ? bitrate(stats.kbps) : '');
  setText(codec, known ? stats.codec : '');
  setText(rtt, known && stats.rttMs >= 0 ? `RTT ${milliseconds(stats.rttMs)}` : '');
  setText(jitter, flows ? `jitter ${milliseconds(stats.jitterMs)}` : '');
  setText(loss, flows && stats.lossPercent >= 0.5 ? `${stats.lossPercent.toFixed(1)} % lost` : '');
}
