# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""When each encoded picture was captured, on the clock of this process, by its RTP timestamp."""

from __future__ import annotations

from collections import deque
from statistics import median_low
from typing import NamedTuple

PICTURES = 512  # kept: 17 s at 30 a second
RECENT = 8  # pictures by which a publisher's clock is judged
RHYTHM = 9  # intervals by which the frame period is
LONGEST_PERIOD = 10.0  # seconds; after a longer interval the camera has paused

# A stamp may be so much later than the picture's arrival, in seconds: clocks that are kept by NTP
# differ by some milliseconds. Further ahead, or always further behind, the clock is not ours.
LARGEST_LEAD = 0.05
LARGEST_LAG = 10.0
# Our own clock was set if it has moved by more than this against the monotonic one.
LARGEST_SLEW = 0.05

NANOSECONDS = 1_000_000_000


class Capture(NamedTuple):
    """A picture's RTP timestamp, and when it was captured, in seconds of the monotonic clock.

    If that is not ``certain``, the publisher's clock is not ours, or it has none: ``captured``
    counts from the picture's arrival then, and its age is at least what that says.
    """

    rtp: int
    captured: float
    certain: bool


class Timeline:
    """Notes the pictures of one camera.

    One thread notes them; any thread may ask. There is no lock: each answer is one look-up of
    something that is never changed, only replaced.
    """

    def __init__(self) -> None:
        self._newest: Capture | None = None
        self._by_rtp: dict[int, Capture] = {}
        self._order: deque[int] = deque()
        self._intervals: tuple[float, ...] = ()
        self._ages: deque[float] = deque(maxlen=RECENT)  # at arrival, by the stamps
        self._stamp = 0
        self._wall_offset: float | None = None

    @property
    def newest(self) -> Capture | None:
        """The picture that was noted last."""
        return self._newest

    @property
    def period(self) -> float | None:
        """The seconds between two pictures, or None while that is unknown."""
        intervals = self._intervals
        return median_low(intervals) if intervals else None

    def captured(self, rtp: int) -> Capture | None:
        """Return the picture with exactly this RTP timestamp, if it is one of the last 512."""
        return self._by_rtp.get(rtp)

    def note(self, rtp: int, stamp: int, received: int, now: float, wall: int) -> None:
        """Take note of a picture that is new.

        ``stamp`` (the publisher's), ``received`` and ``wall`` are in nanoseconds since the epoch, 0
        where unknown; ``now`` is the monotonic time of ``wall``, in seconds.
        """
        clock_was_set = self._set_wall(wall / NANOSECONDS - now)
        waited = (wall - received) / NANOSECONDS if received else 0.0
        arrived = now if clock_was_set else now - max(0.0, waited)
        age = ((received or wall) - stamp) / NANOSECONDS
        if clock_was_set or stamp <= self._stamp:
            self._ages.clear()  # what came before was stamped by other clocks
        self._stamp = stamp
        self._ages.append(age)
        least = min(self._ages)
        certain = stamp > 0 and not clock_was_set and -LARGEST_LEAD <= least <= LARGEST_LAG
        captured = arrived - (max(0.0, age) if certain else age - least)
        self._note_interval(captured)
        self._keep(Capture(rtp, captured, certain))

    def repeat(self, rtp: int) -> None:
        """Take note that the last picture is encoded once more, with another RTP timestamp."""
        if self._newest is not None:
            self._keep(self._newest._replace(rtp=rtp))

    def _set_wall(self, offset: float) -> bool:
        """Note by how much the wall clock is ahead; returns whether it was set meanwhile."""
        before, self._wall_offset = self._wall_offset, offset
        return before is not None and abs(offset - before) > LARGEST_SLEW

    def _note_interval(self, captured: float) -> None:
        if self._newest is None:
            return
        interval = captured - self._newest.captured
        if 0 < interval <= LONGEST_PERIOD:
            self._intervals = (*self._intervals, interval)[-RHYTHM:]

    def _keep(self, capture: Capture) -> None:
        self._by_rtp[capture.rtp] = capture
        self._order.append(capture.rtp)
        if len(self._order) > PICTURES:
            self._by_rtp.pop(self._order.popleft(), None)
        self._newest = capture
