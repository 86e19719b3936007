# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How many bits a link is given."""

from __future__ import annotations

from collections import deque


class BitrateMeter:
    """Bits a second over the last second or so; the clock is the caller's."""

    def __init__(self, window: float = 1.0) -> None:
        self._window = window
        self._events: deque[tuple[float, int]] = deque()
        self._total = 0

    def add(self, bits: int, now: float) -> None:
        """Count bits at ``now`` seconds."""
        self._events.append((now, bits))
        self._total += bits
        self._forget(now)

    def rate(self, now: float) -> float:
        """Bits a second, as seen at ``now``."""
        self._forget(now)
        return self._total / self._window

    def _forget(self, now: float) -> None:
        while self._events and self._events[0][0] < now - self._window:
            self._total -= self._events.popleft()[1]
