# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which of the formats of recorded V4L2 devices is taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.camera.v4l2_choice import ChoiceError, choose, describe, nearest
from pi_webrtc_streamer.camera.v4l2_formats import Format, Rates, Size, read_formats
from support import v4l2 as recorded


@pytest.mark.parametrize(
    ("wanted", "taken", "rate"),
    [
        ((1280, 720, 30.0), "MJPG", 30),
        ((640, 480, 30.0), "MJPG", 30),
        ((1280, 720, 20.0), "MJPG", 24),
        ((1280, 720, 60.0), "MJPG", 30),
        ((2304, 1536, 30.0), "YUYV", 2),
    ],
)
def test_the_best_format_that_has_the_size_is_taken(wanted, taken, rate):
    choice = choose(read_formats(recorded.WEBCAM.ask), *wanted)
    assert choice.format.fourcc == taken
    assert choice.framerate == pytest.approx(rate, abs=0.01)


def test_h264_is_taken_where_there_is_nothing_else():
    assert choose(read_formats(recorded.H264_ALONE.ask), 1280, 720, 30.0).ffmpeg_name == "h264"


def test_a_size_that_it_lacks_is_refused_with_those_that_it_has():
    with pytest.raises(
        ChoiceError,
        match=r"it has no 1024x700: set width and height to 1280x720 or 640x480 or 1920x1080; "
        r"it has YUYV \(640x480 at 30; .*MJPG",
    ):
        choose(read_formats(recorded.WEBCAM.ask), 1024, 700, 30.0)


def test_formats_that_cannot_be_shown_are_refused_by_name():
    with pytest.raises(ChoiceError, match=r"it has only Z16 \(640x480 at 30\), and .*MJPG.*H264"):
        choose(read_formats(recorded.DEPTH.ask), 640, 480, 30.0)
    with pytest.raises(ChoiceError, match="it captures nothing"):
        choose([], 640, 480, 30.0)


def test_a_format_that_does_not_tell_its_sizes_is_tried():
    assert choose([Format("YUYV", "", ())], 640, 480, 30.0).framerate == 0
    assert describe([Format("YUYV", "YUYV 4:2:2", ())]) == "YUYV (YUYV 4:2:2)"


@given(st.integers(1, 9000), st.integers(1, 9000), st.integers(1, 64))
def test_the_nearest_size_is_one_of_those_there_are(width, height, step):
    size = Size(range(16, 4001, step), range(480, 481), Rates((30.0,)))
    wide, high = size.nearest(width, height)
    assert wide in size.widths
    assert high == 480
    assert abs(wide - width) == min(abs(each - width) for each in size.widths)
    assert nearest([Format("YUYV", "", (size,))], width, height) == [(wide, high)]
