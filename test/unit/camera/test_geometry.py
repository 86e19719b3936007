# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Crop, scale, flip and rotation."""

import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st

from pi_webrtc_streamer.camera.geometry import Geometry, Transformer
from pi_webrtc_streamer.camera.jpeg import encode_jpeg
from pi_webrtc_streamer.camera.opening import open_source
from pi_webrtc_streamer.camera.pattern import (
    PatternSource,
)
from pi_webrtc_streamer.camera.source import Picture, SourceError
from pi_webrtc_streamer.settings.camera import CameraSettings
from support.pictures import captured, pictures, planes


@given(pictures, st.booleans(), st.booleans(), st.sampled_from([0, 90, 180, 270]))
def test_flip_and_rotation(picture, horizontal, vertical, rotation):
    geometry = Geometry(flip_horizontal=horizontal, flip_vertical=vertical, rotation=rotation)

    changed = Transformer(geometry)(picture)

    for before, after in zip(planes(picture), planes(changed), strict=True):
        expected = before[:, ::-1] if horizontal else before
        expected = expected[::-1] if vertical else expected
        assert np.array_equal(np.rot90(expected, -rotation // 90), after)
    encode_jpeg(changed, 80)


@given(
    pictures,
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 90, 180, 270]),
    st.data(),
)
def test_a_source_that_mirrors_leaves_the_rest_to_do(picture, horizontal, vertical, rotation, data):
    """What the sensor mirrors, all of it or less, and the rest in software make the whole."""
    height, width = picture.y.shape
    x, y = (2 * data.draw(st.integers(0, side // 2 - 1)) for side in (width, height))
    size = [
        2 * data.draw(st.integers(1, (side - at) // 2)) for side, at in ((width, x), (height, y))
    ]
    geometry = Geometry((x, y, *size), (0, 0), horizontal, vertical, rotation)
    mirrored = data.draw(st.booleans()), data.draw(st.booleans())
    mirror = Geometry(flip_horizontal=mirrored[0], flip_vertical=mirrored[1])

    by_source = Transformer(mirror)(picture)
    both = Transformer(geometry.after_mirroring(mirrored, width, height))(by_source)

    for one, other in zip(planes(Transformer(geometry)(picture)), planes(both), strict=True):
        assert np.array_equal(one, other)


@settings(max_examples=30)
@given(pictures, st.integers(0, 90), st.integers(0, 90))
def test_scaling_gives_the_size_and_keeps_a_flat_picture(picture, width, height):
    width, height = 2 * width, 2 * height
    flat = Picture(*(np.full_like(plane, 90) for plane in planes(picture)), stamp=1)
    scaled = Transformer(Geometry(size=(width, height)))(flat)
    expected = Geometry(size=(width, height)).scaled_size(flat.width, flat.height)
    assert (scaled.width, scaled.height) == expected
    assert all(abs(int(plane.min()) - 90) <= 1 for plane in planes(scaled))
    encode_jpeg(scaled, 80)


def test_a_crop_outside_is_named():
    settings = CameraSettings(source="pattern", crop=[1000, 0, 400, 100])
    with pytest.raises(SourceError, match=r"crop \[1000, 0, 400, 100\] .* 1280x720"):
        open_source(settings)


def test_cropped_odd_pictures_can_be_encoded():
    picture = captured(PatternSource(641, 481, framerate=200))[0]
    cropped = Transformer(Geometry(crop=(3, 5, 101, 77)))(picture)
    assert (cropped.width, cropped.height) == (101, 77)
    assert simplejpeg.decode_jpeg_header(encode_jpeg(cropped, 80))[:2] == (77, 101)
