# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""When pictures arrived, and how old they were then. Pure."""

from __future__ import annotations

CODES = 2**32  # milliseconds of the barcode, and RTP's timestamps, wrap around there
CLOCK_RATE = 90_000
OLDEST = 60_000.0  # ms; what seems older has no barcode that can be read
KEPT = 300  # pictures that arrived and were not decoded: they never will be


class Arrivals:
    """Finds out when the last packet of a decoded picture had arrived.

    aiortc counts the timestamps of decoded pictures from the first one's.
    """

    def __init__(self) -> None:
        self._first: int | None = None
        self._arrived: dict[int, int] = {}

    def on_last_packet(self, timestamp: int, at: int) -> None:
        """Note that the picture with an RTP timestamp is there; the first time counts."""
        if self._first is None:
            self._first = timestamp
        self._arrived.setdefault(timestamp, at)
        while len(self._arrived) > KEPT:
            del self._arrived[next(iter(self._arrived))]

    def of_decoded(self, pts: int) -> tuple[int, int] | None:
        """Return the RTP timestamp of a decoded picture and when it arrived, if that is known."""
        if self._first is None:
            return None
        timestamp = (self._first + pts) % CODES
        at = self._arrived.get(timestamp)
        return None if at is None else (timestamp, at)


def age_by_barcode(code: int, at: int) -> float | None:
    """Return how old, in ms, a picture with this barcode was at a time (ns since the epoch).

    The barcode has whole milliseconds: half of one is what it is short of in the mean.
    """
    age = (at / 1e6 - code - 0.5) % CODES
    if age > CODES - 1:  # younger than the half
        age -= CODES
    return age if age < OLDEST else None


def age_by_clock(timestamp: int, at: float, known: int, captured: float) -> float:
    """Return how old, in ms, a picture was at a time, if the one ``known`` was then ``captured``.

    Both are RTP timestamps; times are in seconds, on one clock.
    """
    ticks = (timestamp - known + CODES // 2) % CODES - CODES // 2
    return 1000 * (at - captured - ticks / CLOCK_RATE)
