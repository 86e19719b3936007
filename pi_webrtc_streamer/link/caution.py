# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How much of what a link carries pictures may take, by how long they take to pass.

Over a link that is steady, all of it: pictures pass one after the other. A radio that moves carries
far less for moments than it does on the whole, and pictures that suit the whole are late then, each
time; so they are made smaller until most of them pass soon. Sprout (Winstein et al., NSDI 2013)
sends no more than passes in time with a certainty for the same reason.

Pure: seconds, and the clock is the caller's.
"""

from __future__ import annotations

import math

from .flight import Flight

SOON = 0.04  # seconds in which most pictures should pass
LEAST_SHARE = 0.2
STEEPEST = 0.5  # factor of the share at once
INTERVAL = 1.0  # seconds between two steps down
CALM = 3.0  # seconds without one before more is tried
GROWTH = 1.02  # a second
LONGEST_GROWTH = 100.0  # seconds; it is whole again by then


class Caution:
    """The share of one link that pictures may take."""

    def __init__(self) -> None:
        self._share = 1.0
        self._lowered = -math.inf
        self._updated = 0.0

    def share(self, now: float) -> float:
        """Return the share, having let it grow as far as time allows."""
        calm = min(now - max(self._lowered + CALM, self._updated), LONGEST_GROWTH)
        self._updated = max(now, self._updated)
        if calm > 0:
            self._share = min(1.0, self._share * GROWTH**calm)
        return self._share

    def is_due(self, flight: Flight, now: float) -> bool:
        """Whether pictures that were made since the last step take too long to pass."""
        return now >= self._lowered + INTERVAL and flight.usual(self._lowered) > SOON

    def lower(self, flight: Flight, now: float) -> None:
        """Make pictures so much smaller that they should pass soon enough."""
        step = max(STEEPEST, SOON / flight.usual(self._lowered))
        self._share = max(LEAST_SHARE, step * self.share(now))
        self._lowered = now
