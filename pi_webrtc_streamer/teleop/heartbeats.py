# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How old a message is, without trusting anybody's clock.

The bridge counts what it sends, and remembers when. A message that names the newest count its
sender had seen cannot have been sent before that count was: so it is no older than the count is.
"""

from __future__ import annotations

from collections import deque

REMEMBERED = 64  # 3 s of them; what is older is too old for anything


class Heartbeats:
    """Counts what is sent to one operator."""

    def __init__(self) -> None:
        self.counter = 0
        self._sent: deque[float] = deque(maxlen=REMEMBERED)

    def beat(self, now: float) -> int:
        """Return the next count, which is about to be sent."""
        self.counter += 1
        self._sent.append(now)
        return self.counter

    def sent(self, counter: int) -> float | None:
        """Return when a count was sent; None if it was not, or long ago."""
        place = counter - self.counter - 1
        return self._sent[place] if -len(self._sent) <= place < 0 else None
