# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How a link loses packets: here and there, or all of them for a moment.

What a radio loses here and there can be sent twice, so that nothing has to be waited for. In an
outage everything is lost, the second copy, too; and it says nothing of how much the link carries.

Pure: packets, their sequence numbers (RFC 3550), seconds, and the clock is the caller's.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

WINDOW = 2.0  # seconds
SCATTERED = 0.02  # share of the packets lost here and there, from which on that counts
FEWEST = 5  # lost packets that say anything
LASTING = 10.0  # seconds for which it counts
OUTAGE = 0.06  # seconds' worth of packets, lost in a row
SHORTEST_OUTAGE = 3  # packets
MOST_RUNS = 300  # that are remembered; who misses more at once, misses what was never sent
_HALF = 0x8000


class Losses:
    """What a receiver misses, as it asks for it to be sent again (NACK, RFC 4585, 6.2.1)."""

    def __init__(self) -> None:
        self._sent: deque[tuple[float, int]] = deque()
        self._packets = 0  # of the above
        self._runs: deque[_Run] = deque()
        self._highest: int | None = None
        self._since: float | None = None  # it has lost some here and there
        self._scattered_at = -math.inf
        self._outages_before = 0  # packets of runs that are forgotten

    def on_sent(self, packets: int, now: float) -> None:
        """Count packets that are sent for the first time."""
        self._sent.append((now, packets))
        self._packets += packets
        self._forget(now)

    def on_missing(self, sequences: Iterable[int], now: float) -> None:
        """Take the numbers of packets that the receiver misses; it may ask for one again."""
        for sequence in sequences:
            ahead = _HALF // 2 if self._highest is None else sequence - self._highest & 0xFFFF
            if not 0 < ahead < _HALF:
                continue
            self._highest = sequence
            if ahead == 1 and self._runs:
                self._runs[-1].length += 1
            else:
                self._runs.append(_Run(now))
                if len(self._runs) > MOST_RUNS:
                    self._forget_run()
        self._forget(now)

    def scattered(self, now: float) -> bool:
        """Whether the link loses packets here and there, and not since just now: it may have become
        too narrow, of which there will be other signs.
        """
        self._forget(now)
        lost = sum(run.length for run in self._runs if not self._is_outage(run))
        if lost < FEWEST or lost <= SCATTERED * self._packets:
            self._since = None
        elif self._since is None:
            self._since = now
        elif now >= self._since + WINDOW:
            self._scattered_at = now
        return now < self._scattered_at + LASTING

    def outage_lately(self, now: float) -> bool:
        """Whether everything was lost for a moment."""
        self._forget(now)
        return any(self._is_outage(run) for run in self._runs)

    def in_outages(self) -> int:
        """Return how many packets were lost in outages, since the beginning."""
        return self._outages_before + sum(r.length for r in self._runs if self._is_outage(r))

    def _is_outage(self, run: _Run) -> bool:
        return run.length >= max(SHORTEST_OUTAGE, OUTAGE * self._packets / WINDOW)

    def _forget(self, now: float) -> None:
        while self._runs and self._runs[0].begun < now - WINDOW:
            self._forget_run()
        while self._sent and self._sent[0][0] < now - WINDOW:
            self._packets -= self._sent.popleft()[1]

    def _forget_run(self) -> None:
        run = self._runs.popleft()
        if self._is_outage(run):
            self._outages_before += run.length


class _Run:
    """Packets that are missing in a row."""

    def __init__(self, begun: float) -> None:
        self.begun = begun
        self.length = 1
