# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How a camera node's camera is. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...runtime.status import Finding, Level, Status, sum_up
from .frequency import Frequency, Measured

TASK = "capture"
# A stamp is the time of exposure: it is in the past, by the time that capturing and encoding take.
LONGEST_AGE = 1.0  # seconds
LARGEST_LEAD = 0.05  # seconds


@dataclass(frozen=True)
class Ages:
    """How old pictures were when they were published, by their stamps, in seconds."""

    least: float
    most: float


@dataclass(frozen=True)
class CaptureFacts:
    """What an active camera node knows of its camera.

    ``expected`` is in pictures/s, None if the source does not say. ``failure`` is why the source is
    away, ``last_failure`` why it was opened again the last time, ``stand_in`` why the test pattern
    is shown instead of a camera. Counts are since the node was activated, ``ages`` (None without a
    picture) since the last look. ``size`` is in pixels.
    """

    source: str
    expected: float | None
    captured: int
    published: int
    dropped: int
    ages: Ages | None
    size: tuple[int, int]
    subscribers: int
    failure: str
    reopened: int
    last_failure: str
    stand_in: str


class CaptureDiagnosis:
    """Judges a camera from when its node is activated; ``now`` is in seconds on one clock."""

    def __init__(self, now: float, hardware_id: str) -> None:
        self._hardware_id = hardware_id
        self._frequency = Frequency(now)
        self._reopened = 0
        self._dropped = 0

    def judge(self, facts: CaptureFacts, now: float) -> Status:
        """Say how the camera is; to be called again and again, since rates need two looks."""
        if facts.failure or facts.reopened != self._reopened:
            self._reopened = facts.reopened
            self._frequency = Frequency(now, facts.captured)
        measured = self._frequency.look(now, facts.captured, facts.expected)
        dropped, self._dropped = facts.dropped - self._dropped, facts.dropped
        rate = measured.rate
        fine = "the camera begins" if rate is None else f"{rate:.4g} pictures/s"
        level, message = sum_up(fine, _findings(facts, measured, dropped))
        return Status(TASK, level, message, self._hardware_id, _values(facts, measured))


def _findings(facts: CaptureFacts, measured: Measured, dropped: int) -> Iterator[Finding]:
    if facts.failure:
        yield Level.ERROR, f"{facts.failure}; it is tried again every second"
    elif measured.silent:
        yield (
            Level.ERROR,
            f"no picture for {measured.silent:.0f} s: see that the camera is connected, and that "
            "no other program uses it",
        )
    elif measured.too_low:
        yield (
            Level.WARN,
            f"{measured.rate or 0.0:.3g} pictures/s instead of {measured.expected:.3g}: give more "
            "light or CPU time, or set a lower framerate or size",
        )
    if facts.stand_in:
        yield Level.WARN, f"the test pattern is shown instead of a camera: {facts.stand_in}"
    if dropped > 0:
        yield Level.WARN, f"{dropped} pictures were dropped by errors: the log says which"
    if facts.ages is not None and facts.ages.most > LONGEST_AGE:
        yield (
            Level.WARN,
            f"pictures are published {facts.ages.most:.1f} s after their exposure: free CPU time, "
            "or set a smaller size",
        )
    if facts.ages is not None and facts.ages.least < -LARGEST_LEAD:
        yield (
            Level.WARN,
            f"stamps are {-facts.ages.least:.2f} s in the future: has the clock been set?",
        )


def _values(facts: CaptureFacts, measured: Measured) -> dict[str, object]:
    state = "failed" if facts.failure else "silent" if measured.silent else "capturing"
    ages, rate = facts.ages, measured.rate
    return {
        "state": "active",
        "source": facts.source,
        "source state": state,
        "frequency (Hz)": None if rate is None else round(rate, 2),
        "expected frequency (Hz)": facts.expected,
        "window of the frequency (s)": round(measured.seconds, 2),
        "least age when published (s)": None if ages is None else round(ages.least, 4),
        "largest age when published (s)": None if ages is None else round(ages.most, 4),
        "captured pictures": facts.captured,
        "published pictures": facts.published,
        "dropped pictures": facts.dropped,
        "width (pixels)": facts.size[0],
        "height (pixels)": facts.size[1],
        "subscribers": facts.subscribers,
        "times opened again": facts.reopened,
        "last failure": facts.last_failure,
    }


def judge_at_rest(state: str, failure: str, hardware_id: str) -> Status:
    """Say how the camera of a node is that is not active; ``failure`` is why, if it failed."""
    level, message = (Level.ERROR, failure) if failure else (Level.OK, state)
    return Status(TASK, level, message, hardware_id, {"state": state})
