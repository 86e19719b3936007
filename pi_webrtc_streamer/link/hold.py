# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Keeps one viewer's pictures back while what was sent last is on its way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from ..media.codec import AccessUnit
from .passage import Passage

# Gets what was kept back and, if the link is narrow, the bit/s that it carries. What no answer came
# for is not in time.
Release: TypeAlias = Callable[[list[AccessUnit], float | None, bool], object]
# Gets the round trip of a question, and when it was asked, both in seconds.
OnAnswer: TypeAlias = Callable[[float, float], object]


class Asks(Protocol):
    """The way to a viewer, as far as it can be asked how long it is."""

    def ask(self, now: float, on_answer: OnAnswer) -> None:
        """Ask a question; what comes back is answered by the viewer at once."""
        ...


class Hold:
    """Asks whether what was sent has arrived (see :class:`.Passage`), and releases what waits then.

    Lives in the event loop.
    """

    def __init__(self, path: Asks, passage: Passage, release: Release) -> None:
        self._path = path
        self._passage = passage
        self._release = release
        self._kept: list[AccessUnit] = []
        self._waits = False

    def keeps(self, unit: AccessUnit, now: float) -> bool:
        """Keep a unit back, or say that it can be sent."""
        if self._waits and not self._passage.under_way(now):
            self._end(self._passage.give_up(), in_time=False)
        if not self._waits:
            return False
        self._ask_behind(now)  # again: questions can be lost
        self._kept.append(unit)
        return True

    def before(self, now: float) -> bool:
        """Ask before a key frame, if its passage counts; then :meth:`behind` is to be called."""
        if not self._passage.measures_next:
            return False
        self._path.ask(now, lambda round_trip, _: self._passage.on_answer_before(round_trip))
        return True

    def behind(self, bits: int, now: float) -> None:
        """Keep back what follows a key frame of so many bits, until that has arrived."""
        self._passage.begin(bits, now)
        self._wait(now)

    def drain(self, now: float) -> None:
        """Keep back what follows, until all that is under way has arrived."""
        self._passage.drain(now)
        self._wait(now)

    def _wait(self, now: float) -> None:
        self._waits = True
        self._ask_behind(now)

    def _ask_behind(self, now: float) -> None:
        self._path.ask(now, self._take_answer)

    def _take_answer(self, round_trip: float, asked: float) -> None:
        carried = self._passage.on_answer_behind(round_trip, asked)
        if self._waits and not self._passage.under_way(asked + round_trip):
            self._end(carried, in_time=True)

    def _end(self, carried: float | None, *, in_time: bool) -> None:
        self._waits = False
        kept, self._kept = self._kept, []
        self._release(kept, carried, in_time)
