# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How often something may happen; pure, in seconds on the caller's clock."""

from __future__ import annotations


class RateLimit:
    """Allows ``rate`` events a second, and up to ``burst`` of them at once (a token bucket)."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._updated: float | None = None

    def allow(self, now: float) -> bool:
        """Whether an event may happen now; one that may not does not count."""
        if self._updated is not None:
            since = max(0.0, now - self._updated)
            self._tokens = min(self._burst, self._tokens + since * self._rate)
        self._updated = now if self._updated is None else max(now, self._updated)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
