# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The line of statistics in a node's log: what happened since the last one. Pure.

People read it and programs do: after the word ``statistics`` come ``key=value`` pairs with a space
between, the bridge's with the camera's name and a dot before what is the camera's own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import sub
from statistics import median

from ..media.frame_counts import FrameCounts
from ..media.stages import SAMPLES, StageTimes, summarise
from .diagnosis.capture import Ages

PREFIX = "statistics"


@dataclass(frozen=True)
class CameraStatistics:
    """What the bridge has to say of one camera: in a time, and of now how many watch."""

    counts: FrameCounts
    viewers: int
    sent: Sequence[StageTimes]  # some of the pictures that were sent in this time


def bridge_line(seconds: float, memory: int, cameras: Mapping[str, CameraStatistics]) -> str:
    """Return the bridge's line: ``memory`` is resident, in bytes; a stage's time is its median."""
    pairs: list[tuple[str, object]] = [
        *_head(seconds, memory),
        ("viewers", sum(camera.viewers for camera in cameras.values())),
    ]
    for name, camera in cameras.items():
        pairs.append((f"{name}.viewers", camera.viewers))
        pairs += [(f"{name}.{key}", count) for key, count in camera.counts._asdict().items()]
        for stage, shares in summarise(camera.sent).items():
            pairs.append((f"{name}.{stage}_ms", f"{shares['p50']:.1f}"))
    return _line(pairs)


class CaptureStatistics:
    """Counts a camera node's pictures; one thread counts, another one takes the lines.

    ``now`` is in seconds on the caller's clock.
    """

    def __init__(self, now: float) -> None:
        self._captured = 0
        self._published = 0
        self._dropped = 0
        self._size = 0, 0
        self._ages: deque[int] = deque(maxlen=SAMPLES)
        self._jpeg_times: deque[float] = deque(maxlen=SAMPLES)
        self._last = now, 0, 0, 0

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count a picture that was captured, and as dropped if the context ends with an error."""
        self._captured += 1
        try:
            yield
        except Exception:
            self._dropped += 1
            raise

    def on_handled(self, age: int, size: tuple[int, int]) -> None:
        """Note how old a picture is, in ns by its stamp, now that whoever wants it has it; and its
        width and height as it was captured.
        """
        self._ages.append(age)
        self._size = size

    def on_published(self, jpeg_time: float | None) -> None:
        """Count a picture that was handed over, and the ms that it took to be JPEG, if it is."""
        self._published += 1
        if jpeg_time is not None:
            self._jpeg_times.append(jpeg_time)

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many pictures were captured, published and dropped."""
        return self._captured, self._published, self._dropped

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the newest picture as it was captured."""
        return self._size

    def take_ages(self) -> Ages | None:
        """Return how old pictures were since the last time; None if there was none."""
        ages, self._ages = self._ages, deque(maxlen=SAMPLES)
        taken = tuple(ages)  # in one step: another thread may be about to add one
        return Ages(min(taken) / 1e9, max(taken) / 1e9) if taken else None

    def line(self, now: float, memory: int) -> str:
        """Return the camera node's line, of the time since the last one."""
        last, self._last = self._last, (now, self._captured, self._published, self._dropped)
        seconds, captured, published, dropped = map(sub, self._last, last)
        pairs = [
            *_head(seconds, memory),
            ("captured", captured),
            ("published", published),
            ("dropped", dropped),
        ]
        if published and self._jpeg_times:
            pairs.append(("jpeg_ms", f"{median(tuple(self._jpeg_times)):.1f}"))
            self._jpeg_times.clear()
        return _line(pairs)


def read_line(text: str) -> dict[str, float] | None:
    """Return a line's values by key, whatever the log puts before it; None if it is none."""
    _, found, rest = text.partition(f"{PREFIX} ")
    if not found:
        return None
    try:
        pairs = [word.partition("=") for word in rest.split()]
        return {key: float(value) for key, _, value in pairs}
    except ValueError:
        return None


def _head(seconds: float, memory: int) -> list[tuple[str, object]]:
    return [("seconds", f"{seconds:.1f}"), ("memory_mb", f"{memory / 1e6:.1f}")]


def _line(pairs: Iterable[tuple[str, object]]) -> str:
    return " ".join((PREFIX, *(f"{key}={value}" for key, value in pairs)))
