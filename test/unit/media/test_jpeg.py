# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""JPEG headers, read without decoding."""

import numpy as np
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pi_webrtc_streamer.media.jpeg import JpegError, read_jpeg_header
from support.pictures import saved


def jpeg(width: int, height: int, subsampling: str = "420") -> bytes:
    image = np.zeros((height, width, 3), np.uint8)
    return simplejpeg.encode_jpeg(image, colorsubsampling=subsampling)


def read_jpeg_size(data: memoryview, *limit: int) -> tuple[int, int]:
    return read_jpeg_header(data, *limit)[:2]


def grey(width: int, height: int) -> bytes:
    return simplejpeg.encode_jpeg(np.zeros((height, width, 1), np.uint8), colorspace="GRAY")


def progressive(width: int, height: int) -> bytes:
    """Return a picture in several scans, with tables between them."""
    ramp = np.linspace(0, 255, width * height).reshape(height, width).astype(np.uint8)
    return saved(Image.fromarray(ramp).convert("RGB"), "JPEG", progressive=True)


PROGRESSIVE = progressive(64, 48)


@given(
    st.integers(1, 700), st.integers(1, 700), st.sampled_from(["444", "422", "420", "440", "411"])
)
def test_reads_the_size_of_every_picture(width, height, subsampling):
    assert read_jpeg_size(memoryview(jpeg(width, height, subsampling))) == (width, height)


@given(st.binary(max_size=300))
def test_any_bytes_give_a_size_or_a_jpeg_error(data):
    try:
        width, height = read_jpeg_size(memoryview(b"\xff\xd8" + data))
    except JpegError:
        return
    assert 0 < width < 2**16
    assert 0 < height < 2**16


@given(st.data())
def test_a_picture_cut_short_has_no_end_or_is_refused(data):
    whole = jpeg(64, 48)
    length = data.draw(st.integers(0, len(whole) - 2))
    try:
        assert read_jpeg_header(memoryview(whole[:length])).end is None
    except JpegError:
        assert length < whole.index(b"\xff\xda") + 20


@given(st.sampled_from([jpeg(64, 48), PROGRESSIVE]), st.binary(max_size=3000), st.booleans())
def test_what_is_behind_the_end_is_not_of_the_picture(picture, behind, ended):
    header = read_jpeg_header(memoryview(picture + behind + b"\xff\xd9" * ended))
    assert header.end == len(picture)


def test_an_end_marker_within_a_segment_is_none():
    """Exif has a thumbnail, and comments what anybody wrote."""
    whole = jpeg(64, 48)
    comment = b"\xff\xfe\0\x06\xff\xd9\xff\xd8"
    scan = PROGRESSIVE.index(b"\xff\xda", PROGRESSIVE.index(b"\xff\xda") + 2)
    between_scans = PROGRESSIVE[:scan] + comment + PROGRESSIVE[scan:]
    for picture in (whole[:2] + comment + whole[2:], between_scans):
        assert read_jpeg_header(memoryview(picture + bytes(50))).end == len(picture)


def test_the_next_picture_does_not_end_one_without_an_end():
    picture = jpeg(64, 48)
    assert read_jpeg_header(memoryview(picture[:-2] + picture)).end is None


def test_components():
    assert read_jpeg_header(memoryview(jpeg(64, 48))).components == 3
    assert read_jpeg_header(memoryview(grey(64, 48))).components == 1


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "holds no picture data"),
        (b"\x89PNG\r\n\x1a\n", "it begins with 89 50 4e 47 instead of ff d8"),
        (jpeg(64, 48)[:23], "cut short"),
        (b"\xff\xd8\x00\x00\x00\x00\xff\xd9", "no marker at byte 2"),
        (b"\xff\xd8\xff\xd9\xff\xd9", "says no size"),
    ],
)
def test_says_what_is_wrong(data, why):
    with pytest.raises(JpegError, match=why):
        read_jpeg_size(memoryview(data))


def with_size(data: bytes, width: int, height: int) -> bytes:
    """Return a JPEG that claims another size."""
    place = data.index(b"\xff\xc0") + 5
    return data[:place] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + data[place + 4 :]


def test_a_bomb_is_refused_by_its_header():
    bomb = with_size(jpeg(8, 8), 65_500, 65_500)
    with pytest.raises(JpegError, match=r"65500x65500 has more than 16000000 pixels.*max_pixels"):
        read_jpeg_size(memoryview(bomb))
    assert read_jpeg_size(memoryview(bomb), 65_500**2) == (65_500, 65_500)


@given(st.integers(1, 65_535), st.integers(1, 65_535), st.integers(1, 2**32))
def test_no_picture_has_more_pixels_than_are_allowed(width, height, max_pixels):
    data = memoryview(with_size(jpeg(8, 8), width, height))
    if width * height <= max_pixels:
        assert read_jpeg_size(data, max_pixels) == (width, height)
    else:
        with pytest.raises(JpegError, match="pixels"):
            read_jpeg_size(data, max_pixels)


@pytest.mark.parametrize("filling", [b"\xff", b"\xff\xd0", b"\xff\xe0\0\2"])
def test_markers_without_end_are_not_all_read(filling):
    data = b"\xff\xd8" + filling * 1_000_000 + b"\xff\xd9"
    with pytest.raises(JpegError, match="says no size"):
        read_jpeg_size(memoryview(data))


def test_a_segment_shorter_than_its_own_length_is_refused():
    with pytest.raises(JpegError, match="a segment of 1 bytes"):
        read_jpeg_size(memoryview(b"\xff\xd8\xff\xe0\0\1\xff\xd9"))
