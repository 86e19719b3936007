# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The robot's head: where pan and tilt are to go, beginning where they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Gaze(NamedTuple):
    """Where the head looks, or is to look: positions of its joints in rad."""

    pan: float
    tilt: float


@dataclass(frozen=True)
class HeadLimits:
    """``speed`` in rad/s, at full deflection; the joints go from the first to the second of each
    pair. A negative direction is that of a joint that turns right, or down, as it grows.
    """

    speed: float = 1.0
    pan: tuple[float, float] = (-1.5, 1.5)
    tilt: tuple[float, float] = (-0.7, 0.7)
    pan_direction: float = 1.0
    tilt_direction: float = 1.0


class Head:
    """Turns deflections into positions; it moves nothing before it knows where the joints are."""

    def __init__(self, limits: HeadLimits) -> None:
        self._limits = limits
        self._measured: Gaze | None = None
        self._goal: Gaze | None = None  # while it moves

    @property
    def known(self) -> bool:
        """Whether anybody has told where the joints are."""
        return self._measured is not None

    def measure(self, gaze: Gaze) -> None:
        """Note where the joints are."""
        self._measured = gaze

    def step(self, pan: float, tilt: float, passed: float) -> Gaze | None:
        """Return where the head is to be, after some time of deflection; None: where it is.

        Each movement begins where the joints are measured to be: nothing ever jumps.
        """
        if not (pan or tilt) or self._measured is None:
            self._goal = None
            return None
        limits = self._limits
        start = self._goal or self._measured
        way = limits.speed * passed
        self._goal = Gaze(
            _moved(start.pan, pan * limits.pan_direction * way, limits.pan),
            _moved(start.tilt, tilt * limits.tilt_direction * way, limits.tilt),
        )
        return self._goal


def _moved(position: float, way: float, limits: tuple[float, float]) -> float:
    """Return a position that has moved; from outside the limits, only towards them."""
    low, high = min(limits[0], position), max(limits[1], position)
    return max(low, min(high, position + way))
