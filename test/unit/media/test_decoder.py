# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""JPEG pictures of any kind are decoded, or refused."""

import contextlib

import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pi_webrtc_streamer.media.decoder import DecodeError, JpegDecoder
from pi_webrtc_streamer.media.jpeg import read_jpeg_header
from support.pictures import jpeg, luma, saved
from support.quadrants import assert_quadrants, quadrants


@pytest.mark.parametrize("subsampling", ["444", "422", "420", "440", "411", "Gray"])
def test_every_subsampling_is_taken(subsampling):
    image = np.full((48, 64, 3 if subsampling != "Gray" else 1), 100, np.uint8)
    space = "RGB" if subsampling != "Gray" else "GRAY"
    data = simplejpeg.encode_jpeg(image, colorspace=space, colorsubsampling=subsampling)
    frame = JpegDecoder().decode(memoryview(data))
    assert frame.format.name == "yuvj420p"
    assert abs(luma(frame).mean() - 100) < 2


def in_colours(mode: str = "RGB", **options) -> bytes:
    picture = Image.fromarray(quadrants(160, 120)).convert(mode)
    return saved(picture, "JPEG", quality=92, **options)


def avi1(jpeg: bytes) -> bytes:
    """Return a JPEG as webcams and AVI files have it: without the tables that all of them have."""
    result, offset = jpeg[:2] + b"\xff\xe0\0\x10AVI1" + bytes(10), 2
    while jpeg[offset + 1] != 0xDA:
        end = offset + 2 + int.from_bytes(jpeg[offset + 2 : offset + 4], "big")
        if jpeg[offset + 1] != 0xC4:
            result += jpeg[offset:end]
        offset = end
    return result + jpeg[offset:]


VARIANTS = {
    "baseline": in_colours(),
    "AVI1": avi1(in_colours()),
    "progressive": in_colours(progressive=True),
    "tables of its own": in_colours(optimize=True),
    "restart markers": in_colours(restart_marker_blocks=4),
    "RGB": in_colours(keep_rgb=True),
    "CMYK": in_colours("CMYK"),
    "a colour profile in several segments": in_colours(icc_profile=bytes(100_000)),
    "a comment with an end marker": in_colours(comment=b"\xff\xd9\xff\xd8"),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_kind_of_jpeg_is_taken(variant):
    data = VARIANTS[variant]
    assert read_jpeg_header(memoryview(data)).end == len(data)
    frame = JpegDecoder().decode(memoryview(data))
    assert frame.format.name == "yuvj420p"
    assert_quadrants(frame.to_ndarray(format="rgb24"))


def test_one_decoder_takes_pictures_that_change_size():
    decoder = JpegDecoder()
    for size in [(128, 96), (641, 481), (128, 96), (320, 240), (641, 481)]:
        frame = decoder.decode(jpeg(*size))
        assert (frame.width, frame.height) == (size[0] // 2 * 2, size[1] // 2 * 2)


@given(st.floats(0.1, 0.98), st.sampled_from([b"", b"\xff\xd9"]))
def test_a_part_of_a_picture_is_refused(share, end):
    whole = jpeg(640, 480)
    scan = bytes(whole).index(b"\xff\xda") + 14
    part = bytes(whole[: scan + round(share * (len(whole) - scan))]) + end
    with pytest.raises(DecodeError, match="damaged or cut short"):
        JpegDecoder().decode(memoryview(part))


@settings(max_examples=60)
@given(st.data())
def test_a_damaged_jpeg_gives_a_picture_or_a_decode_error(data):
    """Whatever is wrong, the decoder says so, and takes the next picture."""
    damaged = bytearray(jpeg(128, 96))
    for _ in range(data.draw(st.integers(1, 30))):
        damaged[data.draw(st.integers(2, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    decoder = JpegDecoder()
    with contextlib.suppress(DecodeError):
        decoder.decode(memoryview(bytes(damaged)))
    assert decoder.decode(jpeg(128, 96)).width == 128


def test_a_picture_larger_than_its_first_header_says_is_not_decoded():
    """What is looked at before is the first header; FFmpeg goes by the last."""
    small, large = bytes(jpeg(128, 96)), bytes(jpeg(640, 480))
    bomb = memoryview(small[: small.index(b"\xff\xda")] + large)
    assert read_jpeg_header(bomb)[:2] == (128, 96)
    assert JpegDecoder().decode(bomb).width == 640
    decoder = JpegDecoder(max_pixels=128 * 96)
    with pytest.raises(DecodeError):
        decoder.decode(bomb)
    assert decoder.decode(jpeg(128, 96)).width == 128
