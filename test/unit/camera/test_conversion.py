# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Decoded pictures of every kind, in the form of all sources."""

from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.camera.conversion import Untagged, square_pixels, to_picture
from pi_webrtc_streamer.camera.source import SourceError
from pi_webrtc_streamer.settings.camera import LARGEST_SIDE
from support.pictures import rgb_of
from support.quadrants import COLOURS, assert_quadrants, colours_of, quadrants

# Kr and Kb (ITU-T H.273, table 4), by FFmpeg's number for the matrix.
WEIGHTS = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}
UNSPECIFIED = 2
BOTH = pytest.mark.parametrize("full_range", [False, True], ids=["limited", "full"])


def yuv(rgb, matrix, full_range, form="yuv420p", tagged=True):
    """Return a frame computed here, by the definitions, of (height, width, RGB) from 0 to 1."""
    red, green, blue = (rgb[:, :, channel] for channel in range(3))
    kr, kb = WEIGHTS[matrix]
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    chroma = (blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))
    depth = 10 if "10" in form else 8
    top = 2**depth - 1 if full_range else 219 * 2 ** (depth - 8)
    span = 2**depth - 1 if full_range else 224 * 2 ** (depth - 8)
    foot = 0 if full_range else 16 * 2 ** (depth - 8)
    planes = [foot + top * luma, *(2 ** (depth - 1) + span * each[::2, ::2] for each in chroma)]
    frame = av.VideoFrame(rgb.shape[1], rgb.shape[0], form)
    kind = np.uint16 if depth > 8 else np.uint8
    for plane, values in zip(frame.planes, planes, strict=False):  # grey has no chroma
        rows = np.frombuffer(plane, kind).reshape(plane.height, -1)
        rows[:, : values.shape[1]] = values.round().clip(0, 2**depth - 1)
    if tagged:
        frame.colorspace = matrix
        frame.color_range = ColorRange.JPEG if full_range else ColorRange.MPEG
    return frame


def colours(width=64, height=48):
    return quadrants(width, height) / 255


def shown(frame, **how):
    return rgb_of(to_picture(VideoReformatter(), frame, 7, **how))


@pytest.mark.parametrize("form", ["yuv420p", "yuv420p10le"])
@BOTH
@pytest.mark.parametrize("matrix", WEIGHTS)
def test_every_tag_is_believed(matrix, full_range, form):
    assert_quadrants(shown(yuv(colours(), matrix, full_range, form)))


@pytest.mark.parametrize(("height", "matrix"), [(48, 5), (576, 5), (720, 1), (1080, 1)])
def test_without_a_tag_the_size_decides(height, matrix):
    frame = yuv(colours(64, height), matrix, False, tagged=False)
    assert frame.colorspace == UNSPECIFIED
    assert_quadrants(shown(frame))


def test_without_a_tag_a_jpeg_is_as_jfif_has_it():
    assert_quadrants(shown(yuv(colours(64, 720), 5, True, "yuvj420p", tagged=False)))


@BOTH
@pytest.mark.parametrize(
    ("matrix", "untagged"), [(5, Colorspace.ITU601), (1, Colorspace.ITU709), (9, Colorspace.BT2020)]
)
def test_without_a_tag_what_else_is_known_counts(matrix, untagged, full_range):
    frame = yuv(colours(64, 720), matrix, full_range, tagged=False)
    assert_quadrants(shown(frame, untagged=Untagged(untagged, full_range)))
    tagged = yuv(colours(64, 720), 1, False)
    assert_quadrants(shown(tagged, untagged=Untagged(untagged, full_range)))


@pytest.mark.parametrize("matrix", [8, 11, 13, 14, 15])
def test_colours_that_cannot_be_converted_are_named(matrix):
    frame = yuv(colours(), 5, False)
    frame.colorspace = matrix
    with pytest.raises(SourceError, match=r"its colours are .* cannot be converted; recode it"):
        shown(frame)


@pytest.mark.parametrize(
    "form",
    [
        *("rgb24", "bgr24", "rgba", "argb", "rgb0", "gbrp", "gbrap", "gbrp10le", "gbrpf32le"),
        *("rgb48le", "rgba64be", "x2rgb10le", "rgb565le", "bgr8"),
    ],
)
@pytest.mark.parametrize("colorspace", [0, 1, 2, 5, 9])
def test_red_green_and_blue_have_no_matrix(form, colorspace):
    rgb = av.VideoFrame.from_ndarray(quadrants(64, 720), "rgb24")
    frame = VideoReformatter().reformat(rgb, format=form)
    frame.colorspace = colorspace
    assert_quadrants(shown(frame))


