# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which grey pictures are Bayer mosaics, and how many bits their values have."""

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.media.mosaic import SensorBits, is_mosaic
from support.quadrants import quadrants
from support.raw_images import mosaic


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_a_mosaic_of_colours_is_told_from_grey(pattern):
    rgb = quadrants(320, 240)
    assert is_mosaic(mosaic(rgb, pattern))
    assert not is_mosaic(rgb.mean(2).astype(np.uint8))


def test_a_grey_picture_with_much_detail_is_none():
    random = np.random.default_rng(1)
    noise = random.normal(128, 20, (240, 320)).clip(0, 255).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(noise, "gray")
    for picture in (noise, frame.reformat(width=640, height=480).to_ndarray(format="gray")):
        assert not is_mosaic(picture)


@given(st.lists(st.integers(0, 2**16 - 1), min_size=1))
def test_bits_never_become_fewer_and_hold_every_value(brightest):
    sensor, shift = SensorBits(), 2
    for value in brightest:
        levels = sensor.to_8_bits(np.array([[value, 0]], np.uint16))
        while value >> shift > 255 or value >= 1 << shift + 8:
            shift += 2
        assert levels.tolist() == [[value >> shift, 0]]
