# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Uncompressed pictures to JPEG: the colours stay, whatever the encoding, size and padding."""

import sys

import numpy as np
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pi_webrtc_streamer.media.cdr import Image, ImageError
from pi_webrtc_streamer.media.raw_image import encode_jpeg, scale_to_8_bits
from pi_webrtc_streamer.ros.cv_convert import to_bgr
from support.quadrants import assert_quadrants, quadrants
from support.raw_images import BAYER, EIGHT_BITS, NEEDS_CV_BRIDGE, YUV, halves, image_of

GREY = ("mono8", "8UC1")
SIXTEEN_BITS = ("rgb16", "bgr16", "mono16", "16UC1", "16UC3")
LOSS = 6  # how far JPEG, and rounding to YUV before, may take a flat colour

colours = st.tuples(*[st.integers(0, 255)] * 3)


def refuse(image: Image) -> np.ndarray:
    """Stand where cv_bridge does, and convert nothing."""
    raise ImageError(f"cv_bridge was asked for {image.encoding}")


def decoded(jpeg: bytes) -> np.ndarray:
    return simplejpeg.decode_jpeg(jpeg, "RGB").astype(int)


def assert_halves(jpeg: bytes, left, right, loss: int = LOSS) -> None:
    """See that the picture has these colours to the left and right of its middle."""
    picture = decoded(jpeg)
    quarter = picture.shape[1] // 4
    assert np.abs(picture[:, :quarter] - left).max() <= loss
    assert np.abs(picture[:, -quarter:] - right).max() <= loss


@given(
    st.sampled_from(EIGHT_BITS),
    st.integers(64, 131),
    st.integers(1, 40),
    colours,
    colours,
    st.integers(0, 40),
    st.booleans(),
)
def test_colours_of_8_bits_stay(encoding, width, height, left, right, padding, big_endian):
    image = halves(encoding, width, height, left, right, padding=padding, big_endian=big_endian)

    jpeg = encode_jpeg(image, refuse)

    size = height, width
    if encoding in GREY:
        assert simplejpeg.decode_jpeg_header(jpeg)[:3] == (*size, "Gray")
        left, right = (int(np.mean(left)),) * 3, (int(np.mean(right)),) * 3
    else:
        assert simplejpeg.decode_jpeg_header(jpeg) == (*size, "YCbCr", "444")
    assert_halves(jpeg, left, right)


@given(
    st.sampled_from(YUV),
    st.integers(32, 65).map(lambda half: 2 * half),
    st.integers(2, 40),
    colours,
    colours,
    st.integers(0, 40),
)
def test_yuv_of_video_range_becomes_full_range(encoding, width, height, left, right, padding):
    jpeg = encode_jpeg(halves(encoding, width, height, left, right, padding=padding), refuse)

    assert simplejpeg.decode_jpeg_header(jpeg) == (height, width, "YCbCr", "420")
    assert_halves(jpeg, left, right)


@given(st.sampled_from(SIXTEEN_BITS), st.integers(64, 131), st.integers(0, 40), st.booleans())
def test_16_bits_are_scaled_in_either_byte_order(encoding, width, padding, big_endian):
    image = halves(
        encoding, width, 20, (0, 0, 0), (255,) * 3, padding=padding, big_endian=big_endian
    )

    assert_halves(encode_jpeg(image, refuse), (0, 0, 0), (255, 255, 255))


@pytest.mark.parametrize("size", [(8, 8), (32, 24), (80, 60)])
def test_each_pixel_of_a_small_picture_keeps_its_colour(size):
    """As of a thermal camera whose node has coloured it."""
    width, height = size
    columns = np.arange(width) % 2
    rgb = np.where(columns[None, :, None], (200, 60, 40), (40, 60, 200)).astype(np.uint8)
    data = memoryview(np.repeat(rgb, height, 0).tobytes())
    image = Image(7, "thermal", height, width, "rgb8", False, 3 * width, data)
    picture = decoded(encode_jpeg(image, refuse))
    assert np.abs(picture - rgb).max() <= 4


@pytest.mark.parametrize("big_endian", [False, True])
def test_depth_is_scaled_and_what_is_unknown_is_black(big_endian):
    depth = np.full((32, 96), np.nan, ">f4" if big_endian else "<f4")
    depth[:, 32:64], depth[:, 64:] = 0.5, 2.5
    depth[:4, :32] = np.inf
    image = Image(0, "", 32, 96, "32FC1", big_endian, 96 * 4, memoryview(depth.tobytes()))

    picture = decoded(encode_jpeg(image, refuse))

    assert picture[:, :64].max() <= LOSS
    assert picture[:, 64:].min() >= 255 - LOSS


@given(
    st.sampled_from(["u2", ">u2", "i1", "i2", "i4", "f4", ">f4", "f8"]).flatmap(
        lambda dtype: arrays.arrays(dtype, (4, 5, 1))
    )
)
def test_scaling_takes_the_least_to_black_and_the_greatest_to_white(pixels):
    scaled = scale_to_8_bits(pixels)

    assert scaled.dtype == np.uint8
    known = np.isfinite(pixels)
    assert not scaled[~known].any()
    if not scaled.any():
        return  # one value, or none
    values = pixels[known].astype(np.float64)
    assert scaled[known][values.argmin()] == 0
    assert scaled[known][values.argmax()] == 255
    assert (np.diff(scaled[known][np.argsort(values)].astype(int)) >= 0).all()


COLOURS = ("rgb8", "bgra8", "rgb16", "bgr16", "rgba16", "16UC3", *YUV)


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize(
    "encoding", [*COLOURS, *(pytest.param(each, marks=NEEDS_CV_BRIDGE) for each in BAYER)]
)
def test_four_colours_stay_in_their_places(encoding, big_endian):
    image = image_of(encoding, quadrants(98, 61), padding=6, big_endian=big_endian)
    assert_quadrants(decoded(encode_jpeg(image, to_bgr)))


