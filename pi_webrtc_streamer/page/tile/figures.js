// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * The figures in a tile's bar.
 *
 * @module tile/figures
 */

import { setText } from '../dom.js';
import { bitrate, milliseconds } from './units.js';

/** The bridge sends half of the width and less to whom the network does not carry more. */
const REDUCED = 0.75;

/** Of a camera that is slower, in some seconds no picture comes: what the bridge counts is shown. */
const SLOW_FPS = 2;

/** @typedef {import('../bridge.js').Camera} Camera */

/** @type {Record<Camera['way'], string>} */
const WAYS = { dds: 'over DDS', 'shared memory': 'by shared memory', 'in process': 'in one process' };

/**
 * Pure.
 *
 * @param {number} width of what is shown
 * @param {number} height
 * @param {Camera} camera
 * @returns {{ text: string, title: string }} what to say of it, and more of that
 */
export function describeSize(width, height, camera) {
  const shown = `${width}×${height}`;
  const published = `${camera.width}×${camera.height}`;
  if (width < REDUCED * camera.stream_width) {
    const full = `${camera.stream_width}×${camera.stream_height}`;
    return { text: `${shown}, weak link`, title: `The network does not carry ${full}` };
  }
  if (camera.stream_width > camera.width) {
    return { text: `${published}, enlarged`, title: `Shown as ${shown}` };
  }
  // Of an odd width, one column is cut off.
  if (camera.stream_width < camera.width - 1) {
    return {
      text: `${shown}, ${published} too large`,
      title: `The camera’s ${published} are more than browsers decode (level 5.2 of H.264): they are shown smaller`,
    };
  }
  return { text: shown, title: 'Resolution' };
}

/**
 * @param {import('./parts.js').Parts} parts
 * @param {import('./stats.js').Stats} stats
 * @param {Camera} camera
 * @param {boolean} known whether there is a connection that the figures are of
 */
export function showFigures({ size, fps, rate, codec, rtt, jitter, loss, way }, stats, camera, known) {
  const slow = known && camera.state === 'live' && camera.rate > 0 && camera.rate < SLOW_FPS;
  const flows = known && stats.fps > 0 && !slow;
  const late = stats.receivedFps - stats.fps > 2;
  const sized = known && stats.width > 0;
  const { text, title } = describeSize(stats.width, stats.height, camera);
  setText(size, sized ? text : '');
  size.title = title;
  setText(fps, slow ? `${Number(camera.rate.toPrecision(2))} fps` : flows ? `${Math.round(stats.fps)}${late ? ` of ${Math.round(stats.receivedFps)}` : ''} fps` : '');
  setText(rate, flows ? bitrate(stats.kbps) : '');
  setText(codec, known ? stats.codec : '');
  setText(rtt, known && stats.rttMs >= 0 ? `RTT ${milliseconds(stats.rttMs)}` : '');
  setText(jitter, flows ? `jitter ${milliseconds(stats.jitterMs)}` : '');
  setText(loss, flows && stats.lossPercent >= 0.5 ? `${stats.lossPercent.toFixed(1)} % lost` : '');
  setText(way, known ? WAYS[camera.way] : '');
}
