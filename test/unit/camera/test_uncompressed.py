# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures without compression, against what JPEG makes of them."""

import cv2
import numpy as np
import pytest
import simplejpeg

from pi_webrtc_streamer.camera.jpeg import encode_jpeg
from pi_webrtc_streamer.camera.pattern import PatternSource
from pi_webrtc_streamer.camera.source import Picture
from pi_webrtc_streamer.camera.uncompressed import Uncompressor
from support.pictures import captured


@pytest.fixture(scope="module", params=[(640, 480), (641, 481)], ids=["even", "odd"])
def picture(request) -> Picture:
    return captured(PatternSource(*request.param, framerate=200.0))[0]


def rows(picture: Picture, encoding: str) -> np.ndarray:
    pixels = Uncompressor(encoding)(picture)
    assert (pixels.width, pixels.height) == (picture.width, picture.height)
    assert len(pixels.data) == pixels.step * pixels.height
    return np.frombuffer(pixels.data, np.uint8).reshape(pixels.height, pixels.step)


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "yuv422_yuy2"])
def test_colours_are_those_of_the_jpeg(picture, encoding):
    octets = rows(picture, encoding)
    if encoding == "yuv422_yuy2":
        pairs = octets.reshape(picture.height, -1, 2)
        colours = cv2.cvtColor(pairs, cv2.COLOR_YUV2RGB_YUY2)[:, : picture.width]
    else:
        colours = octets.reshape(picture.height, picture.width, 3)
        colours = colours[:, :, ::-1] if encoding == "bgr8" else colours
    expected = simplejpeg.decode_jpeg(encode_jpeg(picture, 100), "RGB")
    difference = colours.astype(int) - expected
    # Colours between two that are stored are made up in another way: at edges there is much.
    assert np.abs(difference).mean((0, 1)).max() < 1.5
    assert abs(difference.mean()) < 1


def test_grey_is_the_luma_itself(picture):
    assert np.array_equal(rows(picture, "mono8"), picture.y)