@pytest.mark.parametrize("encoding", ["NV12", "YUYV", "yuy2", "yuyv422", "uyvy422", "yuv420p"])
def test_names_of_others(encoding):
    ours = {"yuy2": "yuyv", "yuyv422": "yuyv", "uyvy422": "uyvy", "yuv420p": "i420"}
    image = image_of(ours.get(encoding, encoding.lower()), quadrants(96, 64))
    assert_quadrants(decoded(encode_jpeg(image._replace(encoding=encoding), refuse)))


@NEEDS_CV_BRIDGE
@pytest.mark.parametrize("bits", [10, 12, 16])
def test_a_sensor_of_fewer_bits_is_as_bright(bits):
    """Its values are at the lower end of 16 bits, as libcamera delivers them."""
    image = image_of("bayer_rggb16", quadrants(96, 64))
    values = np.frombuffer(image.data, "<u2") >> (16 - bits)
    image = image._replace(data=memoryview(values.astype("<u2").tobytes()))
    assert_quadrants(decoded(encode_jpeg(image, to_bgr)))


def test_16_bits_of_colour_are_not_stretched():
    dark = np.full((64, 96, 3), (60, 20, 40), np.uint8)
    picture = decoded(encode_jpeg(image_of("rgb16", dark), refuse))
    assert np.abs(picture - (60, 20, 40)).max() <= LOSS


def test_a_picture_of_two_values_is_not_black():
    pixels = np.array([[[1000], [1001]]], np.uint16)

    assert scale_to_8_bits(pixels).tolist() == [[[0], [255]]]


@NEEDS_CV_BRIDGE
@pytest.mark.parametrize("encoding", BAYER)
@pytest.mark.parametrize("padding", [0, 6])
def test_cv_bridge_converts_bayer_patterns(encoding, padding):
    image = halves(encoding, 96, 32, (255, 0, 0), (0, 255, 255), padding=padding)

    assert_halves(encode_jpeg(image, to_bgr), (255, 0, 0), (0, 255, 255))


@given(
    st.sampled_from([*EIGHT_BITS, *YUV, *SIXTEEN_BITS, *BAYER, "64FC1", "32SC1", "nonsense", ""]),
    st.integers(0, 20),
    st.integers(0, 20),
    st.integers(0, 200),
    st.binary(max_size=1000),
    st.booleans(),
)
def test_any_message_gives_a_picture_or_an_image_error(
    encoding, width, height, step, data, big_endian
):
    image = Image(0, "", height, width, encoding, big_endian, step, memoryview(data))
    try:
        jpeg = encode_jpeg(image, refuse)
    except ImageError:
        return
    assert simplejpeg.decode_jpeg_header(jpeg)[:2] == (height, width)


GOOD = halves("bgr8", 16, 8, (1, 2, 3), (4, 5, 6))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"width": 0}, "holds no picture: its size is 0x8"),
        ({"height": 0}, "holds no picture: its size is 16x0"),
        ({"data": GOOD.data[:-1]}, r'\(encoding "bgr8"\) is cut short: 383 bytes where 8 rows'),
        ({"step": 47}, 'step is 47 bytes, but a row of 16 pixels of encoding "bgr8" has 48'),
        ({"width": 17}, "its publisher must set step"),
        ({"encoding": "yuyv", "width": 15}, 'width is 15, and pictures of encoding "yuyv" have an'),
        pytest.param(
            {"encoding": "nonsense"},
            'encoding "nonsense" is none that this cv_bridge can convert',
            marks=NEEDS_CV_BRIDGE,
        ),
        pytest.param(
            {"encoding": "32FC2"},
            'encoding "32FC2" is none .* send rgb8, bgr8 or mono8',
            marks=NEEDS_CV_BRIDGE,
        ),
        (
            {"width": 70_000, "height": 1, "step": 0x40000, "data": memoryview(bytes(0x40000))},
            "a picture of 70000x1 cannot be compressed: .* 65500 pixels",
        ),
    ],
)
def test_a_bad_picture_is_refused_by_name(changes, why):
    with pytest.raises(ImageError, match=why):
        encode_jpeg(GOOD._replace(**changes), to_bgr)


def test_without_cv_bridge_only_what_needs_it_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv_bridge", None)

    assert encode_jpeg(GOOD, to_bgr)
    with pytest.raises(ImageError, match=r'"bayer_rggb8" needs cv_bridge.*install it'):
        encode_jpeg(halves("bayer_rggb8", 16, 8, (0, 0, 0), (0, 0, 0)), to_bgr)


def test_a_picture_too_large_is_refused_before_it_is_converted():
    image = halves("rgb8", 64, 48, (0, 0, 0), (0, 0, 0))
    with pytest.raises(ImageError, match="64x48 has more than 3071 pixels"):
        encode_jpeg(image, refuse, max_pixels=64 * 48 - 1)
    assert encode_jpeg(image, refuse, max_pixels=64 * 48)


@given(
    st.sampled_from([*EIGHT_BITS, *YUV, *BAYER, *SIXTEEN_BITS, "32FC1", "none"]),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=100),
)
def test_false_sizes_are_refused(encoding, width, height, step, data):
    """Whatever size a message claims: nothing is read beyond its data, nor made of it."""
    image = Image(0, "", height, width, encoding, False, step, memoryview(data))
    try:
        jpeg = encode_jpeg(image, refuse)
    except ImageError:
        return
    assert width * height <= len(data)
    assert simplejpeg.decode_jpeg_header(jpeg)[:2] == (height, width)
