# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pixel maps, against what the transformer does to a blob of light."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pi_webrtc_streamer.camera.geometry import Geometry, Transformer
from pi_webrtc_streamer.camera.pixel_map import pixel_map
from pi_webrtc_streamer.camera.source import Picture

SIGMA = 4.0  # pixels


def blob(width: int, height: int, u: float, v: float) -> Picture:
    """Return a picture that is dark but for light around (u, v)."""
    rows, columns = np.mgrid[:height, :width]
    light = 250 * np.exp(-((columns - u) ** 2 + (rows - v) ** 2) / (2 * SIGMA**2))
    chroma = np.full(((height + 1) // 2, (width + 1) // 2), 128, np.uint8)
    return Picture(light.round().astype(np.uint8), chroma, chroma, stamp=0)


def centre(picture: Picture) -> np.ndarray:
    light = picture.y.astype(float)
    light[light < 4] = 0  # the scaler's ringing
    rows, columns = np.mgrid[: picture.height, : picture.width]
    return np.array([(columns * light).sum(), (rows * light).sum()]) / light.sum()


@st.composite
def geometries(draw, width: int = 320, height: int = 240) -> Geometry:
    """Return what can be done to a picture, its middle always kept."""
    crop = None
    if draw(st.booleans()):
        x, y = draw(st.integers(0, width // 4)), draw(st.integers(0, height // 4))
        size = draw(st.integers(width // 2, width - x)), draw(st.integers(height // 2, height - y))
        crop = x, y, *size
    return Geometry(
        crop=crop,
        size=draw(st.sampled_from([(0, 0), (200, 0), (0, 150), (320, 240), (150, 200)])),
        flip_horizontal=draw(st.booleans()),
        flip_vertical=draw(st.booleans()),
        rotation=draw(st.sampled_from([0, 90, 180, 270])),
    )


@settings(max_examples=60)
@given(geometries(), st.floats(120, 150), st.floats(90, 110))
def test_light_goes_where_the_map_says(geometry, u, v):
    picture = Transformer(geometry)(blob(320, 240, u, v))
    expected = pixel_map(geometry, 320, 240)
    assert expected.after == (picture.width, picture.height)
    assert np.abs(expected.matrix @ [u, v, 1] - [*centre(picture), 1]).max() < 0.1


@settings(max_examples=60)
@given(geometries(), geometries(width=100, height=80))
def test_two_in_one(first, second):
    one = pixel_map(first, 320, 240)
    other = pixel_map(second, *one.after)
    both = one.then(other)
    assert (both.before, both.after) == ((320, 240), other.after)
    assert np.allclose(both.matrix @ [3, 4, 1], other.matrix @ (one.matrix @ [3, 4, 1]))
    assert abs(np.linalg.det(both.directions)) == 1
