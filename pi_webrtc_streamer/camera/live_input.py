# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures from a camera that FFmpeg reads: a V4L2 device, such as a USB camera."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import cast

from av.codec.context import Flags
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from ..settings.schema import Setting, SettingsError, Value
from .conversion import AS_PLAYERS_DO, Untagged, to_picture
from .newest import NewestRead, ReadingEnded
from .source import LONGEST_WAIT, Picture, SourceError

# Each packet is a picture of its own, so that one may be left out.
INDEPENDENT = ("mjpeg", "rawvideo", "wrapped_avframe")


class LiveInput:
    """The newest picture of an input that does not wait for whoever reads it.

    The driver queues pictures, up to a second of them. A thread empties the queue as fast as it
    fills; only the newest one is decoded. Where pictures depend on one another (H.264), the thread
    decodes each.
    """

    def __init__(
        self,
        name: str,
        container: InputContainer,
        hardware_id: str = "none",
        framerate: float | None = None,
        untagged: Untagged = AS_PLAYERS_DO,
    ) -> None:
        """Take an open input, to be closed with this source; ``framerate`` is what was asked for.

        ``untagged`` is how pictures are meant that do not say it themselves.
        """
        self._name = name
        self.hardware_id = hardware_id
        self.framerate = framerate
        self._container = container
        self._stream = container.streams.video[0]
        self._stream.thread_type = "NONE"  # frame threads would hold pictures back
        self._independent = self._stream.codec_context.name in INDEPENDENT
        self._stream.codec_context.flags |= Flags.low_delay
        self._untagged = untagged
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
        read, stamp = newest
        frames = [read] if isinstance(read, VideoFrame) else self._decode(read)
        yield self._to_picture(frames[-1], stamp) if frames else None

    def close(self) -> None:
        """Close the device, unless it hangs."""
        self.stop()
        if self._newest.ended:
            self._container.close()

    def _read(self) -> Generator[tuple[Packet[VideoStream] | VideoFrame, int] | None, None, None]:
        if not self._independent:
            self._stream.codec_context.flush_buffers()  # it was stopped, perhaps: pictures lack
        for packet in self._container.demux(self._stream):
            stamp = time.time_ns()
            if self._independent:
                yield (self._copy(packet), stamp) if packet.size else None
            else:
                frames = self._decode(packet)
                yield (frames[-1], stamp) if frames else None

    def _copy(self, packet: Packet[VideoStream]) -> Packet[VideoStream]:
        """Return what may be kept: the driver's memory must be free when its device is closed.

        A frame of FFmpeg's own that is wrapped cannot be copied, and need not be.
        """
        if self._stream.codec_context.name == "wrapped_avframe":
            return packet
        return cast("Packet[VideoStream]", Packet(bytes(packet)))

    def _decode(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        try:
            return self._stream.codec_context.decode(packet)
        except FFmpegError:  # a damaged picture, as USB cameras send now and then
            return []

    def _to_picture(self, frame: VideoFrame, stamp: int) -> Picture:
        # What a USB camera's JPEG says of density has no meaning.
        shape = None if self._independent else self._stream.sample_aspect_ratio
        return to_picture(self._scaler, frame, stamp, shape, self._untagged)
