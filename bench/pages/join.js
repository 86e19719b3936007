// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * Watches by WHEP as the real page does and leaves again; returns how long it took in ms:
 * from sending the offer to the first frame, and from asking to end the session to the answer.
 */
async ({ whep }) => {
  const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  const video = document.createElement('video');
  video.muted = true;
  video.playsInline = true;
  document.body.replaceChildren(video);
  const transceiver = connection.addTransceiver('video', { direction: 'recvonly' });
  transceiver.receiver.jitterBufferTarget = 0;
  const shown = new Promise((resolve) => {
    video.requestVideoFrameCallback(() => resolve(performance.now()));
  });
  connection.addEventListener('track', ({ track }) => {
    video.srcObject = new MediaStream([track]);
    void video.play();
  });
  await connection.setLocalDescription(await connection.createOffer());

  const posted = performance.now();
  const response = await fetch(whep, {
    method: 'POST',
    headers: { 'Content-Type': 'application/sdp' },
    body: connection.localDescription.sdp,
  });
  const answered = performance.now();
  await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
  const first = await shown;

  const leaving = performance.now();
  await fetch(new URL(response.headers.get('Location'), whep), { method: 'DELETE' });
  const left = performance.now();
  connection.close();
  return { first: first - posted, answer: answered - posted, release: left - leaving };
}
