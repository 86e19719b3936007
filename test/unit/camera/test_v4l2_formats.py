# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What recorded V4L2 devices say that they have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.camera import v4l2_formats
from pi_webrtc_streamer.camera.v4l2_choice import ChoiceError, choose, describe
from pi_webrtc_streamer.camera.v4l2_formats import MOST, fourcc_of, read_formats
from support import v4l2 as recorded

SIZES = st.integers(0, 2**32 - 1)


def test_the_questions_are_the_kernels():
    assert v4l2_formats.ENUM_FORMATS == recorded.ENUM_FMT
    assert v4l2_formats.ENUM_SIZES == recorded.ENUM_FRAMESIZES
    assert v4l2_formats.ENUM_INTERVALS == recorded.ENUM_FRAMEINTERVALS


def test_all_that_a_webcam_has_is_read():
    yuyv, mjpg = read_formats(recorded.WEBCAM.ask)
    assert (yuyv.fourcc, yuyv.description) == ("YUYV", "YUYV 4:2:2")
    assert [str(size) for size in yuyv.sizes] == ["640x480", "1280x720", "1920x1080", "2304x1536"]
    assert str(yuyv.sizes[1].rates) == "at 10, 7.5, 5"
    assert mjpg.sizes[0].rates.each[0] == pytest.approx(30, abs=0.001)


def test_ranges_are_read():
    (planar,) = read_formats(recorded.LOOPBACK.ask)
    assert describe([planar]) == "YU12 (2x2 to 8192x8192 at 1000)"
    assert planar.size(1280, 720) is not None
    assert planar.size(1281, 720) is None
    assert planar.sizes[0].nearest(1280, 99999) == (1280, 8192)


def test_a_driver_that_answers_everything_is_asked_no_further():
    def always(request, question):
        return question[:4] + bytes([7]) * (len(question) - 4)

    assert len(read_formats(always)) == MOST


@given(st.lists(st.binary(min_size=64, max_size=64), max_size=3), st.data())
def test_nonsense_is_read_without_fault(answers, data):
    def ask(request, question):
        if request == recorded.ENUM_FMT:
            if question[0] >= len(answers):
                raise OSError
            return answers[question[0]]
        if question[0] > 2:
            raise OSError
        return data.draw(st.binary(min_size=len(question), max_size=len(question)))

    formats = read_formats(ask)
    describe(formats).encode()
    try:
        choice = choose(formats, 640, 480, 30.0)
    except ChoiceError as error:
        str(error).encode()
    else:
        assert choice.ffmpeg_name


@given(SIZES)
def test_any_format_has_a_name(pixels):
    assert fourcc_of(pixels).isprintable()
