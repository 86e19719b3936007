# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Asks behind each picture whether it has passed a viewer's link (see ``link/flight.py``)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from ..link.hold import Asks
from ..link.rate_control import LinkEstimate

# Questions can be lost, and the link is thought to be full until one is answered.
ASK_AGAIN = 0.05  # seconds


class Following:
    """Follows the pictures to one viewer. Lives in the event loop.

    ``on_asked`` is called, with the time, when a question is asked because nothing else is sent.
    """

    def __init__(self, path: Asks, link: LinkEstimate, on_asked: Callable[[float], object]) -> None:
        self._path = path
        self._link = link
        self._flight = link.flight
        self._on_asked = on_asked
        self._timer: asyncio.TimerHandle | None = None

    def before(self, now: float) -> None:
        """Ask before a picture that is sent now, if it is one to be measured."""
        if self._flight.measures_next:
            self._path.ask(now, self._flight.on_answer_before)

    def behind(self, bits: int, now: float, *, twice: bool) -> None:
        """Ask behind a picture of so many bits that was sent now; ``twice`` if packets are lost."""
        self._flight.on_sent(bits, now)
        for _ in range(2 if twice else 1):
            self._ask(now)
        if self._timer is None:
            self._look_in(ASK_AGAIN)

    def close(self) -> None:
        """Ask no more; safe to call twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ask(self, now: float) -> None:
        self._path.ask(now, self._link.on_passed)

    def _look_in(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        now = time.monotonic()
        if not self._flight.under_way:
            return
        if not self._flight.full(now):
            self._look_in(ASK_AGAIN)
            return
        self._ask(now)
        self._on_asked(now)
        self._look_in(ASK_AGAIN)
