# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures from a video file or URL, looped, at the pace of its own timestamps."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain

from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from ..runtime.owning import Owned
from ..settings.schema import Setting, SettingsError, Value
from .conversion import to_picture
from .location import without_password
from .media_file import is_attached, open_media
from .source import Picture, Source, SourceError, sleep_until
from .still import StillSource

# A gap between two timestamps that is longer than this is a cut, not a pause.
LONGEST_GAP = 2.0  # seconds
# One that is shorter is a fault of the file: no camera node is asked for more pictures a second.
SHORTEST_GAP = 1 / 250  # seconds


def open_file(location: str, framerate: float) -> Source:
    """Open a file or URL: a video, or one picture, which is shown ``framerate`` times a second.

    :raises SourceError: if it is neither.
    """
    video = VideoSource(location, framerate)
    with Owned() as owned:
        owned.at_end("a video's file", video.close)
        picture = video.only_picture()
        if picture is None:
            owned.pop_all()
            return video
        return StillSource(video.hardware_id, picture, framerate)


class VideoSource:
    """A video that starts again when it ends.

    ``usual`` is the rate, in pictures a second, of one whose timestamps make no sense.
    """

    def __init__(self, location: str, usual: float = 30.0) -> None:
        self._location = location
        self._usual = usual
        self._container, self._stream = open_media(location)
        # Read now: FFmpeg's numbers are gone when the file is closed, and others may ask then.
        self.hardware_id = self._name = without_password(location)
        rate = self._stream.average_rate
        self._own_rate = float(rate) if rate and rate * SHORTEST_GAP <= 1 else None
        size = f"{self._stream.width}x{self._stream.height}"
        self.description = f"{self._name}, {size}, {self.framerate:.4g} fps, looped"
        self._scaler = VideoReformatter()
        self._decoder = self._decode()
        self._frames: Iterator[VideoFrame] = self._decoder
        self._length: int | None = None  # in pictures, known when it has ended once
        self._next: VideoFrame | None = None
        self._pace = Pace(1 / self.framerate)
        self._due = 0.0

    @property
    def framerate(self) -> float:
        """Pictures a second, as the file has it."""
        return self._own_rate or self._usual

    @property
    def controls(self) -> Mapping[str, tuple[Setting, Value | None]]:
        """A video has none."""
        return {}

    def set_control(self, name: str, value: Value) -> None:
        """A video has none."""
        raise SettingsError(f"a video has no control {name}")

    def set_framerate(self, framerate: float) -> None:
        """A video keeps its own, if it has one."""
        self._usual = framerate
        self._pace.usual_gap = 1 / self.framerate

    def start(self) -> None:
        """Go on from where it was."""
        self._pace = Pace(1 / self.framerate)

    def only_picture(self) -> Picture | None:
        """Return the video's picture if it has no other; to be asked before it is started.

        :raises SourceError: if nothing can be decoded.
        """
        first = next(self._frames)
        if not is_attached(self._stream):
            second = next(self._frames)
            if self._length != 1:
                self._frames = chain((first, second), self._decoder)
                return None
        return self._to_picture(first)

    def stop(self) -> None:
        """Nothing runs between two pictures."""

    @contextmanager
    def capture(self) -> Iterator[Picture | None]:
        """Wait until the next picture is due."""
        if self._next is None:
            self._next = next(self._frames)
            self._due = self._pace.due(*_times(self._next), time.monotonic())
        if not sleep_until(self._due):
            yield None
            return
        frame, self._next = self._next, None
        yield self._to_picture(frame)

    def close(self) -> None:
        """Close the file."""
        with Owned() as owned:
            owned.at_end("a video's file", self._container.close)
            owned.at_end("a video's pictures", self._decoder.close)

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
            if count:
                self._length = count
                rewound = self._rewind()
            elif rewound:
                # It could not be, though it said so: by a server that sends no parts, for one.
                self._open_anew()
                rewound = False
            else:
                raise SourceError(f"{self._name} holds no picture that can be decoded")

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
        self._container, self._stream = open_media(self._location)

    def _to_picture(self, frame: VideoFrame) -> Picture:
        shape = self._stream.sample_aspect_ratio
        return to_picture(self._scaler, frame, time.time_ns(), shape)


class Pace:
    """Maps a video's timestamps to the monotonic clock, in seconds, through loops and cuts.

    ``usual_gap`` is between two pictures whose timestamps are missing or make no sense.
    """

    def __init__(self, usual_gap: float) -> None:
        self.usual_gap = usual_gap
        self._last: float | None = None
        self._duration: float | None = None
        self._due: float | None = None

    def due(self, timestamp: float | None, duration: float | None, now: float) -> float:
        """Return when the next picture is to be shown: by its timestamp, relative to the last.

        ``duration`` is how long the file says that it is shown, where it does.
        """
        if self._due is None:
            self._due = now
        else:
            # If it fell behind by far, it goes on from here.
            due = self._due + self._gap(timestamp)
            self._due = due if due >= now - LONGEST_GAP else now
        self._last, self._duration = timestamp, duration
        return self._due

    def _gap(self, timestamp: float | None) -> float:
        """Return how long the last picture is shown."""
        if timestamp is not None and self._last is not None and _is_gap(timestamp - self._last):
            return timestamp - self._last
        if self._duration is not None and _is_gap(self._duration):
            return self._duration
        return min(self.usual_gap, LONGEST_GAP)


def _is_gap(seconds: float) -> bool:
    return SHORTEST_GAP <= seconds <= LONGEST_GAP


def _times(frame: VideoFrame) -> tuple[float | None, float | None]:
    """Return a picture's timestamp and duration in seconds, as far as it has them."""
    timestamp: float | None = frame.time
    base = frame.time_base
    return timestamp, float(frame.duration * base) if frame.duration and base else None
