# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A small picture is shown in large squares, each of the colour of its pixel."""

import numpy as np
import pytest
import simplejpeg
from av.video.frame import VideoFrame
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pi_webrtc_streamer.media.decoder import JpegDecoder
from pi_webrtc_streamer.media.sizes import enlargement
from support.pictures import jpeg


def planes(frame: VideoFrame) -> list[np.ndarray]:
    """Return Y, U and V without the bytes that pad their rows."""
    return [
        np.frombuffer(plane, np.uint8)
        .reshape(plane.height, plane.line_size)[:, : plane.width]
        .astype(int)
        for plane in frame.planes
    ]


@settings(max_examples=60)
@example(1, 8, "444", 0)
@given(
    st.integers(1, 95),
    st.integers(1, 95),
    st.sampled_from(["444", "422", "420", "440", "Gray"]),
    st.integers(0, 2**32 - 1),
)
def test_each_pixel_is_a_square_of_one_colour(width, height, subsampling, seed):
    rng = np.random.default_rng(seed)
    channels = 1 if subsampling == "Gray" else 3
    image = rng.integers(0, 256, (height, width, channels), np.uint8)
    space = "GRAY" if subsampling == "Gray" else "RGB"
    data = simplejpeg.encode_jpeg(image, 90, space, subsampling)
    frame = JpegDecoder().decode(memoryview(data))
    factor = enlargement(width, height)
    assert (frame.width, frame.height) == (factor * width, factor * height)
    for plane, square in zip(planes(frame), (factor, factor // 2, factor // 2), strict=True):
        # swscale counts in 65536ths of a pixel: edges of large squares may be off a little.
        inner = slice(square // 30, square - square // 30)
        squares = plane.reshape(height, square, width, square)[:, inner, :, inner]
        assert (squares == squares[:, :1, :, :1]).all()


@pytest.mark.parametrize("size", [(8, 8), (32, 24), (9, 7), (1, 1), (64, 8)])
def test_the_colours_are_those_of_another_decoder(size):
    width, height = size
    image = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    data = simplejpeg.encode_jpeg(image, 95, "RGB", "444")
    rgb = simplejpeg.decode_jpeg(data, "RGB").astype(float)
    y, u, v = planes(JpegDecoder().decode(memoryview(data)))
    factor = enlargement(width, height)
    # Where RGB ends, what JPEG holds may go beyond it.
    inside = ((rgb > 2) & (rgb < 253)).all(2)
    weights = ((0.299, 0.587, 0.114), (-0.1687, -0.3313, 0.5), (0.5, -0.4187, -0.0813))
    for plane, square, weight in zip(
        (y, u - 128, v - 128), (factor, factor // 2, factor // 2), weights, strict=True
    ):
        shown = plane[square // 2 :: square, square // 2 :: square]
        assert np.abs(shown - rgb @ weight)[inside].max(initial=0) < 4


def test_a_larger_picture_is_left_alone():
    frame = JpegDecoder().decode(jpeg(128, 96))
    assert (frame.width, frame.height) == (128, 96)


def test_a_picture_of_one_row_is_no_error():
    frame = JpegDecoder().decode(jpeg(5000, 1))
    assert (frame.width, frame.height) == (10_000, 2)
