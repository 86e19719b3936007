# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is in flight to one viewer: whether more should follow, and how fast it passes.

A radio's link may carry nothing for seconds. What is sent meanwhile waits, and is old when it
comes; so nothing should follow what is late. This is the window of a self-clocked sender (SCReAM,
RFC 8298), counted in time in place of bytes: as long as pictures usually take to pass, and a little
more. Over a link whose passages are steady, no picture is late.

A question goes behind each picture (see ``webrtc/echo.py``), and its answer says when the picture
had passed. Before some, there is one, too: the second answer is later than the first by the time
that the bits between them took, as in passage.py. Whatever else makes answers late, a radio's turn
that has to be waited for or a viewer with other work, makes both late. A stall, in which nothing at
all passes, says nothing of what a link carries, unless one follows the other.

Pure: bits, seconds, and the clock is the caller's.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import pairwise
from typing import NamedTuple

SLACK = 0.02  # seconds beyond the usual, after which a picture is late
LONGEST = 0.1  # seconds that are usual at most: the queue is never longer by more
COUNTED = 2.0  # seconds over which passages are counted
FEWEST = 5  # pictures that say what is usual
USUAL = 0.8  # share of the pictures that take so long at most
MEASURED = 3  # every so many pictures, there is a question before one
SHORTEST = 0.01  # seconds for one picture, of which less says nothing: others' turns, other work
STALL = 0.25  # seconds for one picture: the link stood still, however much it carries otherwise
LEAST_COUNTED = 10.0  # seconds, after which a least round trip may be that of another way


class _Sent(NamedTuple):
    at: float
    bits: int
    alone: bool  # nothing else was in flight


class _Passed(NamedTuple):
    at: float
    waited: float  # from when it was sent until it had passed


class _Measured(NamedTuple):
    at: float
    bits: int
    took: float  # after all that was sent before


class Flight:
    """Pictures that are in flight over one link, each with a question behind it."""

    def __init__(self) -> None:
        self._sent: deque[_Sent] = deque()
        self._passed: deque[_Passed] = deque()
        self._measured: deque[_Measured] = deque()
        self._least = _Least()
        self._count = 0
        self._before = (-math.inf, 0.0)  # the last answer to a question before a picture
        self._last = -math.inf  # when the last one had passed
        self._last_sent = -math.inf
        self._due: float | None = None  # until when the oldest should pass; threads look at it

    def on_echo(self, round_trip: float) -> None:
        """Take the round trip of a question that is behind no picture."""
        self._least.lower(round_trip)

    @property
    def measures_next(self) -> bool:
        """Whether there is to be a question before the next picture, too."""
        return self._count % MEASURED == 0

    def on_sent(self, bits: int, now: float) -> None:
        """Take note of a picture that is sent now, with a question behind it."""
        self._sent.append(_Sent(now, bits, alone=not self._sent))
        self._count += 1
        self._last_sent = now
        if self._due is None:
            self._due = self._expected()

    def on_answer_before(self, round_trip: float, asked: float) -> None:
        """Take the answer to a question before the picture that was sent at the same time."""
        self._before = asked, round_trip

    def on_answer(self, round_trip: float, asked: float) -> None:
        """Take an answer: all that was sent before its question has passed."""
        now = asked + round_trip
        arrived = []
        while self._sent and self._sent[0].at <= asked:
            arrived.append(self._sent.popleft())
        if not arrived:
            return
        self._least.note(round_trip, now, alone=len(arrived) == 1 and arrived[0].alone)
        self._last = now - self._least.value
        self._passed.extend(_Passed(now, self._last - each.at) for each in arrived)
        if (asked, asked) == (arrived[-1].at, self._before[0]):
            self._measured.append(_Measured(now, arrived[-1].bits, round_trip - self._before[1]))
        self._forget(now)
        self._due = self._expected()

    @property
    def under_way(self) -> bool:
        """Whether anything has not passed."""
        return self._due is not None

    def followed(self, now: float) -> bool:
        """Whether pictures are sent that are asked about."""
        return self.under_way or now < self._last_sent + COUNTED

    def full(self, now: float) -> bool:
        """Whether what comes next should wait; may be asked in any thread."""
        due = self._due
        return due is not None and now > due

    def usual(self, since: float) -> float:
        """Return the seconds in which most pictures pass that were sent since a time; 0 if few."""
        waited = sorted(each.waited for each in self._passed if each.at - each.waited > since)
        return waited[int(USUAL * len(waited))] if len(waited) >= FEWEST else 0.0

    def carries(self, now: float) -> float:
        """Return the bit/s that the link carries while pictures pass; infinity if unknown.

        Small pictures do not show it: what they take is not the link's.
        """
        self._forget(now)
        counted = [
            each
            for before, each in pairwise(self._measured)
            if each.took < STALL or before.took >= STALL
        ]
        took = sum(each.took for each in counted)
        if len(counted) < FEWEST or took < SHORTEST * len(counted):
            return math.inf
        return sum(each.bits for each in counted) / took

    def _expected(self) -> float | None:
        """Return until when the oldest that has not passed should have, None if there is none.

        One that is larger than others takes longer.
        """
        if not self._sent:
            return None
        oldest = self._sent[0]
        behind = max(0.0, self._last - oldest.at)
        takes = max(self.usual(-math.inf), behind + self._pace() * oldest.bits)
        return oldest.at + self._least.value + min(LONGEST, takes) + SLACK

    def _pace(self) -> float:
        """Return the seconds that a bit takes, for the middle one of the pictures."""
        paces = sorted(each.took / each.bits for each in self._measured)
        return paces[len(paces) // 2] if paces else 0.0

    def _forget(self, now: float) -> None:
        for each in (self._passed, self._measured):
            while len(each) > FEWEST + 1 and each[0].at < now - COUNTED:
                each.popleft()


class _Least:
    """The least round trip, until the way seems to be another one.

    A queue that never empties would make the way seem longer; so only what was alone on it counts.
    """

    def __init__(self) -> None:
        self.value = math.inf
        self._lately = math.inf
        self._since: float | None = None

    def note(self, round_trip: float, now: float, *, alone: bool) -> None:
        if self._since is None:
            self._since = now
        if alone:
            self._lately = min(self._lately, round_trip)
            if now > self._since + LEAST_COUNTED:
                self.value, self._lately, self._since = self._lately, math.inf, now
        self.lower(round_trip)

    def lower(self, round_trip: float) -> None:
        self.value = min(self.value, round_trip)
