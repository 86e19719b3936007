# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The Raspberry Pi 4's JPEG encoder: a V4L2 device that takes pictures and gives JPEG back.

The kernel's "Memory-to-Memory Stateful Video Encoder Interface" has the order of the steps. One
buffer goes in, one comes out, and nothing is kept back.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import select
import struct
import time
from functools import partial
from typing import Protocol

from ..runtime.owning import Owned
from .source import Picture
from .v4l2_buffers import (
    CAPTURE,
    CONTROL,
    DEQUEUE,
    JPEG,
    MMAP,
    OUTPUT,
    QUALITY,
    QUERY_BUFFER,
    QUEUE,
    REQUEST,
    REQUEST_BUFFERS,
    SET_CONTROL,
    SET_FORMAT,
    STREAM_OFF,
    STREAM_ON,
    YUV420,
    Answer,
    Buffer,
    Layout,
    pack_format,
    unpack_format,
    write_yuv420,
)

DEVICE = "/dev/video31"  # bcm2835-codec's encode_image_nr
ANSWER_WITHIN = 0.5  # seconds: it takes milliseconds
MOST_OTHERS = 1  # buffers that are not of the picture that was put in: the first may be empty


class Device(Protocol):
    """An open V4L2 device."""

    def ioctl(self, request: int, argument: bytes) -> bytes:
        """Send a structure, and return what became of it.

        :raises OSError: if the device refuses; BlockingIOError if it has no answer yet.
        """
        ...

    def map(self, length: int, offset: int) -> mmap.mmap:
        """Return one of its buffers."""
        ...

    def wait(self, kind: int, seconds: float) -> None:
        """Wait until a buffer of a kind may be taken back, or for so long."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...


class KernelDevice:
    """A device of this machine.

    :raises OSError: if it cannot be opened.
    """

    def __init__(self, path: str = DEVICE) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def ioctl(self, request: int, argument: bytes) -> bytes:
        """Send a structure, and return what became of it."""
        return fcntl.ioctl(self._file, request, argument)

    def map(self, length: int, offset: int) -> mmap.mmap:
        """Return one of its buffers."""
        return mmap.mmap(self._file, length, offset=offset)

    def wait(self, kind: int, seconds: float) -> None:
        """Wait until a buffer of a kind may be taken back, or for so long."""
        poll = select.poll()
        poll.register(self._file, select.POLLIN if kind == CAPTURE else select.POLLOUT)
        poll.poll(1000 * seconds)

    def close(self) -> None:
        """Give it back."""
        os.close(self._file)


class V4l2JpegEncoder:
    """Encodes pictures of one size with one quality (1 to 100); takes the device over.

    :raises OSError: if the device refuses any of it, saying what.
    """

    def __init__(self, device: Device, width: int, height: int, quality: int) -> None:
        self._device = device
        self._count = 0
        with Owned() as owned:
            owned.at_end("the JPEG encoder's device", device.close)
            device.ioctl(SET_CONTROL, CONTROL.pack(QUALITY, quality))
            self._layout = self._set_format(OUTPUT, width, height, YUV420)
            self._set_format(CAPTURE, width, height, JPEG)
            self._input = owned.take("its buffer", lambda: self._map(OUTPUT), mmap.mmap.close)
            self._output = owned.take("its buffer", lambda: self._map(CAPTURE), mmap.mmap.close)
            for kind in (OUTPUT, CAPTURE):
                owned.take(
                    "its stream", partial(self._switch, STREAM_ON, kind), partial(self._end, kind)
                )
            self._queue(Buffer(CAPTURE))
            self._owned = owned.pop_all()

    def encode(self, picture: Picture) -> bytes:
        """Return the picture as a JPEG file.

        :raises OSError: if the device fails; it is of no more use then.
        :raises ValueError: if the picture has another size.
        """
        self._count += 1
        with memoryview(self._input) as buffer:
            used = write_yuv420(picture, buffer, self._layout)
        self._queue(Buffer(OUTPUT, used=used, stamp=self._count))
        data = self._take()
        self._dequeue(OUTPUT)
        return data

    def close(self) -> None:
        """Give the device back."""
        self._owned.close()

    def _take(self) -> bytes:
        """Return what comes out for the picture that was put in last."""
        for _ in range(MOST_OTHERS + 1):
            answer = self._dequeue(CAPTURE)
            data = self._output[: answer.used]
            self._queue(Buffer(CAPTURE))
            if answer.stamp == self._count:
                if answer.failed or not data:
                    raise OSError("the device could not encode a picture")
                return data
        raise OSError("the device gives other pictures back")

    def _switch(self, request: int, kind: int) -> None:
        self._device.ioctl(request, struct.pack("=i", kind))

    def _end(self, kind: int, _: None) -> None:
        self._switch(STREAM_OFF, kind)

    def _set_format(self, kind: int, width: int, height: int, pixelformat: int) -> Layout:
        asked = pack_format(kind, width, height, pixelformat)
        layout = unpack_format(self._device.ioctl(SET_FORMAT, asked))
        if layout.pixelformat != pixelformat:
            name = pixelformat.to_bytes(4, "little").decode()
            raise OSError(f"the device does not know {name}")
        if layout.width < width or layout.height < height:
            raise OSError(f"the device takes {layout.width}x{layout.height} at most")
        return layout

    def _map(self, kind: int) -> mmap.mmap:
        """Have the device make a buffer, and return it."""
        self._device.ioctl(REQUEST_BUFFERS, REQUEST.pack(1, kind, MMAP, 0, 0))
        buffer = Buffer(kind)
        answer = buffer.answered(self._device.ioctl(QUERY_BUFFER, bytes(buffer)))
        return self._device.map(answer.length, answer.offset)

    def _queue(self, buffer: Buffer) -> None:
        self._device.ioctl(QUEUE, bytes(buffer))

    def _dequeue(self, kind: int) -> Answer:
        """Wait for a buffer; whoever asks first may have to ask once more."""
        until = time.monotonic() + ANSWER_WITHIN
        while True:
            buffer = Buffer(kind)
            try:
                return buffer.answered(self._device.ioctl(DEQUEUE, bytes(buffer)))
            except BlockingIOError:
                if (left := until - time.monotonic()) <= 0:
                    raise TimeoutError(
                        f"the device gives nothing back in {ANSWER_WITHIN:g} s"
                    ) from None
                self._device.wait(kind, left)
