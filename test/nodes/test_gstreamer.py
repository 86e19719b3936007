# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""GStreamer's webrtcbin watches: its certificate is RSA, and it sends RTCP every five seconds."""

import json

import pytest

from support.gstreamer import caps, gstreamer
from support.program import Program, free_port, node
from support.publishing import publishing

SECONDS = 30  # pictures in one

# What is said of H.264 in the offer, and what is to be in the answer.
OFFERED = {
    "baseline": ({"packetization_mode": "1", "profile_level_id": "42e01f"}, "42e01f"),
    "main": ({"packetization_mode": "1", "profile_level_id": "4d001f"}, "4d001f"),
    "high": ({"packetization_mode": "1", "profile_level_id": "64001f"}, "64001f"),
    "constrained high": ({"packetization_mode": "1", "profile_level_id": "640c1f"}, "640c1f"),
    "nothing said": ({}, None),
}


@pytest.fixture(scope="module")
def camera():
    """The address by which a camera is watched."""
    port = free_port()
    with Program("pi-webrtc-streamer", "--source", "pattern", "--port", str(port)) as program:
        program.wait_for_output("Open http")
        yield f"http://127.0.0.1:{port}/whep/camera", program


def test_vp8_goes_on_for_ever(camera):
    url, program = camera
    with gstreamer(url, caps("VP8")) as viewer:
        assert viewer.answer()["status"] == 201
        assert viewer.frame(12 * SECONDS)["size"] == [1280, 720]
        assert "gone" not in program.output.rpartition("connected")[2]


@pytest.fixture(scope="module")
def other_camera():
    """The address by which another node's topic is watched."""
    port = free_port()
    with node("bridge_node", f"port:={port}", "camera.topic:=/other") as program:
        program.wait_for_output("page: http")
        yield f"http://127.0.0.1:{port}/whep/camera"


@pytest.mark.parametrize("offered", OFFERED)
def test_h264_of_any_profile_that_plays_baseline(camera, offered):
    parameters, profile = OFFERED[offered]
    with gstreamer(camera[0], caps("H264", **parameters)) as viewer:
        answer = viewer.answer()
        assert answer["status"] == 201, answer
        assert "packetization-mode=1" in answer["answer"]
        if profile is not None:
            assert f"profile-level-id={profile}" in answer["answer"]
        assert viewer.frame(SECONDS)["size"] == [1280, 720]


@pytest.mark.parametrize("codec", ["H264", "VP8"])
@pytest.mark.parametrize(
    ("size", "shown"), [("4608x2592", [4096, 2304]), ("8x8", [240, 240]), ("8000x16", [8688, 18])]
)
def test_pictures_of_any_size(other_camera, codec, size, shown):
    with publishing("/other", size, 0.2), gstreamer(other_camera, caps(codec)) as viewer:
        assert viewer.answer()["status"] == 201
        assert viewer.frame(2)["size"] == shown


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ({"packetization_mode": "0"}, "packetization-mode=0 alone"),
        (
            {"packetization_mode": "1", "profile_level_id": "2c0010"},
            "profile-level-id=2c0010 alone",
        ),
    ],
)
def test_h264_that_cannot_be_served_is_refused_with_what_would_do(camera, parameters, why):
    with gstreamer(camera[0], caps("H264", **parameters)) as viewer:
        answer = viewer.answer()
        assert answer["status"] == 422
        error = json.loads(answer["error"])["error"]
        assert why in error
        assert "offer VP8" in error
