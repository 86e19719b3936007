# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How often something happens."""

from __future__ import annotations

from collections import deque


class RateMeter:
    """Events a second over the last ``window`` seconds; the clock is the caller's.

    One thread adds; any thread may ask. A steady rate is exact after two events, and the figure
    falls to 0 once no event has come for a whole window.
    """

    def __init__(self, window: float = 2.0) -> None:
        self._window = window
        self._times: deque[float] = deque()

    def add(self, now: float) -> None:
        """Count one event at ``now`` seconds."""
        self._times.append(now)
        while self._times[0] < now - self._window:
            self._times.popleft()

    def rate(self, now: float) -> float:
        """Events a second, as seen at ``now``."""
        times = self._recent(now)
        if len(times) < 2 or times[-1] <= times[0]:
            return 0.0
        return (len(times) - 1) / (times[-1] - times[0])

    def count(self, now: float) -> int:
        """Events in the window that ends at ``now``."""
        return len(self._recent(now))

    def _recent(self, now: float) -> list[float]:
        # tuple() copies in one step, whatever the adding thread does meanwhile
        return [time for time in tuple(self._times) if time >= now - self._window]
