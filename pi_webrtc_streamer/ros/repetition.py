# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Repeated log messages, summed up: a hostile client must not fill a robot's disk. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass


@dataclass
class _Window:
    begun: float
    let_through: int = 0
    held_back: int = 0


class RepetitionLimit:
    """Lets ``most`` messages of each kind through in ``interval`` seconds, and counts the others.

    The clock is the caller's. Kinds are remembered for one interval, so that their number is
    bounded by what a program can say in that time.
    """

    def __init__(self, most: int, interval: float) -> None:
        self._most = most
        self._interval = interval
        self._windows: dict[Hashable, _Window] = {}

    def admit(self, kind: Hashable, now: float) -> bool:
        """Whether a message of this kind may be said now."""
        window = self._windows.get(kind)
        if window is None or now >= window.begun + self._interval:
            window = self._windows[kind] = _Window(now)
        if window.let_through < self._most:
            window.let_through += 1
            return True
        window.held_back += 1
        return False

    def ended(self, now: float) -> dict[Hashable, int]:
        """Forget the kinds whose interval is over; return how many of each were held back, if any.

        To be called before :meth:`admit`, which begins a new interval.
        """
        over = [
            kind for kind, window in self._windows.items() if now >= window.begun + self._interval
        ]
        windows = {kind: self._windows.pop(kind) for kind in over}
        return {kind: window.held_back for kind, window in windows.items() if window.held_back}
