# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether a link carries more than it is given, found out by filling it for a while.

What a receiver estimates is bounded by what arrives: that a link carries a small picture does not
say that it carries a large one. Padding is added to the small one, ever more of it, so that a queue
that fills is noticed before pictures are lost or late (as by WebRTC's probes of its own bandwidth
estimate).

Pure: bits, bit/s, seconds, and the clock is the caller's.
"""

from __future__ import annotations

import math
from collections import deque
from statistics import median

RAMP = 1.0  # seconds, in which what is sent grows from nothing but the pictures to the target
HOLD = 1.0  # seconds at the target
SETTLE = 1.5  # seconds more in which the receiver may complain: it reports about once a second
FILLED = 0.8  # share of the target that must have been sent, or the probe says nothing
FULL_QUEUE = 0.06  # seconds above the least round trip of the probe
ROUND_TRIPS = 3  # in a row, the middle one of which says that a queue fills: radio has outliers
LONGEST_STEP = 0.2  # seconds between two pictures; a pause is not made up for


class Probe:
    """Fills one link up to ``target`` bit/s, pictures included, from ``begun`` on."""

    def __init__(self, target: float, begun: float) -> None:
        self.target = target
        self._begun = begun
        self._last = begun
        self._held = 0.0  # bits sent since the target was reached
        self._failed = False
        self._least_round_trip = math.inf
        self._round_trips: deque[float] = deque(maxlen=ROUND_TRIPS)

    def padding(self, bits: int, now: float) -> int:
        """Return how many bits to add to a picture of so many that is sent now."""
        elapsed = now - self._begun
        step, self._last = min(now - self._last, LONGEST_STEP), now
        if self._failed or elapsed >= RAMP + HOLD:
            return 0
        added = max(0, round(step * self.target * min(1.0, elapsed / RAMP)) - bits)
        if elapsed >= RAMP:
            self._held += bits + added
        return added

    def on_round_trip(self, round_trip: float) -> None:
        """Take a round-trip time, in seconds, measured between two pictures."""
        self._least_round_trip = min(self._least_round_trip, round_trip)
        self._round_trips.append(round_trip)
        if len(self._round_trips) == ROUND_TRIPS:
            self._failed |= median(self._round_trips) > self._least_round_trip + FULL_QUEUE

    def fail(self) -> None:
        """Take note that the link is too full."""
        self._failed = True

    def over(self, now: float) -> bool:
        """Whether the outcome is known."""
        return self._failed or now >= self._begun + RAMP + HOLD + SETTLE

    @property
    def failed(self) -> bool:
        """Whether the link does not carry the target."""
        return self._failed

    @property
    def passed(self) -> bool:
        """Whether the link carries the target, if the probe is over. It may be neither: with no
        pictures there was no padding.
        """
        return not self._failed and self._held >= FILLED * self.target * HOLD
