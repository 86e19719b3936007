# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""When what a live stream brings was sent, as far as that can be known here. Pure; in seconds on
the caller's clock.

Two things are known. :class:`ByteArrivals` knows when the first byte of a picture came, however
long it lay here since. :class:`Lateness` knows how much longer a picture was on its way than the
quickest: the sender's stamps tell. What the quickest took, nobody here knows.
"""

from __future__ import annotations

from collections import deque

LEAK = 0.02  # seconds a second: by so much two clocks may drift apart without spoiling anything
LONGEST_LATE = 5.0  # seconds; what seems later has new stamps
LONGEST_STEP_BACK = 1.0  # seconds between the stamps of pictures that are sent in another order
MOST_CHUNKS = 16_384


class ByteArrivals:
    """When each byte of a stream came, as far back as one asks for it."""

    def __init__(self) -> None:
        self._length = 0
        self._chunks: deque[tuple[int, float]] = deque(maxlen=MOST_CHUNKS)

    def add(self, size: int, now: float) -> None:
        """Note that the next ``size`` bytes came."""
        self._chunks.append((self._length, now))
        self._length += size

    def at(self, position: int) -> float | None:
        """Return when the byte at a position came, and forget those before it.

        For one that was forgotten it is the earliest time still known; None if there is none.
        """
        while len(self._chunks) > 1 and self._chunks[1][0] <= position:
            self._chunks.popleft()
        return self._chunks[0][1] if self._chunks else None


class Lateness:
    """How much later pictures come than the quickest of them, by the stamps they have.

    The least difference of arrival and stamp is what the quickest took (and the difference of the
    clocks). It may rise by :data:`LEAK`: a clock that is 1 % slow makes no picture seem late, and
    a queue that stays is forgotten no sooner than 50 times its length.
    """

    def __init__(self) -> None:
        self._least: float | None = None
        self._arrival = self._stamp = 0.0

    def of(self, stamp: float | None, arrival: float) -> float:
        """Return by how much a picture is late, 0 or more; of what has no stamp nothing is known.

        ``stamp`` is on the sender's clock, ``arrival`` on ours; both in seconds.
        """
        if stamp is None:
            return 0.0
        difference = arrival - stamp
        least = self._expected(arrival)
        if (
            least is None
            or difference - least > LONGEST_LATE
            or self._stamp - stamp > LONGEST_STEP_BACK
        ):
            least = difference  # the first picture, or the sender has begun anew
        self._least = min(least, difference)
        self._arrival, self._stamp = arrival, stamp
        return difference - self._least

    def _expected(self, arrival: float) -> float | None:
        if self._least is None:
            return None
        return self._least + LEAK * max(0.0, arrival - self._arrival)
