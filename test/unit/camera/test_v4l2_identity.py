# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which V4L2 device is behind a name."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.camera.v4l2_identity import (
    CAPABILITY,
    QUERY_CAPABILITY,
    describe,
    identify,
    is_camera,
    is_multiplanar_camera,
)
from support import v4l2 as recorded

WEBCAM = b"uvcvideo", b"HD Pro Webcam C920", b"usb-0000:01:00.0-1.2"


def capability(driver: bytes, card: bytes, bus: bytes) -> bytes:
    return struct.pack("16s32s32s6I", driver, card, bus, 0x60100, 0x84A00001, 0x04200001, 0, 0, 0)


def test_the_question_is_the_kernels():
    """As a C compiler has it from <linux/videodev2.h>."""
    assert CAPABILITY.size == 104
    assert QUERY_CAPABILITY == recorded.QUERYCAP


def test_card_and_bus_are_told():
    assert describe(capability(*WEBCAM)) == "HD Pro Webcam C920 (usb-0000:01:00.0-1.2)"
    assert describe(capability(b"", b"vivid", b"")) == "vivid"
    assert describe(capability(b"", b"", b"")) == ""


@given(st.binary(min_size=CAPABILITY.size, max_size=CAPABILITY.size))
def test_whatever_a_driver_says_is_text(answer):
    describe(answer).encode()


@pytest.mark.parametrize("device", ["/dev/null", "/dev/video99"])
def test_what_does_not_say_is_called_by_its_name(device):
    assert identify(device) == device


@pytest.mark.parametrize(
    ("device", "camera"),
    [
        (recorded.WEBCAM, True),
        (recorded.H264_ALONE, True),
        (recorded.LOOPBACK, True),
        (recorded.ITS_METADATA, False),
        (recorded.CODEC, False),
        (recorded.IMAGE_PROCESSOR, False),
        (recorded.RIBBON_CABLE, False),
        (recorded.SEVERAL_PLANES, False),
    ],
)
def test_cameras_are_told_from_what_else_has_a_name_like_theirs(device, camera):
    answer = device.ask(recorded.QUERYCAP, bytes(104))
    assert is_camera(answer) == camera
    assert is_multiplanar_camera(answer) == (device is recorded.SEVERAL_PLANES)
