// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * Figures of a connection that receives one video stream.
 *
 * @module tile/stats
 */

import { inboundVideo } from '../whep/receiver.js';

/**
 * @typedef {object} Stats figures of one second; 0 or "" where unknown
 * @property {number} width
 * @property {number} height
 * @property {number} fps frames decoded a second
 * @property {number} receivedFps frames received a second
 * @property {number} kbps
 * @property {string} codec "H264", "VP8", …
 * @property {number} rttMs round trip of the network, -1 if unknown
 * @property {number} jitterMs unevenness of arrival
 * @property {number} bufferMs how long a frame waits in the browser before it is decoded
 * @property {number} lossPercent packets lost, of those sent
 * @property {number} framesDecoded in all
 */

/** Calls are much closer together, unless the machine is busy: then something has still arrived in between. */
const JUST_BEFORE_MS = 1_500;

/** @returns {Stats} */
export function noStats() {
  return {
    width: 0, height: 0, fps: 0, receivedFps: 0, kbps: 0, codec: '',
    rttMs: -1, jitterMs: 0, bufferMs: 0, lossPercent: 0, framesDecoded: 0,
  };
}

/** Turns the counters of `getStats` into figures a second. One reader belongs to one connection. */
export class StatsReader {
  /** @type {Record<string, any> | null} */
  #last = null;
  #heard = { at: -Infinity, bytes: 0 };

  /** @param {RTCPeerConnection} pc */
  constructor(pc) {
    this.pc = pc;
  }

  /** @returns {Promise<boolean>} whether anything has arrived since the last call of this, if that was just before */
  async hears() {
    const before = this.#heard;
    const at = performance.now();
    const heard = { at, bytes: inboundVideo(await this.pc.getStats())?.bytesReceived ?? 0 };
    this.#heard = heard;
    return heard.at - before.at < JUST_BEFORE_MS && heard.bytes > before.bytes;
  }

  /** @returns {Promise<Stats>} the figures since the last call */
  async read() {
    const report = await this.pc.getStats();
    /** @type {Record<string, any>[]} */
    const all = [...report.values()];
    const inbound = inboundVideo(report);
    if (!inbound) return noStats();

    const last = this.#last ?? {};
    this.#last = inbound;
    const grown = (/** @type {string} */ key) => Math.max(0, (inbound[key] ?? 0) - (last[key] ?? 0));
    const seconds = last.timestamp ? (inbound.timestamp - last.timestamp) / 1000 : 0;
    const each = (/** @type {number} */ count, /** @type {number} */ of) => (of > 0 ? count / of : 0);
    return {
      width: inbound.frameWidth ?? 0,
      height: inbound.frameHeight ?? 0,
      fps: each(grown('framesDecoded'), seconds),
      receivedFps: each(grown('framesReceived'), seconds),
      kbps: each(grown('bytesReceived') * 8 / 1000, seconds),
      codec: (report.get(inbound.codecId)?.mimeType ?? '').replace(/^video\//i, ''),
      rttMs: roundTripMs(report, all),
      jitterMs: (inbound.jitter ?? 0) * 1000,
      bufferMs: each(grown('jitterBufferDelay') * 1000, grown('jitterBufferEmittedCount')),
      lossPercent: 100 * each(grown('packetsLost'), grown('packetsLost') + grown('packetsReceived')),
      framesDecoded: inbound.framesDecoded ?? 0,
    };
  }
}

/**
 * @param {RTCStatsReport} report
 * @param {Record<string, any>[]} all its values
 * @returns {number} -1 if unknown
 */
function roundTripMs(report, all) {
  const selectedId = all.find(({ type }) => type === 'transport')?.selectedCandidatePairId;
  const pair = selectedId
    ? report.get(selectedId)
    : all.find(({ type, nominated, state }) => type === 'candidate-pair' && nominated && state === 'succeeded');
  return pair?.currentRoundTripTime === undefined ? -1 : pair.currentRoundTripTime * 1000;
}