@pytest.mark.parametrize("form", ["yuyv422", "uyvy422", "nv12", "yuv444p", "yuv411p", "p010le"])
def test_every_order_of_pixels(form):
    planar = yuv(colours(), 5, False)
    frame = VideoReformatter().reformat(planar, format=form, dst_color_range=ColorRange.MPEG)
    frame.colorspace, frame.color_range = UNSPECIFIED, ColorRange.UNSPECIFIED
    assert_quadrants(shown(frame))


@BOTH
@pytest.mark.parametrize("form", ["gray", "gray10le"])
def test_grey_goes_from_black_to_white(form, full_range):
    ramp = np.linspace(0, 1, 64)[None, :, None].repeat(48, 0).repeat(3, 2)
    seen = shown(yuv(ramp, 5, full_range, form))
    assert np.abs(seen - 255 * ramp).max() <= 2


@pytest.mark.parametrize("form", ["rgba", "yuva420p", "gbrap", "ya8", "rgba64le"])
def test_what_can_be_looked_through_lies_on_white(form):
    rgba = np.zeros((96, 64, 4), np.uint8)
    rgba[:48, :, 3] = 255  # black above; below, through black that is not there, white
    rgba[40:48, :, 3] = 128
    source = av.VideoFrame.from_ndarray(rgba, "rgba")
    seen = shown(VideoReformatter().reformat(source, format=form))
    assert seen[:36].max() <= 3
    assert seen[52:].min() >= 252
    assert abs(int(seen[44, 32, 1]) - 127) <= 3


@pytest.mark.parametrize("primaries", [9, UNSPECIFIED], ids=["tagged", "untagged"])
@pytest.mark.parametrize("transfer", [16, 18], ids=["PQ", "HLG"])
def test_high_dynamic_range_is_shown_as_it_looks(transfer, primaries):
    """Not to a shade: how bright white is meant, each converter decides for itself."""
    frame = yuv(as_hdr(colours(), transfer), 9, False, "yuv420p10le")
    frame.color_trc, frame.color_primaries = transfer, primaries
    assert np.abs(colours_of(shown(frame)) - COLOURS).max() <= 48


def as_hdr(rgb, transfer):
    """Return what BT.2100 has for colours of BT.709, whose white is at 203 cd/m² (BT.2408)."""
    light = np.where(rgb < 0.081, rgb / 4.5, ((rgb + 0.099) / 1.099) ** (1 / 0.45))
    to_bt2020 = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
    light = (light @ np.transpose(to_bt2020)).clip(0)
    if transfer == 16:
        power = (light * 203 / 10000) ** 0.1593017578125
        return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    light = light * 0.265
    high = 0.17883277 * np.log(np.maximum(12 * light - 0.28466892, 1e-9)) + 0.55991073
    return np.where(light <= 1 / 12, np.sqrt(3 * light), high)


def test_the_stamp_is_kept():
    assert to_picture(VideoReformatter(), yuv(colours(), 5, False), 7).stamp == 7


@pytest.mark.parametrize(
    ("size", "shape", "square"),
    [
        ((320, 480), Fraction(2), (640, 480)),
        ((640, 240), Fraction(1, 2), (640, 480)),
        ((720, 576), Fraction(16, 15), (768, 576)),
        ((720, 480), Fraction(8, 9), (720, 540)),
        ((640, 480), Fraction(1), (640, 480)),
        ((640, 480), None, (640, 480)),
        ((640, 480), Fraction(0), (640, 480)),
        ((640, 480), Fraction(1, 10000), (640, 480)),
        ((640, 480), Fraction(10000), (640, 480)),
        ((8000, 4000), Fraction(2), (8192, 2048)),
    ],
)
def test_pixels_become_square(size, shape, square):
    assert square_pixels(*size, shape) == square
    width, height = size
    if width < 1000:
        frame = yuv(colours(width, height), 5, False)
        seen = shown(frame, pixel_shape=shape)
        assert seen.shape[1::-1] == square
        assert_quadrants(seen)


@given(
    st.integers(1, LARGEST_SIDE),
    st.integers(1, LARGEST_SIDE),
    st.none() | st.fractions(min_value=0, max_value=2**31, max_denominator=2**31),
)
def test_square_pixels_keep_within_bounds(width, height, shape):
    wide, high = square_pixels(width, height, shape)
    assert 1 <= wide <= LARGEST_SIDE
    assert 1 <= high <= LARGEST_SIDE
