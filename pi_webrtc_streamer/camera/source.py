# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What every source of pictures has in common."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..settings.schema import Setting, Value

Plane = npt.NDArray[np.uint8]

LONGEST_WAIT = 0.2  # seconds that a source waits for a picture before it says that there is none


class SourceError(Exception):
    """A source cannot be opened or has failed; the text names it and says what to do."""


@dataclass(frozen=True)
class Picture:
    """One picture in planar YUV 4:2:0, BT.601, full range (what JFIF means by JPEG).

    ``y`` has the shape (height, width), ``u`` and ``v`` half of it in both directions, rounded up.
    ``stamp`` is the acquisition time in nanoseconds since the epoch. The planes of one that is
    ``lasting`` stay as they are after the loan: what is made of them may be kept.
    """

    y: Plane
    u: Plane
    v: Plane
    stamp: int
    lasting: bool = False

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.y.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.y.shape[0])


class Source(Protocol):
    """Delivers pictures between :meth:`start` and :meth:`stop`; opened and closed around that.

    :meth:`capture` is called in the capture thread, and never at the same time as :meth:`start`,
    :meth:`stop` or :meth:`close`; the others may be called meanwhile.
    """

    @property
    def description(self) -> str:
        """What is captured, for the log: the device or file, and the size."""
        ...

    @property
    def hardware_id(self) -> str:
        """What tells the device from others of its kind, as far as it says."""
        ...

    @property
    def framerate(self) -> float | None:
        """How many pictures a second there should be; None if the source does not say."""
        ...

    @property
    def controls(self) -> Mapping[str, tuple[Setting, Value | None]]:
        """The device's controls that can be set, with their defaults (None if unknown)."""
        ...

    def set_control(self, name: str, value: Value) -> None:
        """Set one of the controls, now or when started.

        :raises SettingsError: if the device does not take the value.
        """
        ...

    def set_framerate(self, framerate: float) -> None:
        """Change the rate, in pictures a second, now or when started."""
        ...

    def start(self) -> None:
        """Begin to capture.

        :raises SourceError: if the device refuses.
        """
        ...

    def stop(self) -> None:
        """End capturing; safe to call twice."""
        ...

    def capture(self) -> AbstractContextManager[Picture | None]:
        """Wait for the next picture and lend it for the length of a context.

        None, after :data:`LONGEST_WAIT`, says that there is none yet.

        :raises SourceError: if there will be none any more.
        """
        ...

    def close(self) -> None:
        """Give the device back; safe to call twice."""
        ...


def sleep_until(due: float) -> bool:
    """Sleep until a monotonic time, or for :data:`LONGEST_WAIT`; returns whether it has come."""
    wait = due - time.monotonic()
    time.sleep(min(max(wait, 0), LONGEST_WAIT))
    return wait <= LONGEST_WAIT


class Beat:
    """Says when pictures are due that come ``framerate`` times a second; the rate may change."""

    def __init__(self, framerate: float) -> None:
        self.framerate = framerate
        self._due = 0.0

    def start(self) -> None:
        """Begin with a picture at once."""
        self._due = time.monotonic()

    def wait(self) -> bool:
        """Wait for the next picture, or :data:`LONGEST_WAIT`; returns whether it is due.

        One that is late does not hurry the ones behind it.
        """
        if not sleep_until(self._due):
            return False
        period = 1 / self.framerate
        self._due = max(self._due, time.monotonic() - period) + period
        return True
