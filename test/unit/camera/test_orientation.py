# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which way up a picture is meant."""

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from pi_webrtc_streamer.camera.conversion import to_picture
from pi_webrtc_streamer.camera.orientation import UPRIGHT, display_matrix, upright
from support.pictures import pictures, planes, rgb_of
from support.quadrants import assert_quadrants, quadrants

ORIENTATION = 0x112  # of Exif's tags


def first_of(path):
    with av.open(str(path)) as container:
        return next(container.decode(video=0))


def as_held(orientation):
    """Return what the sensor saw, when upright it shows the quadrants: Pillow turns it back."""
    upright_picture = Image.fromarray(quadrants(96, 64))
    undone = {6: 8, 8: 6}.get(orientation, orientation)
    exif = Image.Exif()
    exif[ORIENTATION] = undone
    upright_picture.getexif()[ORIENTATION] = undone
    return ImageOps.exif_transpose(upright_picture)


@pytest.mark.parametrize("form", ["jpg", "png", "webp", "tiff", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_exif_says(tmp_path, form, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / f"picture.{form}"
    as_held(orientation).save(path, exif=exif, quality=95)
    picture = to_picture(VideoReformatter(), first_of(path), 0)
    assert (picture.width, picture.height) == (96, 64)
    assert_quadrants(rgb_of(picture))


@pytest.mark.parametrize("mirrored", [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_video_is_turned_as_its_display_matrix_says(tmp_path, degrees, mirrored):
    path = tmp_path / "phone.mp4"
    seen = quadrants(96, 64)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "5"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv444p"
        stream.set_display_rotation(degrees, *mirrored)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(seen, "rgb24")))
        container.mux(stream.encode())
    picture = to_picture(VideoReformatter(), first_of(path), 0)
    # As FFmpeg documents av_display_matrix_flip: turned (counterclockwise), then mirrored.
    expected = np.rot90(seen, degrees // 90)
    expected = expected[:: -1 if mirrored[1] else 1, :: -1 if mirrored[0] else 1]
    assert rgb_of(picture).shape == expected.shape
    assert np.abs(rgb_of(picture).astype(int) - expected).mean() < 5


def test_what_says_nothing_is_upright():
    assert display_matrix(av.VideoFrame(16, 16, "yuv420p")) == UPRIGHT


@given(pictures, st.tuples(*[st.integers(-(2**31), 2**31 - 1)] * 4))
def test_any_matrix_turns_by_quarters(picture, matrix):
    turned = upright(picture, matrix)
    for before, after in zip(planes(picture), planes(turned), strict=True):
        assert sorted(after.shape) == sorted(before.shape)
        assert sorted(after[[0, -1]][:, [0, -1]].flat) == sorted(before[[0, -1]][:, [0, -1]].flat)
    back = upright(turned, inverse(matrix))
    for before, after in zip(planes(picture), planes(back), strict=True):
        assert np.array_equal(before, after)


def inverse(matrix):
    """Return the matrix that turns back: a turn's inverse is its transpose."""
    a, b, c, d = matrix
    return a, c, b, d
