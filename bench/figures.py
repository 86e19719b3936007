# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is measured: figures with the limits that they have to keep, and statistics. Pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


class Unavailable(Exception):
    """A part cannot be measured here; the text says why."""


@dataclass(frozen=True)
class Figure:
    """One measured value.

    ``target`` is what it has to reach: an upper limit, or with ``at_least`` a lower one.
    """

    name: str
    value: float
    unit: str = ""
    target: float | None = None
    at_least: bool = False

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None where there is none."""
        if self.target is None:
            return None
        if math.isnan(self.value):
            return False
        return self.value >= self.target if self.at_least else self.value <= self.target


@dataclass
class Part:
    """The outcome of one part of the benchmark."""

    name: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, value: float, unit: str = "", target: float | None = None) -> None:
        """Add a figure; a target is an upper limit."""
        self.figures.append(Figure(name, value, unit, target))

    def add_at_least(self, name: str, value: float, unit: str, target: float) -> None:
        """Add a figure that has to reach a lower limit."""
        self.figures.append(Figure(name, value, unit, target, at_least=True))

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        figures = [{**asdict(figure), "reached": figure.reached} for figure in self.figures]
        return {"figures": figures, "notes": self.notes, "details": self.details}


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below or at which a share (0 to 1) of all lie; NaN if there are none."""
    if not values:
        return math.nan
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def median(values: Sequence[float]) -> float:
    """Return the middle value; NaN if there are none."""
    return percentile(values, 0.5)


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope of the straight line that fits best by least squares; NaN if none does."""
    if len({x for x, _ in points}) < 2:
        return math.nan
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


@dataclass(frozen=True)
class Freezes:
    """How often and how long a picture stood still."""

    count: int
    longest: float  # milliseconds


def freezes(times: Sequence[float], threshold: float = 200) -> Freezes:
    """Find the gaps between frames (times in ms) that are longer than a threshold."""
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    return Freezes(sum(gap > threshold for gap in gaps), max(gaps, default=0.0))


def frame_rate(times: Sequence[float]) -> float:
    """Return frames a second from the times (in ms) at which they were shown."""
    if len(times) < 2 or times[-1] <= times[0]:
        return 0.0
    return (len(times) - 1) / (times[-1] - times[0]) * 1000


def share_younger(
    shown: Sequence[tuple[float, float | None]], limit: float, begun: float, ended: float
) -> float:
    """Return the share of time in which a picture on the screen is younger than a limit, in ms.

    ``shown`` are the times at which pictures came, and how old each was then: it grows older while
    it stays. Before the first, and while one is there whose age is unknown, none is young.
    """
    until = [at for at, _ in shown[1:]] + [ended]
    young = sum(
        max(0.0, min(end - at, limit - age))
        for (at, age), end in zip(shown, until, strict=False)
        if age is not None
    )
    return young / (ended - begun)


def time_mean(shown: Sequence[tuple[float, float]], ended: float) -> float:
    """Return the mean of what pictures are, each for as long as it is on the screen; NaN if none
    are there. ``shown`` are the times at which they came, and their values.
    """
    if not shown:
        return math.nan
    until = [at for at, _ in shown[1:]] + [ended]
    total = sum((end - at) * value for (at, value), end in zip(shown, until, strict=True))
    return total / (ended - shown[0][0])
