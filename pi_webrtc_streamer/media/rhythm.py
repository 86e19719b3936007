# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How often a camera's pictures come, and how long none may come although all is well. Pure."""

from __future__ import annotations

from statistics import median_low

LEAST_PATIENCE = 1.0  # seconds
UNKNOWN_PATIENCE = 4.0  # seconds, as long as there was only one picture
PERIODS = 3  # a camera that leaves out two pictures has not stopped
LONGEST_PERIOD = 60.0  # seconds; after a longer interval the camera has paused

RECENT = 9  # intervals whose median is the period
REMEMBERED = 64  # intervals among which a gap has to come twice to be expected again
GAPS = 1.5  # times such a gap


class Rhythm:
    """Notes when pictures come; times are in seconds on the caller's clock.

    One thread notes, any thread may ask: what is read is never changed, only replaced.
    """

    def __init__(self) -> None:
        self._intervals: tuple[float, ...] = ()
        self._last: float | None = None

    def add(self, now: float) -> None:
        """Take note of a picture."""
        last, self._last = self._last, now
        if last is not None and 0 < now - last <= LONGEST_PERIOD:
            self._intervals = (*self._intervals, now - last)[-REMEMBERED:]

    def rest(self) -> None:
        """Nobody listens for a while: what comes next says nothing of the time between."""
        self._last = None

    @property
    def period(self) -> float | None:
        """The seconds from one picture to the next, as a rule; None while that is unknown."""
        intervals = self._intervals[-RECENT:]
        return median_low(intervals) if intervals else None

    @property
    def patience(self) -> float:
        """For how many seconds no picture may come.

        That is three periods, and at least a second. Where pictures come in bursts, and where they
        have just become rarer, it is more than the gap that was there twice.
        """
        period, intervals = self.period, self._intervals
        if period is None:
            return UNKNOWN_PATIENCE
        gap = sorted(intervals)[-2] if len(intervals) > 1 else 0.0
        return max(LEAST_PATIENCE, PERIODS * period, GAPS * gap)
