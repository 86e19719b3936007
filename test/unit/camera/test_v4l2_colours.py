# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How recorded V4L2 devices mean their colours."""

import pytest
from av.video.reformatter import Colorspace

from pi_webrtc_streamer.camera.conversion import Untagged
from pi_webrtc_streamer.camera.v4l2_colours import GET_FORMAT, read_colours
from support import v4l2 as recorded


def test_the_question_is_the_kernels():
    assert GET_FORMAT == recorded.G_FMT


@pytest.mark.parametrize(
    ("colours", "extended", "meant"),
    [
        ((8, 0, 0), True, Untagged(Colorspace.ITU601)),  # sRGB, as webcams have it
        ((0, 0, 0), True, Untagged(Colorspace.ITU601)),
        ((1, 0, 0), True, Untagged(Colorspace.ITU601)),
        ((3, 0, 0), True, Untagged(Colorspace.ITU709)),
        ((10, 0, 0), True, Untagged(Colorspace.BT2020)),
        ((2, 0, 0), True, Untagged(Colorspace.SMPTE240M)),
        ((7, 0, 0), True, Untagged(Colorspace.ITU601, full_range=True)),  # JPEG
        ((7, 0, 2), True, Untagged(Colorspace.ITU601)),
        ((8, 2, 1), True, Untagged(Colorspace.ITU709, full_range=True)),
        ((8, 2, 1), False, Untagged(Colorspace.ITU601)),  # an old kernel, which has no such fields
        ((3, 1, 2), True, Untagged(Colorspace.ITU601)),
    ],
)
def test_a_device_says_how_its_colours_are_meant(colours, extended, meant):
    device = recorded.Recorded("uvcvideo", "a", "b", recorded.UVC, {}, colours, extended)
    assert read_colours(device.ask) == meant


def test_a_device_that_does_not_say_it_is_taken_for_a_webcam():
    def refuse(request, question):
        raise OSError

    assert read_colours(refuse) == Untagged(Colorspace.ITU601)
