# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""When a key frame is due: asked for by many, made once for all of them."""

from __future__ import annotations


class KeyframeGate:
    """Collects requests for key frames and lets one through in ``interval`` seconds.

    Requests (a viewer joins, PLI, FIR) come from any thread; one thread encodes. The clock is the
    caller's, in seconds.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._requested: float | None = None
        self._made: float | None = None

    def request(self, now: float) -> None:
        """Ask for a key frame; asking again changes nothing."""
        if self._requested is None:
            self._requested = now

    def due(self, now: float) -> bool:
        """Whether the next picture should be a key frame."""
        return self._requested is not None and self.earliest(now) <= now

    def earliest(self, now: float) -> float:
        """When a key frame that is asked for may be made; never before its request."""
        requested = now if self._requested is None else self._requested
        return requested if self._made is None else max(requested, self._made + self._interval)

    @property
    def pending(self) -> bool:
        """Whether somebody waits for a key frame."""
        return self._requested is not None

    def made(self, now: float) -> None:
        """Note that a key frame was made: it serves everybody who had asked."""
        self._requested = None
        self._made = now
