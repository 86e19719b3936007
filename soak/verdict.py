# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the samples prove, and what they do not. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .samples import COUNTS, Sample
from .trend import Trend, trend

LIMIT = 1.0  # MB an hour that the bridge's memory may grow


@dataclass(frozen=True)
class Verdict:
    """The outcome of a soak test.

    ``base`` is what the bridge held when everything had happened once and everybody had gone;
    ``worst`` the most that it held at any quiet point after that, ``final`` at the last one.
    Trends are in MB an hour, over the samples after the warm-up: of the bridge at quiet points and
    at all times; of what its C library has given out, and of Python's blocks (in thousands); and of
    the camera node that is never restarted.
    """

    base: Mapping[str, int] | None
    worst: Mapping[str, int]
    final: Mapping[str, int]
    quiet: Trend | None
    all: Trend | None
    heap: Trend | None
    blocks: Trend | None
    camera: Trend | None
    complaints: Sequence[str]

    @property
    def left_over(self) -> dict[str, int]:
        """What was above its base when everybody had gone at the end, and by how much."""
        if self.base is None:
            return {}
        above = {name: self.final[name] - self.base[name] for name in COUNTS}
        return {name: number for name, number in above.items() if number > 0}

    @property
    def grows(self) -> bool:
        """Whether memory grows faster than it may, beyond doubt."""
        return self.quiet is not None and self.quiet.low > LIMIT

    @property
    def holds(self) -> bool:
        """Whether nothing was found; see :meth:`sentences` for what could have been."""
        return self.base is not None and not (self.left_over or self.grows or self.complaints)

    def sentences(self) -> list[str]:
        """Say what was found, one sentence for each thing that was looked for."""
        return [self._say_counts(), self._say_memory(), self._say_complaints()]

    def _say_counts(self) -> str:
        if self.base is None:
            return "COUNTS: not judged; the warm-up was not over."
        if self.left_over:
            names = ", ".join(f"{number} {name}" for name, number in self.left_over.items())
            return f"COUNTS: FAILED: left over when everybody had gone: {names}."
        return "COUNTS: held: everything is back at its base."

    def _say_memory(self) -> str:
        found = self.quiet
        if found is None:
            return "MEMORY: not judged; too few quiet points after the warm-up."
        what = (
            f"{found.slope:+.2f} MB/h, with 95 % confidence between {found.low:+.2f} and "
            f"{found.high:+.2f} ({found.points} quiet points); at most {LIMIT:g} is allowed"
        )
        if self.grows:
            return f"MEMORY: FAILED: {what}."
        if found.high <= LIMIT:
            return f"MEMORY: held: {what}."
        return f"MEMORY: not shown to grow, but not excluded either: {what}. Run it longer."

    def _say_complaints(self) -> str:
        if not self.complaints:
            return "LOGS: held: no node has logged an error or a trace."
        first = self.complaints[0]
        return f"LOGS: FAILED: {len(self.complaints)} errors in the nodes' logs, first: {first}"


def judge(
    samples: Sequence[Sample],
    base: Mapping[str, int] | None,
    since: float,
    complaints: Sequence[str],
) -> Verdict:
    """Judge samples, of which those from ``since`` (seconds) on come after the warm-up."""
    after = [sample for sample in samples if sample.seconds >= since] if base is not None else []
    quiet = [sample for sample in after if sample.quiet]
    worst = {name: max((getattr(each, name) for each in quiet), default=0) for name in COUNTS}
    final = quiet[-1].counts() if quiet else dict.fromkeys(COUNTS, 0)
    return Verdict(
        base,
        worst,
        final,
        trend(_points(quiet, "memory")),
        trend(_points(after, "memory")),
        trend(_points(quiet, "heap")),
        trend([(hours, blocks / 1000) for hours, blocks in _points(quiet, "blocks")]),
        trend(_points(quiet, "front_memory")),
        complaints,
    )


def _points(samples: Sequence[Sample], name: str) -> list[tuple[float, float]]:
    """Return a figure over hours, where there is one."""
    points = [(sample.seconds / 3600, getattr(sample, name)) for sample in samples]
    return [(hours, value) for hours, value in points if not math.isnan(value)]
