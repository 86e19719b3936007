# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether what was sent last has passed a link, and how narrow that is.

A key frame is many packets, sent at once. Of two questions (see ``webrtc/echo.py``), one just
before it and one just behind it, the second is answered later by the time that the packets between
them took: the dispersion of a packet train (Dovrolis et al., "What do packet dispersion techniques
measure?", 2001). Whatever else makes answers late makes both late. So a narrow link is known after
the first picture, long before the receiver reports of anything.

Until the answer, nothing should follow: it would only fill the queue before the link, and the
smaller picture that may come next would wait behind it.

Pure: bits, seconds, and the clock is the caller's.
"""

from __future__ import annotations

MOST_MEASURED = 3  # key frames; a part of a large one may be lost, and the link seem wider
NARROW = 0.1  # seconds that a key frame takes over a link that is too narrow for it
PATIENCE = 1.0  # seconds after which no answer is waited for; all of them may be lost


class Passage:
    """What is under way over one link, where that matters: while it is new, or was too full.

    Its key frames are measured then, one after the other, until one takes little time.
    """

    def __init__(self) -> None:
        self._to_measure = MOST_MEASURED
        self._begun: float | None = None
        self._bits = 0
        self._round_trip: float | None = None  # of the question before the key frame

    @property
    def measures_next(self) -> bool:
        """Whether the next key frame is to be sent between two questions."""
        return self._to_measure > 0

    def under_way(self, now: float) -> bool:
        """Whether further pictures should wait."""
        return self._begun is not None and now < self._begun + PATIENCE

    def begin(self, bits: int, now: float) -> None:
        """Take note of a key frame that is sent now, between two questions."""
        self._to_measure -= 1
        self._begun, self._bits, self._round_trip = now, bits, None

    def drain(self, now: float) -> None:
        """Wait for whatever is under way, and measure what follows: the link was too full."""
        self._to_measure = MOST_MEASURED
        self._begun, self._bits, self._round_trip = now, 0, None

    def on_answer_before(self, round_trip: float) -> None:
        """Take the answer to the question before the key frame."""
        if self._begun is not None:
            self._round_trip = round_trip

    def on_answer_behind(self, round_trip: float, asked: float) -> float | None:
        """Take the answer to a question behind the key frame, and perhaps some time later.

        Return the bit/s that the link carries if it is narrow.
        """
        if self._begun is None or asked < self._begun:
            return None
        took = 0.0
        if self._round_trip is not None and round_trip > self._round_trip + NARROW:
            took = asked - self._begun + round_trip - self._round_trip
        return self._end(took)

    def give_up(self) -> float | None:
        """Wait no longer, and return what the link carries at most if it is narrow."""
        return self._end(PATIENCE if self._round_trip is not None else 0.0)

    def _end(self, took: float) -> float | None:
        self._begun = None
        if self._bits == 0:
            return None
        if took > NARROW:
            return self._bits / took
        self._to_measure = 0
        return None
