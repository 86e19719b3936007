# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""V4L2 devices as their drivers describe them: the structures of Linux's videodev2.h, recorded.

The layout is said here once more, with ctypes, so that a mistake in ours is seen.
"""

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

U32 = ctypes.c_uint32
# As a C compiler has them.
QUERYCAP, ENUM_FMT, G_FMT = 0x80685600, 0xC0405602, 0xC0D05604
ENUM_FRAMESIZES, ENUM_FRAMEINTERVALS = 0xC02C564A, 0xC034564B

CAPTURE, CAPTURE_MPLANE, M2M, M2M_MPLANE = 0x1, 0x1000, 0x8000, 0x4000
META_CAPTURE, EXT_PIX_FORMAT, STREAMING = 0x800000, 0x200000, 0x4000000
IO_MC, DEVICE_CAPS = 0x20000000, 0x80000000


class Capability(ctypes.Structure):
    _fields_ = (
        ("driver", ctypes.c_char * 16),
        ("card", ctypes.c_char * 32),
        ("bus_info", ctypes.c_char * 32),
        *((name, U32) for name in ("version", "capabilities", "device_caps")),
        ("reserved", U32 * 3),
    )


class FmtDesc(ctypes.Structure):
    _fields_ = (
        *((name, U32) for name in ("index", "type", "flags")),
        ("description", ctypes.c_char * 32),
        *((name, U32) for name in ("pixelformat", "mbus_code")),
        ("reserved", U32 * 3),
    )


class FrmSize(ctypes.Structure):
    _fields_ = (
        *((name, U32) for name in ("index", "pixel_format", "type")),
        ("sizes", U32 * 6),
        ("reserved", U32 * 2),
    )


class FrmIval(ctypes.Structure):
    _fields_ = (
        *((name, U32) for name in ("index", "pixel_format", "width", "height", "type")),
        ("fractions", U32 * 6),
        ("reserved", U32 * 2),
    )


class PixFormat(ctypes.Structure):
    _fields_ = tuple(
        (name, U32)
        for name in (
            *("width", "height", "pixelformat", "field", "bytesperline", "sizeimage"),
            *("colorspace", "priv", "flags", "ycbcr_enc", "quantization", "xfer_func"),
        )
    )


class Format(ctypes.Structure):
    _fields_ = (("type", U32), ("pad", U32), ("pix", PixFormat), ("rest", ctypes.c_uint8 * 152))


def number(fourcc: str) -> int:
    return int.from_bytes(fourcc.encode(), "little")


@dataclass(frozen=True)
class Recorded:
    """A device: ``formats`` is by four characters the description and, by size, the intervals.

    A size is (width, height), or (kind, six numbers) for a range; an interval is (numerator,
    denominator), or likewise. ``colours`` is colorspace, ycbcr_enc and quantization.
    """

    driver: str
    card: str
    bus: str
    caps: int
    formats: dict[str, tuple[str, dict[tuple, list[tuple]]]]
    colours: tuple[int, int, int] = (8, 0, 0)  # V4L2_COLORSPACE_SRGB, as uvcvideo has it
    extended: bool = True

    def ask(self, request: int, question: bytes) -> bytes:
        """Answer as the driver does: EINVAL behind the last one."""
        answers = {
            QUERYCAP: (Capability, self._capability),
            ENUM_FMT: (FmtDesc, self._format),
            ENUM_FRAMESIZES: (FrmSize, self._size),
            ENUM_FRAMEINTERVALS: (FrmIval, self._interval),
            G_FMT: (Format, self._now),
        }
        if request not in answers:
            raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))
        kind, answer = answers[request]
        asked = kind.from_buffer_copy(question)
        assert ctypes.sizeof(kind) == len(question) == request >> 16 & 0x3FFF
        try:
            answer(asked)
        except (IndexError, KeyError):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL)) from None
        return bytes(asked)

    def _capability(self, asked):
        asked.driver, asked.card = self.driver.encode(), self.card.encode()
        asked.bus_info, asked.version = self.bus.encode(), 0x60100
        asked.capabilities, asked.device_caps = self.caps | DEVICE_CAPS | META_CAPTURE, self.caps

    def _format(self, asked):
        if asked.type != 1:
            raise IndexError
        fourcc = list(self.formats)[asked.index]
        asked.flags = 1 if fourcc in ("MJPG", "H264") else 0
        asked.description = self.formats[fourcc][0].encode()
        asked.pixelformat = number(fourcc)

    def _sizes(self, pixels):
        return next(sizes for name, (_, sizes) in self.formats.items() if number(name) == pixels)

    def _size(self, asked):
        size = list(self._sizes(asked.pixel_format))[asked.index]
        kind, numbers = (1, size) if len(size) == 2 else (size[0], size[1:])
        asked.type = kind
        asked.sizes[: len(numbers)] = numbers

    def _interval(self, asked):
        sizes = self._sizes(asked.pixel_format)
        intervals = sizes.get((asked.width, asked.height))
        if intervals is None:
            intervals = next(of for size, of in sizes.items() if len(size) > 2)
        interval = intervals[asked.index]
        kind, numbers = (1, interval) if len(interval) == 2 else (interval[0], interval[1:])
        asked.type = kind
        asked.fractions[: len(numbers)] = numbers

    def _now(self, asked):
        asked.pix.colorspace, asked.pix.ycbcr_enc, asked.pix.quantization = self.colours
        asked.pix.priv = 0xFEEDCAFE if self.extended else 0


def rates(*each: int) -> list[tuple]:
    return [(1, rate) for rate in each]


UVC = CAPTURE | EXT_PIX_FORMAT | STREAMING
WEBCAM = Recorded(
    "uvcvideo",
    "HD Pro Webcam C920",
    "usb-0000:01:00.0-1.2",
    UVC,
    {
        "YUYV": (
            "YUYV 4:2:2",
            {
                (640, 480): rates(30, 15, 5),
                (1280, 720): [*rates(10, 5), (2, 15)],
                (1920, 1080): rates(5),
                (2304, 1536): rates(2),
            },
        ),
        "MJPG": (
            "Motion-JPEG",
            {
                (640, 480): [(333333, 10000000), *rates(24, 15)],
                (1280, 720): [(333333, 10000000), *rates(24, 15)],
                (1920, 1080): rates(30, 5),
            },
        ),
    },
)
ITS_METADATA = Recorded(
    "uvcvideo", "HD Pro Webcam C920", "usb-0000:01:00.0-1.2", META_CAPTURE | STREAMING, {}
)
H264_ALONE = Recorded(
    "uvcvideo",
    "H264 USB Camera: USB Camera",
    "usb-xhci-hcd.0-1",
    UVC,
    {"H264": ("H.264", {(1920, 1080): rates(30, 15), (1280, 720): rates(60, 30)})},
)
DEPTH = Recorded(
    "uvcvideo",
    "Depth Camera",
    "usb-xhci-hcd.0-2",
    UVC,
    {"Z16 ": ("16-bit Depth", {(640, 480): rates(30)})},
)
LOOPBACK = Recorded(
    "v4l2 loopback",
    "Dummy video device (0x0000)",
    "platform:v4l2loopback-000",
    CAPTURE | EXT_PIX_FORMAT | STREAMING,
    {
        "YU12": (
            "Planar YUV 4:2:0",
            {(2, 2, 8192, 2, 2, 8192, 2): [(2, 1, 1000, 1, 1, 1, 1)]},
        )
    },
)
CODEC = Recorded(
    "bcm2835-codec",
    "bcm2835-codec-decode",
    "platform:bcm2835-codec",
    M2M_MPLANE | EXT_PIX_FORMAT | STREAMING,
    {},
)
IMAGE_PROCESSOR = Recorded(
    "bcm2835-isp",
    "bcm2835-isp",
    "platform:bcm2835-isp",
    CAPTURE | EXT_PIX_FORMAT | STREAMING,
    {"YUYV": ("YUYV 4:2:2", {(3, 64, 16384, 2, 64, 16384, 2): []})},
)
RIBBON_CABLE = Recorded(
    "unicam",
    "unicam",
    "platform:fe801000.csi",
    CAPTURE | EXT_PIX_FORMAT | STREAMING | IO_MC,
    {"pRAA": ("10-bit Bayer RGRG/GBGB Packed", {(3, 16, 16376, 1, 16, 16376, 1): []})},
)
SEVERAL_PLANES = Recorded(
    "rkisp_v6", "rkisp_mainpath", "platform:rkisp0-vir0", CAPTURE_MPLANE | STREAMING, {}
)


@contextmanager
def recorded(device: Recorded) -> Iterator:
    yield device.ask
