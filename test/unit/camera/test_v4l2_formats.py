# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What recorded V4L2 devices have, and which of it is taken."""

import pytest
from av.video.reformatter import Colorspace
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.camera import v4l2_colours, v4l2_formats, v4l2_identity
from pi_webrtc_streamer.camera.conversion import Untagged
from pi_webrtc_streamer.camera.v4l2_choice import ChoiceError, choose, describe, nearest
from pi_webrtc_streamer.camera.v4l2_colours import read_colours
from pi_webrtc_streamer.camera.v4l2_formats import (
    MOST,
    Format,
    Rates,
    Size,
    fourcc_of,
    read_formats,
)
from support import v4l2 as recorded

SIZES = st.integers(0, 2**32 - 1)


def test_the_questions_are_the_kernels():
    assert v4l2_identity.QUERY_CAPABILITY == recorded.QUERYCAP
    assert v4l2_formats.ENUM_FORMATS == recorded.ENUM_FMT
    assert v4l2_formats.ENUM_SIZES == recorded.ENUM_FRAMESIZES
    assert v4l2_formats.ENUM_INTERVALS == recorded.ENUM_FRAMEINTERVALS
    assert v4l2_colours.GET_FORMAT == recorded.G_FMT


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
    assert v4l2_identity.is_camera(answer) == camera
    assert v4l2_identity.is_multiplanar_camera(answer) == (device is recorded.SEVERAL_PLANES)


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


@given(st.integers(1, 9000), st.integers(1, 9000), st.integers(1, 64))
def test_the_nearest_size_is_one_of_those_there_are(width, height, step):
    size = Size(range(16, 4001, step), range(480, 481), Rates((30.0,)))
    wide, high = size.nearest(width, height)
    assert wide in size.widths
    assert high == 480
    assert abs(wide - width) == min(abs(each - width) for each in size.widths)
    assert nearest([Format("YUYV", "", (size,))], width, height) == [(wide, high)]
