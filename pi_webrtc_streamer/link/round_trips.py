# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether the queue before a link is full, by the round trips over it.

Pure: seconds, and the clock is the caller's.
"""

from __future__ import annotations

import math

FULL_QUEUE = 0.15  # seconds above the least round trip
FILLING = 0.06  # the same, from which on there is a queue at all
LATE = 0.1  # the same, where it lasts
LASTING = 4.0  # seconds for which every round trip is late


class RoundTrips:
    """The least round trip of one link, and what the others say beside it.

    One that is far above the least means a full queue, and so do lesser ones that last: where just
    so much is lost as is sent too much, a queue stands still.
    """

    def __init__(self) -> None:
        self._least = math.inf
        self._late_since: float | None = None
        self.filling = False  # whether the last one met a queue

    def note(self, round_trip: float) -> float:
        """Take a round trip, and return by how much it is above the least."""
        self._least = min(self._least, round_trip)
        above = round_trip - self._least
        self.filling = above > FILLING
        return above

    def tell_full(self, round_trip: float, now: float) -> bool:
        """Take a round trip, and say whether the queue is full."""
        above = self.note(round_trip)
        if above <= LATE:
            self._late_since = None
            return False
        if self._late_since is None:
            self._late_since = now
        return above > FULL_QUEUE or now >= self._late_since + LASTING

    def begin_anew(self, round_trip: float) -> None:
        """Take this round trip for the least: there is nothing in the queue, the way is longer."""
        self._least = round_trip
        self._late_since = None
