# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The page in Firefox, which has no H.264 of its own and counts shown frames otherwise."""

import time

import pytest

from support.access import DRIVE
from support.firefox import firefox
from support.program import Program, node
from support.publishing import publishing
from support.waiting import wait_for

LONG_ENOUGH = 20.0  # seconds; a picture that is taken for frozen is so after three

# Notes each time at which the picture is called something else though it has moved for a second: a
# machine that is busy with other things may let it stand still, and then it is not live.
NOTE_LIES = """
const tile = window.streamer.cameras.get('camera');
let shownAt = 0;
let moving = 0;
const look = () => tile.video.requestVideoFrameCallback(() => {
    shownAt = performance.now();
    look();
});
look();
window.lies = [];
setInterval(() => {
    moving = performance.now() - shownAt < 200 ? moving + 1 : 0;
    if (moving > 10 && tile.state !== 'live') window.lies.push(tile.state);
}, 100);
"""

# A player that posts its offer when it has gathered all: here they are names that it alone knows.
GATHER_FIRST = """
window.watched = { video: document.createElement('video'), offer: null };
const connection = watched.connection = new RTCPeerConnection();
connection.ontrack = event => {
    watched.video.muted = true;
    watched.video.srcObject = event.streams[0] ?? new MediaStream([event.track]);
    watched.video.play();
};
connection.addTransceiver('video', { direction: 'recvonly' });
connection.onicegatheringstatechange = async () => {
    if (connection.iceGatheringState !== 'complete') return;
    watched.offer = connection.localDescription.sdp;
    const response = await fetch('/whep/camera', {
        method: 'POST',
        headers: { 'Content-Type': 'application/sdp' },
        body: watched.offer,
    });
    await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
};
connection.setLocalDescription();
"""


@pytest.fixture(scope="module")
def operator():
    with firefox() as operator:
        yield operator


def test_the_picture_is_live_and_stays_so(streamer, operator):
    operator.open(streamer)
    operator.wait_for_state("live")
    operator.run(NOTE_LIES)
    end = time.monotonic() + LONG_ENOUGH
    while time.monotonic() < end:
        operator.wait_for_frames()
    assert operator.run("return window.lies") == []
    operator.wait_for_state("live")
    stats = operator.stats()
    assert stats["codec"] == "VP8"
    assert stats["width"] * 9 == stats["height"] * 16 > 0, "smaller on a busy machine"
    operator.screenshot("firefox")


def test_a_player_that_gathers_before_it_offers(streamer, operator):
    operator.open(streamer)
    operator.run(GATHER_FIRST)
    wait_for(lambda: operator.run("return watched.video.currentTime > 0.5"), "the picture")
    offer = operator.run("return watched.offer")
    assert "a=end-of-candidates" in offer
    assert ".local " in offer
    operator.run("watched.connection.close()")


def test_a_picture_that_stops_is_not_live_and_comes_back(operator, port):
    source = ("source:=pattern", "width:=320", "height:=240")
    with node("bridge_node", f"port:={port}") as bridge:
        bridge.wait_for_output("page: http")
        with node("camera_node", *source) as camera:
            operator.open(f"http://127.0.0.1:{port}/")
            operator.wait_for_state("live")
            camera.end()
            operator.wait_for_state("no-picture")
        with node("camera_node", *source):
            operator.wait_for_state("live")
            operator.wait_for_frames()


@pytest.mark.parametrize(
    ("size", "shown", "said"),
    [
        ("4608x2592", (4096, 2304), "4096×2304, 4608×2592 too large"),
        ("8x8", (240, 240), "8×8, enlarged"),
    ],
)
def test_pictures_that_are_very_large_or_very_small(operator, port, size, shown, said):
    with (
        node("bridge_node", f"port:={port}", "camera.topic:=/other") as bridge,
        publishing("/other", size, 0.5),
    ):
        bridge.wait_for_output("page: http")
        operator.open(f"http://127.0.0.1:{port}/")
        operator.wait_for_state("live")
        figure = "return document.querySelector('.figure-size').textContent"
        wait_for(lambda: operator.run(figure) == said, said)
        stats = operator.stats()
        assert (stats["width"], stats["height"]) == shown


def test_a_bridge_that_was_killed_is_found_again(operator, port):
    address = ("--source", "pattern", "--port", str(port))
    with Program("pi-webrtc-streamer", *address) as program:
        program.wait_for_output("Open http")
        operator.open(f"http://127.0.0.1:{port}/")
        operator.wait_for_state("live")
        program.process.kill()
        operator.wait_for_state("offline")
    with Program("pi-webrtc-streamer", *address):
        operator.wait_for_state("live")


def test_signing_in(operator, port):
    secret = {"PI_WEBRTC_STREAMER_TOKEN_DRIVE": DRIVE}
    address = ("--source", "pattern", "--auth", "token", "--port", str(port))
    with Program("pi-webrtc-streamer", *address, environment=secret) as program:
        program.wait_for_output("Open http")
        url = f"http://127.0.0.1:{port}/"
        operator.open(url)
        assert operator.run("return document.querySelector('h1').textContent").endswith("a token")
        operator.fill_in("#token", DRIVE)
        operator.click("button")
        operator.wait_for_state("live")
        assert operator.url == url, "the token is not in the address"
