# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a V4L2 device that encodes JPEG answers, after Linux's documentation of such devices.

The structures are said here once more, with ctypes, so that a mistake in ours is seen. Every order
of steps that the documentation does not allow is refused.
"""

import ctypes
import errno
import mmap
from dataclasses import dataclass, field

import numpy as np
import simplejpeg

U8, U16, U32 = ctypes.c_uint8, ctypes.c_uint16, ctypes.c_uint32
CAPTURE, OUTPUT = 9, 10
# As a C compiler has them.
S_FMT, REQBUFS, QUERYBUF, QBUF, DQBUF = 0xC0D05605, 0xC0145608, 0xC0585609, 0xC058560F, 0xC0585611
STREAMON, STREAMOFF, S_CTRL = 0x40045612, 0x40045613, 0xC008561C
COMPRESSION_QUALITY = 0x009D0903


class PlaneFormat(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("sizeimage", U32), ("bytesperline", U32), ("reserved", U16 * 6))


class Format(ctypes.Structure):
    _fields_ = (
        ("type", U32),
        ("pad", U32),
        *((name, U32) for name in ("width", "height", "pixelformat", "field", "colorspace")),
        ("planes", PlaneFormat * 8),
        ("num_planes", U8),
        ("rest", U8 * 19),
    )


class RequestBuffers(ctypes.Structure):
    _fields_ = tuple((name, U32) for name in ("count", "type", "memory", "capabilities", "flags"))


class Plane(ctypes.Structure):
    _fields_ = (
        ("bytesused", U32),
        ("length", U32),
        ("mem_offset", ctypes.c_uint64),
        ("data_offset", U32),
        ("reserved", U32 * 11),
    )


class Buffer(ctypes.Structure):
    _fields_ = (
        *((name, U32) for name in ("index", "type", "bytesused", "flags", "field")),
        ("seconds", ctypes.c_int64),
        ("microseconds", ctypes.c_int64),
        ("timecode", U8 * 16),
        ("sequence", U32),
        ("memory", U32),
        ("planes", ctypes.POINTER(Plane)),
        ("length", U32),
        ("reserved2", U32),
        ("request_fd", ctypes.c_int32),
    )


class Control(ctypes.Structure):
    _fields_ = (("id", U32), ("value", ctypes.c_int32))


class Refused(OSError):
    """The device does not do that."""

    def __init__(self, why: str) -> None:
        super().__init__(errno.EINVAL, why)


@dataclass
class JpegDevice:
    """A device; what is set beforehand is how it misbehaves."""

    knows: str = "JPEG"
    stray_first: bool = False  # an empty buffer comes before the first picture
    swaps: bool = False  # blue and red
    silent_from: int = 10**9  # the picture from which on nothing comes back
    fails_from: int = 10**9  # the picture from which on all are marked as failed
    largest: int = 1920
    quality: int = 0
    closed: bool = False
    encoded: int = 0
    streaming: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.formats: dict[int, Format] = {}
        self.memory: dict[int, mmap.mmap] = {}
        self.queued: dict[int, tuple[int, int, int] | None] = {}  # seconds, microseconds, used
        self.done: dict[int, list[tuple[int, int, int, int]]] = {CAPTURE: [], OUTPUT: []}
        self.asked: tuple[int, int] = (0, 0)

    def ioctl(self, request: int, argument: bytes) -> bytes:
        assert not self.closed
        kind, answer = {
            S_FMT: (Format, self._set_format),
            REQBUFS: (RequestBuffers, self._request),
            QUERYBUF: (Buffer, self._query),
            QBUF: (Buffer, self._queue),
            DQBUF: (Buffer, self._dequeue),
            S_CTRL: (Control, self._control),
            STREAMON: (ctypes.c_int, lambda what: self.streaming.add(what.value)),
            STREAMOFF: (ctypes.c_int, lambda what: self.streaming.remove(what.value)),
        }[request]
        assert len(argument) == ctypes.sizeof(kind) == request >> 16 & 0x3FFF
        structure = kind.from_buffer_copy(argument)
        answer(structure)
        return bytes(structure)

    def map(self, length: int, offset: int) -> mmap.mmap:
        return next(each for each in self.memory.values() if self._offset(each) == offset)

    def wait(self, kind: int, seconds: float) -> None:
        pass

    def close(self) -> None:
        assert not self.streaming
        assert all(each.closed for each in self.memory.values())
        self.closed = True

    def _offset(self, memory: mmap.mmap) -> int:
        return next(mmap.PAGESIZE * kind for kind, each in self.memory.items() if each is memory)

    def _control(self, control: Control) -> None:
        if control.id != COMPRESSION_QUALITY or not 1 <= control.value <= 100:
            raise Refused("no such control")
        self.quality = control.value

    def _set_format(self, wanted: Format) -> None:
        """Align rows to 32 bytes and 16 lines, as the Raspberry Pi's does."""
        if wanted.type == OUTPUT:
            self.asked = wanted.width, wanted.height
            wanted.height = min(wanted.height + 15, self.largest) // 16 * 16
            wanted.width = min(wanted.width, self.largest)
            wanted.planes[0].bytesperline = (wanted.width + 31) // 32 * 32
            wanted.planes[0].sizeimage = wanted.planes[0].bytesperline * wanted.height * 3 // 2
        else:
            wanted.pixelformat = int.from_bytes(self.knows.encode(), "little")
            wanted.planes[0].sizeimage = 4 << 20
        self.formats[wanted.type] = wanted

    def _request(self, wanted: RequestBuffers) -> None:
        if wanted.type not in self.formats or wanted.count != 1 or wanted.memory != 1:
            raise Refused("no format yet")
        size = self.formats[wanted.type].planes[0].sizeimage
        self.memory[wanted.type] = mmap.mmap(-1, size)

    def _query(self, buffer: Buffer) -> None:
        memory = self.memory[buffer.type]
        buffer.planes[0].length = len(memory)
        buffer.planes[0].mem_offset = self._offset(memory)

    def _queue(self, buffer: Buffer) -> None:
        if self.queued.get(buffer.type) is not None:
            raise Refused("it is queued already")
        if buffer.index or buffer.length != 1 or buffer.memory != 1:
            raise Refused("no such buffer")
        self.queued[buffer.type] = (
            buffer.seconds,
            buffer.microseconds,
            buffer.planes[0].bytesused,
        )
        self._work()

    def _work(self) -> None:
        source, target = self.queued.get(OUTPUT), self.queued.get(CAPTURE)
        if source is None or target is None or self.streaming != {CAPTURE, OUTPUT}:
            return
        self.queued[CAPTURE] = None
        if self.stray_first:
            self.stray_first = False
            self.done[CAPTURE].append((0, 0, 0, 0))
            return
        self.encoded += 1
        if self.encoded >= self.silent_from:
            return
        self.queued[OUTPUT] = None
        data = self._encode(source[2])
        self.memory[CAPTURE][: len(data)] = data
        flags = 0x40 if self.encoded >= self.fails_from else 0
        self.done[OUTPUT].append((*source[:2], 0, 0))
        self.done[CAPTURE].append((*source[:2], len(data), flags))

    def _encode(self, used: int) -> bytes:
        layout = self.formats[OUTPUT]
        stride, rows = layout.planes[0].bytesperline, layout.height
        if used != stride * rows * 3 // 2:
            raise Refused("the picture is not whole")
        flat = np.frombuffer(self.memory[OUTPUT][:used], np.uint8)
        luma, chroma = stride * rows, stride * rows // 4
        width, height = self.asked
        y = flat[:luma].reshape(rows, stride)[:height, :width]
        planes = [
            flat[start : start + chroma].reshape(rows // 2, stride // 2)
            for start in (luma, luma + chroma)
        ]
        u, v = (plane[: (height + 1) // 2, : (width + 1) // 2] for plane in planes)
        if self.swaps:
            u, v = v, u
        return simplejpeg.encode_jpeg_yuv_planes(y, u, v, quality=self.quality)

    def _dequeue(self, buffer: Buffer) -> None:
        if not self.done[buffer.type]:
            raise BlockingIOError(errno.EAGAIN, "nothing yet")
        seconds, microseconds, used, flags = self.done[buffer.type].pop(0)
        buffer.seconds, buffer.microseconds, buffer.flags = seconds, microseconds, flags
        buffer.planes[0].bytesused = used
        self._work()
