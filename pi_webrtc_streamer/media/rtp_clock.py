# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Capture time as RTP timestamps."""

from __future__ import annotations

from .codec import CLOCK_RATE

NANOSECONDS = 1_000_000_000
# Further back than this, the publisher's clock was set; nearer, a stamp merely repeats or jitters.
LARGEST_STEP_BACK = CLOCK_RATE  # ticks: one second
# Further ahead of the time that has passed than this, it was set, too: a Raspberry Pi has no clock
# of its own, and starts in the past. Receivers take steps of hours for steps back.
LARGEST_STEP_AHEAD = 10 * CLOCK_RATE
AFTER_A_STEP = CLOCK_RATE // 30


class RtpClock:
    """Turns acquisition stamps into 90 kHz ticks that always increase.

    As long as the stamps increase, the ticks are exactly the stamps' time, so that a receiver that
    knows one pair knows the capture time of every frame. When the publisher's clock is set, the
    ticks go on from where they were.
    """

    def __init__(self) -> None:
        self._offset = 0
        self._last: tuple[int, float] | None = None

    def ticks(self, stamp: int, now: float) -> int:
        """Return the RTP timestamp, modulo 2**32, of a stamp in nanoseconds.

        ``now`` is the caller's clock, in seconds, which is never set.
        """
        ticks = stamp * CLOCK_RATE // NANOSECONDS + self._offset
        if self._last is not None:
            last, at = self._last
            ahead = ticks - last - (now - at) * CLOCK_RATE
            if last - ticks > LARGEST_STEP_BACK or ahead > LARGEST_STEP_AHEAD:
                self._offset += last + AFTER_A_STEP - ticks
                ticks = last + AFTER_A_STEP
            elif ticks <= last:
                ticks = last + 1
        self._last = ticks, now
        return ticks & 0xFFFFFFFF
