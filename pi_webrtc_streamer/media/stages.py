# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""When a picture passed each stage of its way, and how long the stages take."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

STAGES = ("published", "received", "decoded", "encoded", "sent")
SHARES = {"p50": 0.5, "p95": 0.95}
SAMPLES = 600  # pictures: 20 s at 30 a second


class StageTimes(NamedTuple):
    """Nanoseconds since the epoch; 0 where a stage is not known or not reached yet.

    ``captured`` and ``published`` are on the publisher's clock, which on another machine may
    differ.
    """

    captured: int
    published: int = 0
    received: int = 0
    decoded: int = 0
    encoded: int = 0
    sent: int = 0


WIDTH = len(StageTimes._fields)


class StageMeter:
    """Percentiles over the last pictures.

    Their times are kept as plain numbers: as objects those of all streams would take 2 MB, and grow
    for as long as pictures come.
    """

    def __init__(self) -> None:
        self._numbers = array("q")  # SAMPLES times WIDTH of them at most
        self._place = 0

    def add(self, times: StageTimes) -> None:
        """Count a picture that was sent."""
        place = self._place * WIDTH
        self._numbers[place : place + WIDTH] = array("q", times)
        self._place = (self._place + 1) % SAMPLES

    def summary(self) -> dict[str, dict[str, float]]:
        """Return what :func:`summarise` says of the pictures."""
        return _summarise([self._numbers[field::WIDTH] for field in range(WIDTH)])

    def sent_since(self, when: int) -> list[StageTimes]:
        """Return the pictures that were sent since a time, in nanoseconds since the epoch."""
        return [times for times in self._samples() if times.sent >= when]

    def _samples(self) -> list[StageTimes]:
        places = range(0, len(self._numbers), WIDTH)
        return [StageTimes(*self._numbers[place : place + WIDTH]) for place in places]


def summarise(samples: Iterable[StageTimes]) -> dict[str, dict[str, float]]:
    """Return the median and 95th percentile of each stage, in ms since the one before it."""
    return _summarise(list(zip(*samples, strict=True)))


def _summarise(columns: Sequence[Sequence[int]]) -> dict[str, dict[str, float]]:
    """Do so, given each field's times of all pictures; the event loop waits for it."""
    if not columns:
        return {}
    captured, *stages = columns
    durations, before = {}, captured
    for stage, reached in zip(STAGES, stages, strict=True):
        durations[stage] = [now - then for now, then in zip(reached, before, strict=True) if now]
        before = [now or then for now, then in zip(reached, before, strict=True)]
    durations["total"] = [sent - first for sent, first in zip(stages[-1], captured, strict=True)]
    return {stage: _percentiles(values) for stage, values in durations.items() if values}


def _percentiles(nanoseconds: list[int]) -> dict[str, float]:
    nanoseconds.sort()
    last = len(nanoseconds) - 1
    return {
        name: round(nanoseconds[round(share * last)] / 1e6, 2) for name, share in SHARES.items()
    }
