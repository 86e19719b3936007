# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Planes become the same picture as a JPEG of them does, without a loss."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pi_webrtc_streamer.camera.jpeg import encode_jpeg
from pi_webrtc_streamer.camera.planes import copy_planes
from pi_webrtc_streamer.camera.source import Picture
from pi_webrtc_streamer.direct.slots import picture_bytes
from pi_webrtc_streamer.media.decoder import JpegDecoder, PictureDecoder
from pi_webrtc_streamer.media.frame import PlanarFrame
from pi_webrtc_streamer.media.planes import copied, filled
from pi_webrtc_streamer.media.stages import StageTimes


def picture(width: int, height: int, seed: int = 1) -> Picture:
    random = np.random.default_rng(seed)
    chroma = (height + 1) // 2, (width + 1) // 2
    y, u, v = (
        random.integers(0, 256, shape, np.uint8) for shape in ((height, width), chroma, chroma)
    )
    return Picture(y, u, v, stamp=1)


def planar(shown: Picture) -> PlanarFrame:
    size = picture_bytes(shown.width, shown.height)
    packet = filled(size, lambda place: copy_planes(shown, place))
    return PlanarFrame(packet, StageTimes(1), shown.width, shown.height)


@settings(deadline=None)
@given(st.integers(96, 200), st.integers(96, 200), st.integers(0, 9))
def test_no_pixel_is_changed(width, height, seed):
    shown = picture(width, height, seed)
    frame = PictureDecoder().decode(planar(shown))
    assert frame.format.name == "yuvj420p"
    assert (frame.width, frame.height) == (width // 2 * 2, height // 2 * 2)
    for plane, values in zip(frame.planes, (shown.y, shown.u, shown.v), strict=True):
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height]
        assert np.array_equal(rows[:, : plane.width], values[: plane.height, : plane.width])


@pytest.mark.parametrize("size", [(320, 240), (8, 8), (97, 33), (1280, 720)])
def test_it_is_like_the_jpeg_of_it(size):
    chroma = tuple((side + 1) // 2 for side in reversed(size))
    grey = Picture(
        np.full(size[::-1], 77, np.uint8),
        np.full(chroma, 90, np.uint8),
        np.full(chroma, 160, np.uint8),
        stamp=1,
    )
    mine = PictureDecoder().decode(planar(grey))
    its = JpegDecoder().decode(memoryview(encode_jpeg(grey, 95)))
    assert (mine.width, mine.height, mine.format.name) == (its.width, its.height, its.format.name)
    assert (mine.color_range, mine.colorspace) == (its.color_range, its.colorspace)
    difference = mine.to_ndarray(format="rgb24").astype(int) - its.to_ndarray(format="rgb24")
    assert abs(difference).max() <= 2


def test_one_decoder_takes_planes_of_any_size_and_jpeg():
    decoder = PictureDecoder()
    for size in ((320, 240), (160, 120), (320, 240)):
        assert decoder.decode(planar(picture(*size))).width == size[0]


def test_a_copy_is_a_copy():
    planes = bytearray(b"abc")
    packet = copied(memoryview(planes))
    planes[:] = b"xyz"
    assert bytes(packet) == b"abc"
