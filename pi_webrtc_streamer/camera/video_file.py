# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures from a video file or URL, looped, at the pace of its own timestamps."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream

from ..runtime.owning import Owned
from ..settings.schema import Setting, SettingsError, Value
from .geometry import from_frame
from .location import without_password
from .source import Picture, SourceError, sleep_until

OPEN_TIMEOUT = READ_TIMEOUT = 5.0  # seconds, for URLs
# A gap between two timestamps that is longer than this is a cut, not a pause.
LONGEST_GAP = 2.0  # seconds
HD_HEIGHT = 720  # from here on, a video that does not say so is taken for BT.709
UNSPECIFIED = 2  # of FFmpeg's colour spaces


class VideoSource:
    """A video that starts again when it ends."""

    def __init__(self, location: str) -> None:
        self._location = location
        self._container, self._stream = _open(location)
        # Read now: FFmpeg's numbers are gone when the file is closed, and others may ask then.
        self.hardware_id = self._name = without_password(location)
        rate = self._stream.average_rate
        self.framerate = float(rate) if rate else None
        pace = f", {self.framerate:.4g} fps" if self.framerate else ""
        size = f"{self._stream.width}x{self._stream.height}"
        self.description = f"{self._name}, {size}{pace}, looped"
        self._scaler = VideoReformatter()
        self._frames = self._decode()
        self._next: VideoFrame | None = None
        self._pace = _Pace()
        self._due = 0.0

    @property
    def controls(self) -> Mapping[str, tuple[Setting, Value | None]]:
        """A video has none."""
        return {}

    def set_control(self, name: str, value: Value) -> None:
        """A video has none."""
        raise SettingsError(f"a video has no control {name}")

    def set_framerate(self, framerate: float) -> None:
        """A video keeps its own."""

    def start(self) -> None:
        """Go on from where it was."""
        self._pace = _Pace()

    def stop(self) -> None:
        """Nothing runs between two pictures."""

    @contextmanager
    def capture(self) -> Iterator[Picture | None]:
        """Wait until the next picture is due."""
        if self._next is None:
            self._next = next(self._frames)
            self._due = self._pace.due(_seconds(self._next), time.monotonic())
        if not sleep_until(self._due):
            yield None
            return
        frame, self._next = self._next, None
        yield to_picture(self._scaler, frame, time.time_ns())

    def close(self) -> None:
        """Close the file."""
        with Owned() as owned:
            owned.at_end("a video's file", self._container.close)
            owned.at_end("a video's pictures", self._frames.close)

    def _decode(self) -> Generator[VideoFrame, None, None]:
        rewound = False
        while True:
            count = 0
            try:
                for frame in self._container.decode(self._stream):
                    count += 1
                    yield frame
            except FFmpegError as error:
                if count or not rewound:
                    raise SourceError(
                        f"{self._name} cannot be read on: {error.strerror}"
                    ) from error
                # It could not be rewound, though it said so: by a server that sends no parts.
                self._open_anew()
                rewound = False
                continue
            if count == 0:
                raise SourceError(f"{self._name} holds no picture that can be decoded")
            rewound = self._rewind()

    def _rewind(self) -> bool:
        """Go back to the beginning; returns whether by seeking, which may yet turn out to fail."""
        try:
            self._container.seek(0)
        except FFmpegError:
            self._open_anew()
            return False
        return True

    def _open_anew(self) -> None:
        self._container.close()
        self._container, self._stream = _open(self._location)


class _Pace:
    """Maps a video's timestamps to the monotonic clock, through loops, cuts and missing stamps."""

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None
        self._last = 0.0

    def due(self, timestamp: float | None, now: float) -> float:
        if timestamp is None:  # raw streams have none
            timestamp = self._last + 1 / 30
        if self._first is None or not 0 <= timestamp - self._last <= LONGEST_GAP:
            self._first = timestamp, now
        elif self._first[1] + timestamp - self._first[0] < now - LONGEST_GAP:
            self._first = timestamp, now  # fell behind by far: go on from here
        self._last = timestamp
        return self._first[1] + timestamp - self._first[0]


def to_picture(scaler: VideoReformatter, frame: VideoFrame, stamp: int) -> Picture:
    """Return a decoded picture in the form of all sources."""
    converted = scaler.reformat(
        frame,
        format="yuvj420p",
        src_colorspace=_colorspace(frame),
        dst_colorspace=Colorspace.ITU601,
        src_color_range=(
            ColorRange.JPEG if frame.color_range == ColorRange.JPEG else ColorRange.MPEG
        ),
        dst_color_range=ColorRange.JPEG,
    )
    return from_frame(converted, stamp)


def _seconds(frame: VideoFrame) -> float | None:
    time_of_frame: float | None = frame.time
    return time_of_frame


def _open(location: str) -> tuple[InputContainer, VideoStream]:
    name = without_password(location)
    if "://" not in location and not Path(location).is_file():
        raise SourceError(
            f'there is no file "{name}"; give source the path or URL of a video, '
            "or one of auto, picamera2, v4l2, pattern, pattern:busy"
        )
    timeout = (OPEN_TIMEOUT, READ_TIMEOUT) if "://" in location else None
    try:
        container = av.open(location, timeout=timeout)
    except FFmpegError as error:
        raise SourceError(f'"{name}" cannot be opened as a video: {error.strerror}') from error
    if not container.streams.video:
        container.close()
        raise SourceError(f'"{name}" has no video stream')
    stream = container.streams.video[0]
    stream.thread_type = "NONE"  # frame threads would hold pictures back
    return container, stream


def _colorspace(frame: VideoFrame) -> Colorspace:
    if frame.colorspace == UNSPECIFIED:
        return Colorspace.ITU709 if frame.height >= HD_HEIGHT else Colorspace.ITU601
    return Colorspace.ITU709 if frame.colorspace == 1 else Colorspace.ITU601
