# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""CompressedImages of every format, made by the encoders that publishers use."""

import struct
import zlib

import numpy as np
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from pi_webrtc_streamer.media.cdr import CompressedImage, Image, ImageError
from pi_webrtc_streamer.media.compressed_image import to_jpeg
from pi_webrtc_streamer.media.picture_format import PictureFormat, find_format
from pi_webrtc_streamer.ros.cv_convert import to_bgr
from support.pictures import saved
from support.quadrants import assert_quadrants, quadrants
from support.raw_images import NEEDS_CV_BRIDGE, image_of, mosaic

RGB = quadrants(160, 120)
RAMP = np.tile(np.linspace(0, 65535, 320).astype(np.uint16), (64, 1))
MADE_BY_PILLOW = ("PNG", "TIFF", "BMP", "WEBP", "JPEG2000", "PPM")
MADE_BY_OPENCV = ("png", "tiff", "bmp", "webp", "jp2", "ppm", "ras")


def refuse(image: Image) -> np.ndarray:
    raise ImageError(f"cv_bridge was asked for {image.encoding}")


def shown(data: bytes, said: str = "", convert=refuse, **limits: int) -> np.ndarray:
    """Return the RGB of the JPEG that is made."""
    image = CompressedImage(7, "optical", said, memoryview(data))
    return simplejpeg.decode_jpeg(to_jpeg(image, convert, **limits), "RGB").astype(int)


def opencv(pixels: np.ndarray, name: str) -> bytes:
    """Encode with OpenCV, as image_transport's plugins and cv_bridge do; colours are BGR."""
    cv2 = pytest.importorskip("cv2")
    done, data = cv2.imencode(f".{name}", pixels)
    assert done
    return data.tobytes()


