"""Capture time as RTP timestamps."""

from __future__ import annotations

from .codec import CLOCK_RATE

NANOSECONDS = 1_000_000_000
# Further back than this, the publisher's clock was set; nearer, a stamp merely repeats or jitters.
LARGEST_STEP_BACK = CLOCK_RATE  # ticks: one second
AFTER_A_STEP = CLOCK_RATE // 30


class RtpClock:
    """Turns acquisition stamps into 90 kHz ticks that always increase.

    As long as the stamps increase, the ticks are exactly the stamps' time, so that a receiver that
    knows one pair knows the capture time of every frame. When the publisher's clock is set back,
    the ticks go on from where they were.
    """

    def __init__(self) -> None:
        self._offset = 0
        self._last: int | None = None

    def ticks(self, stamp: int) -> int:
        """Return the RTP timestamp, modulo 2**32, of a stamp in nanoseconds."""
        ticks = stamp * CLOCK_RATE // NANOSECONDS + self._offset
        if self._last is not None and ticks <= self._last:
            if self._last - ticks > LARGEST_STEP_BACK:
                following = self._last + AFTER_A_STEP
                self._offset += following - ticks
                ticks = following
            else:
                ticks = self._last + 1
        self._last = ticks
        return ticks & 0xFFFFFFFF
