# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Offers of other pages than ours, in Chromium: with sound and data channels, in any order."""

import pytest

from support.browser import GIVE_UP_AFTER

# Offers what is asked for, in this order, and returns how many frames were decoded and what became
# of the data channel.
WATCH = """async ([kinds, bundle]) => {
    const connection = new RTCPeerConnection();
    const video = document.createElement('video');
    video.muted = true;
    connection.ontrack = event => {
        if (event.track.kind === 'video' && !video.srcObject) {
            video.srcObject = new MediaStream([event.track]);
            video.play();
        }
    };
    const state = window.watched = { video, channel: null, connection };
    for (const kind of kinds) {
        if (kind === 'data') state.channel = connection.createDataChannel('drive');
        else connection.addTransceiver(kind, { direction: 'recvonly' });
    }
    await connection.setLocalDescription();
    const response = await fetch('/whep/camera', {
        method: 'POST',
        headers: { 'Content-Type': 'application/sdp' },
        body: bundle ? connection.localDescription.sdp
            : connection.localDescription.sdp.replace(/^a=group:BUNDLE.*\\r\\n/m, ''),
    });
    const sdp = await response.text();
    if (!response.ok) throw new Error(sdp);
    await connection.setRemoteDescription({ type: 'answer', sdp });
    return sdp;
}"""
DECODED = "() => watched.video.getVideoPlaybackQuality().totalVideoFrames >= 5"


@pytest.mark.parametrize(
    "kinds",
    ["data video", "audio video", "video audio data", "video video", "audio video audio"],
)
@pytest.mark.parametrize("bundle", [True, False], ids=["bundled", "apart"])
def test_video_is_shown_whatever_else_is_offered(shared_streamer, operator, kinds, bundle):
    operator.open(f"{shared_streamer}health")  # a page of this origin that offers nothing itself
    answer = operator.page.evaluate(WATCH, [kinds.split(), bundle])
    operator.page.wait_for_function(DECODED, timeout=GIVE_UP_AFTER)
    if "data" in kinds:
        assert "m=application 0 " in answer
        operator.page.wait_for_function("() => watched.channel.readyState === 'closed'")
    operator.page.evaluate("() => watched.connection.close()")
