# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How long to wait before the next attempt; pure, in seconds."""

from __future__ import annotations


class BackOff:
    """Waits that double from ``first`` to ``longest``, until something succeeds."""

    def __init__(self, first: float, longest: float) -> None:
        self._first = first
        self._longest = longest
        self._next = first

    def next(self) -> float:
        """Return how long to wait now."""
        wait, self._next = self._next, min(2 * self._next, self._longest)
        return wait

    def reset(self) -> None:
        """Begin with the first wait again: it has succeeded."""
        self._next = self._first
