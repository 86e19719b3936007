// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * Figures as people read them.
 *
 * @module tile/units
 */

/**
 * @param {number} ms
 * @returns {string} "8 s", "3 min", "2 h"
 */
export function duration(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

/**
 * @param {number} kbps
 * @returns {string}
 */
export function bitrate(kbps) {
  return kbps < 1000 ? `${Math.round(kbps)} kbit/s` : `${(kbps / 1000).toFixed(1)} Mbit/s`;
}

/**
 * @param {number} ms
 * @returns {string}
 */
export function milliseconds(ms) {
  return ms < 1 ? '<1 ms' : `${Math.round(ms)} ms`;
}

/**
 * @param {number} ms
 * @returns {string} "18 ms", "2.4 s", "12 s"
 */
export function age(ms) {
  return ms < 999.5 ? `${Math.max(0, Math.round(ms))} ms` : secondsOf(ms);
}

/**
 * @param {number} ms
 * @returns {string} "0.45 s", "2.4 s", "12 s"
 */
export function secondsOf(ms) {
  return `${(ms / 1000).toFixed(ms < 995 ? 2 : ms < 9_950 ? 1 : 0)} s`;
}