def assert_ramp(picture: np.ndarray) -> None:
    """See that a ramp reads 64 at a quarter, 191 at three quarters, and is grey."""
    width = picture.shape[1]
    for column, level in ((width // 4, 64), (3 * width // 4, 191)):
        assert np.abs(picture[:, column] - level).max() <= 4


@pytest.mark.parametrize("name", MADE_BY_PILLOW)
def test_every_format_of_pillows(name):
    assert_quadrants(shown(saved(RGB, name), "whatever it says"))


@pytest.mark.parametrize("name", MADE_BY_OPENCV)
def test_every_format_of_opencvs(name):
    assert_quadrants(shown(opencv(RGB[:, :, ::-1], name), f"bgr8; {name} compressed bgr8"))


def test_alpha_is_left_out():
    rgba = np.dstack([RGB, np.full(RGB.shape[:2], 9, np.uint8)])
    for name in ("PNG", "TIFF", "WEBP"):
        options = {"lossless": True, "exact": True} if name == "WEBP" else {}
        assert_quadrants(shown(saved(rgba, name, **options)))


@pytest.mark.parametrize("name", ["png", "tiff", "ppm", "jp2"])
def test_16_bits_of_colour_keep_their_hue(name):
    dark = RGB // 3
    picture = shown(opencv(dark[:, :, ::-1].astype(np.uint16) * 257, name), "rgb16; compressed")
    assert np.abs(picture[30, 40] - dark[30, 40]).max() <= 8


def test_palettes_and_bits():
    picture = PillowImage.fromarray(RGB)
    assert_quadrants(
        shown(saved(picture.convert("P", palette=PillowImage.Palette.ADAPTIVE), "PNG"))
    )
    halves = np.zeros((64, 64), np.uint8)
    halves[:, 32:] = 255
    for name in ("PNG", "PPM"):
        seen = shown(saved(PillowImage.fromarray(halves).convert("1"), name))
        assert seen[:, 4:28].max() <= 6
        assert seen[:, 36:60].min() >= 249


@pytest.mark.parametrize("name", ["png", "tiff", "pgm", "jp2"])
def test_grey_of_16_bits_is_readable(name):
    data = opencv(RAMP // 16 + 500, name)  # 12 bits of depth, none of which is 0
    assert_ramp(shown(data, f"16UC1; {name} compressed "))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_depth_of_floating_point_in_tiff_is_readable(kind):
    metres = np.tile(np.linspace(1, 9, 320, dtype=kind), (64, 1))
    assert_ramp(shown(opencv(metres, "tiff"), "32FC1; tiff compressed "))
    assert_ramp(shown(saved(metres.astype(np.float32), "TIFF")))


def test_a_part_of_floating_point_is_refused():
    data = opencv(np.ones((64, 320), np.float32), "tiff")
    for length in (9, 100, len(data) // 2, len(data) - 20):
        with pytest.raises(ImageError, match="TIFF"):
            shown(data[:length])
    with pytest.raises(ImageError, match="320x64 has more than 20000 pixels"):
        shown(data, max_pixels=20_000)


@pytest.mark.parametrize("said", ["16UC1; compressedDepth", "16UC1; compressedDepth png", "16UC1"])
def test_packed_depth_is_readable(said):
    assert_ramp(shown(bytes(12) + opencv(RAMP // 16, "png"), said))


def test_packed_depth_in_metres_is_readable():
    metres = np.tile(np.linspace(1, 9, 320, dtype=np.float32), (64, 1))
    a = np.float32(100 * 101)
    b = np.float32(1) - a / np.float32(10)
    data = struct.pack("<4xff", a, b) + opencv((a / metres + b).astype(np.uint16), "png")
    assert_ramp(shown(data, "32FC1; compressedDepth png"))


def test_packed_depth_of_8_bits_is_none():
    with pytest.raises(ImageError, match="PNG of mono8"):
        shown(bytes(12) + saved(np.zeros((8, 8), np.uint8), "PNG"), "16UC1; compressedDepth png")


@pytest.mark.parametrize("encoding", ["rgb8", "mono16", "nv12", "yuv422_yuy2"])
@pytest.mark.parametrize("gzipped", [True, False])
def test_what_zstd_image_transport_packs(encoding, gzipped):
    image = image_of(encoding, RGB)
    packer = zlib.compressobj(wbits=31 if gzipped else 15)
    name = encoding.encode()
    header = struct.pack("<IIBII", image.height, image.width, 0, image.step, len(name))
    data = header + name + packer.compress(image.data) + packer.flush()
    picture = shown(data, "zstd")
    if encoding != "mono16":
        assert_quadrants(picture)
    assert picture.shape == RGB.shape


def test_what_unpacks_to_more_than_its_size_is_not_unpacked():
    header = struct.pack("<IIBII", 4, 4, 0, 4, 5) + b"mono8"
    assert shown(header + zlib.compress(bytes(50_000_000)), "zstd").shape == (4, 4, 3)
    with pytest.raises(ImageError, match="more than 100 pixels"):
        shown(struct.pack("<IIBII", 40, 40, 0, 40, 5) + b"mono8", "zstd", max_pixels=100)


@NEEDS_CV_BRIDGE
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
@pytest.mark.parametrize("name", ["JPEG", "PNG"])
@pytest.mark.parametrize("target", ["", "mono8", "bayer_{}8"])
def test_a_mosaic_in_grey_is_demosaiced(pattern, name, target):
    options = {"quality": 95} if name == "JPEG" else {}
    data = saved(mosaic(RGB, pattern), name, **options)
    said = f"bayer_{pattern}8; {name.lower()} compressed {target.format(pattern)}"
    assert_quadrants(shown(data, said, to_bgr))


def test_grey_that_was_made_of_a_mosaic_stays():
    """image_transport makes grey of one before it makes JPEG."""
    grey = RGB.mean(2).astype(np.uint8)
    picture = shown(saved(grey, "PNG"), "bayer_rggb8; png compressed mono8")
    assert np.abs(picture - grey[:, :, None]).max() <= 8


@NEEDS_CV_BRIDGE
def test_a_mosaic_of_16_bits_in_png():
    data = opencv(mosaic(RGB, "rggb").astype(np.uint16) * 257, "png")
    assert_quadrants(shown(data, "bayer_rggb16; png compressed ", to_bgr))


@pytest.mark.parametrize("behind", [b"", bytes(5000)])
def test_a_jpeg_without_an_end_marker_is_given_one(behind):
    jpeg = saved(RGB, "JPEG", quality=95)
    made = to_jpeg(CompressedImage(0, "", "jpeg", memoryview(jpeg[:-2] + behind)), refuse)
    assert made == jpeg


@pytest.mark.parametrize("behind", [b"", bytes(5000), bytes(500_000)])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_part_of_a_jpeg_is_refused(share, behind):
    jpeg = saved(RGB, "JPEG", quality=95)
    with pytest.raises(ImageError, match="cut short: it has no end marker"):
        shown(jpeg[: round(share * len(jpeg))] + behind)


@pytest.mark.parametrize("name", [each for each in MADE_BY_PILLOW if each != "PPM"])
def test_a_part_of_any_picture_is_refused(name):
    noise = np.random.default_rng(1).integers(0, 255, (120, 160, 3), np.uint8)
    whole = saved(noise, name)
    with pytest.raises(ImageError, match=r"cannot be decoded|no picture"):
        shown(whole[: len(whole) // 2])


@pytest.mark.parametrize("name", MADE_BY_PILLOW)
def test_a_picture_too_large_is_refused(name):
    with pytest.raises(ImageError, match="of more than 19199 pixels"):
        shown(saved(RGB, name), max_pixels=RGB.shape[0] * RGB.shape[1] - 1)


@pytest.mark.parametrize(
    ("data", "said", "why"),
    [
        (
            b"\0\0\0\1\x67\x42\xe0\x1f",
            "h264",
            r'H\.264 video \(its format is "h264"\).*Image topic',
        ),
        (b"\0\0\1\x40\x01", "", "H.264 or H.265 video"),
        (b"\x12\0\x0a\x0b", "video/av1", "AV1 video"),
        (b"abcdef", "jpeg", r"not a JPEG.*begins with 61 62 63 64 .*send jpeg or png"),
        (b"", "jpeg", "holds no picture data"),
        (b"\x89PNG\r\n\x1a\n", "png", "PNG cannot be decoded"),
    ],
)
def test_what_is_no_picture_is_named(data, said, why):
    with pytest.raises(ImageError, match=why):
        shown(data, said)


@given(st.sampled_from(["", "16UC1; compressedDepth rvl", "zstd", "h264"]), st.binary(max_size=200))
def test_any_bytes_give_a_picture_or_an_image_error(said, data):
    for begin in (b"", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\0", bytes(12) + b"\x89PNG\r\n\x1a\n"):
        try:
            assert shown(begin + data, said, max_pixels=10_000).size <= 30_000
        except ImageError:
            continue


def test_a_name_that_is_wrong_does_not_matter():
    jpeg = memoryview(saved(RGB, "JPEG"))
    for said in ("rgb8; jpeg compressed; bgr8", "mjpeg", "png", "h264", ""):
        assert find_format(jpeg, said) is PictureFormat.JPEG
