// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * What is asked of the browser before it receives a stream.
 *
 * @module whep/receiver
 */

import { WhepError } from './errors.js';

/**
 * Restricts a transceiver to one codec and its retransmissions.
 *
 * @param {RTCRtpTransceiver} transceiver
 * @param {string | null} codec "vp8", "h264", …; null leaves the choice to the bridge
 */
export function preferCodec(transceiver, codec) {
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
export function playAtOnce(receiver) {
  if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0;
  if ('playoutDelayHint' in receiver) receiver.playoutDelayHint = 0;
}

/**
 * What the browser says of the one video stream that a connection receives.
 *
 * @param {RTCStatsReport} report
 * @returns {Record<string, any> | undefined} undefined before there is one
 */
export function inboundVideo(report) {
  return [...report.values()].find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
}

/**
 * The RTP timestamp of the newest frame that came over a connection, for browsers that do not tell that of the frame
 * that they show. It may be that of the frame before: the picture is then taken for older than it is, not for younger.
 *
 * @param {RTCPeerConnection | null} pc
 * @returns {number | null}
 */
export function newestTimestamp(pc) {
  return pc?.getReceivers()[0]?.getSynchronizationSources()[0]?.rtpTimestamp ?? null;
}
