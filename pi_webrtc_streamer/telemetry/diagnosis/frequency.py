# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How often something happens, by a count that is looked at now and then. Pure."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

WINDOW = 5.0  # seconds, as diagnostic_updater's at its usual period
WINDOW_PERIODS = 5  # at least as many events are to be seen
PATIENCE = 2.0  # seconds without an event
PATIENCE_PERIODS = 3  # or as many periods, at low rates
TOLERANCE = 0.1  # share by which a rate may be too low, as diagnostic_updater's


class Frequency:
    """The rate of events from when it is begun; times are in seconds on the caller's clock.

    What begins late is not taken for slow: the rate is measured from the first look that finds an
    event.
    """

    def __init__(self, now: float, count: int = 0) -> None:
        self._looks: deque[tuple[float, int]] = deque([(now, count)])
        self._changed = now
        self._begun = False

    def look(self, now: float, count: int, expected: float | None) -> Measured:
        """Take the count of events so far; ``expected`` is how many a second there should be."""
        period = 1 / expected if expected else 0.0
        if count != self._looks[-1][1]:
            self._changed = now
        if not self._begun:
            self._begun = count != self._looks[-1][1]
            self._looks.clear()
        self._looks.append((now, count))
        window = max(WINDOW, WINDOW_PERIODS * period)
        while len(self._looks) > 2 and self._looks[1][0] <= now - window:
            self._looks.popleft()
        since, before = self._looks[0]
        silent = now - self._changed
        return Measured(
            count - before,
            now - since,
            expected,
            silent if silent >= max(PATIENCE, PATIENCE_PERIODS * period) else 0.0,
        )


class Measured(NamedTuple):
    """What was seen: so many events in so many seconds; ``silent`` for how long there was none, if
    that is too long.
    """

    events: int
    seconds: float
    expected: float | None
    silent: float

    @property
    def rate(self) -> float | None:
        """Events a second; None while it is not known yet."""
        return self.events / self.seconds if self.seconds > 0 else None

    @property
    def too_low(self) -> bool:
        """Whether there were too few events, though where in a period it was looked at counted."""
        if self.expected is None:
            return False
        return self.events + 1 < (1 - TOLERANCE) * self.expected * self.seconds
