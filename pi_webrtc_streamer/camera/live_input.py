# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures from a camera that FFmpeg reads: a V4L2 device, such as a USB camera."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from ..runtime.owning import Owned
from ..settings.schema import Setting, SettingsError, Value
from .conversion import to_picture
from .newest import NewestRead, ReadingEnded
from .source import LONGEST_WAIT, Picture, SourceError
from .v4l2_identity import identify

# Each packet is a picture of its own, so that one may be left out.
CODECS = ("mjpeg", "rawvideo", "wrapped_avframe")


class LiveInput:
    """The newest picture of an input that does not wait for whoever reads it.

    The driver queues pictures, up to a second of them. A thread empties the queue as fast as it
    fills; only the newest one is decoded.
    """

    def __init__(
        self,
        name: str,
        container: InputContainer,
        hardware_id: str = "none",
        framerate: float | None = None,
    ) -> None:
        """Take an open input, to be closed with this source; ``framerate`` is what was asked for.

        :raises SourceError: if its pictures depend on one another.
        """
        self._name = name
        self.hardware_id = hardware_id
        self.framerate = framerate
        self._container = container
        self._stream = container.streams.video[0]
        self._stream.thread_type = "NONE"  # frame threads would hold pictures back
        if self._stream.codec_context.name not in CODECS:
            raise SourceError(f"{name} delivers {self._stream.codec_context.name}, not pictures")
        # Written now: FFmpeg's numbers are gone when the device is closed, and others may ask then.
        size = f"{self._stream.width}x{self._stream.height}"
        self.description = f"{name}, {size}, {self._stream.codec_context.name}"
        self._scaler = VideoReformatter()
        self._newest = NewestRead("live-input", self._read)

    @property
    def controls(self) -> Mapping[str, tuple[Setting, Value | None]]:
        """None: v4l2-ctl sets them."""
        return {}

    def set_control(self, name: str, value: Value) -> None:
        """None can be set."""
        raise SettingsError(f"v4l2-ctl sets the controls of {self._name}; {name} is left as it is")

    def set_framerate(self, framerate: float) -> None:
        """It stays as the device was opened."""

    def start(self) -> None:
        """Read from now on."""
        self._newest.start()

    def stop(self) -> None:
        """Read no more."""
        self._newest.stop()

    @contextmanager
    def capture(self) -> Iterator[Picture | None]:
        """Wait for a newer picture than the last one."""
        try:
            newest = self._newest.wait(LONGEST_WAIT)
        except ReadingEnded as why:
            raise SourceError(f"{self._name} cannot be read on: {why}") from why
        if newest is None:
            yield None
            return
        packet, stamp = newest
        try:
            frames = packet.decode()
        except FFmpegError:  # a damaged picture, as USB cameras send now and then
            frames = []
        yield to_picture(self._scaler, frames[-1], stamp) if frames else None

    def close(self) -> None:
        """Close the device, unless it hangs."""
        self.stop()
        if self._newest.ended:
            self._container.close()

    def _read(self) -> Generator[tuple[Packet[VideoStream], int], None, None]:
        for packet in self._container.demux(self._stream):
            if packet.size:
                yield packet, time.time_ns()


def open_v4l2(device: str, width: int, height: int, framerate: float) -> LiveInput:
    """Open a V4L2 device, with JPEG if it has that: at larger sizes USB is too slow for the rest.

    :raises SourceError: if it cannot be opened.
    """
    if not Path(device).exists():
        there = ", ".join(sorted(map(str, Path("/dev").glob("video*")))) or "none"
        raise SourceError(f"there is no camera {device}; there are {there}")
    options = {"video_size": f"{width}x{height}", "framerate": f"{framerate:g}"}
    failure: FFmpegError | None = None
    for form in ({"input_format": "mjpeg"}, {}):
        try:
            container = av.open(device, format="v4l2", options={**options, **form})
        except FFmpegError as error:
            failure = error
            continue
        with Owned() as owned:
            owned.at_end("a device that cannot be used", container.close)
            source = LiveInput(device, container, identify(device), framerate)
            owned.pop_all()
            return source
    why = failure and failure.strerror
    raise SourceError(
        f"{device} cannot be opened as a camera of {width}x{height}: {why}; "
        f"v4l2-ctl -d {device} --list-formats-ext tells what it has"
    )
