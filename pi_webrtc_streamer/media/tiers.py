# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The sizes in which a camera is encoded, and the bitrates that suit each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Shares of the highest bitrate; the ranges overlap, so that a viewer who is moved need not come
# back at once.
_SHARES = ((1, 0.4, 1.0), (2, 0.12, 0.48), (4, 0.0, 0.16))


@dataclass(frozen=True)
class Tier:
    """A picture's size is that of the camera divided by ``divisor``; bitrates are in bit/s."""

    level: int  # 0 is the largest
    divisor: int
    lowest: int
    highest: int

    @property
    def name(self) -> str:
        """What people call it."""
        return {1: "full", 2: "half", 4: "quarter"}[self.divisor]


def every_tier(tiers: Sequence[Tier]) -> tuple[Tier, ...]:
    """Return the tiers, and those that nobody is to be in now."""
    last = tiers[-1]
    others = enumerate(_SHARES[len(tiers) :], len(tiers))
    unused = (Tier(level, divisor, last.lowest, last.lowest) for level, (divisor, *_) in others)
    return (*tiers, *unused)


def make_tiers(highest: int, lowest: int, count: int = 3) -> tuple[Tier, ...]:
    """Return the tiers, the largest first; the last of them goes down to the lowest bitrate."""
    tiers = []
    for level, (divisor, low, high) in enumerate(_SHARES[:count]):
        least = lowest if level == count - 1 else max(lowest, round(low * highest))
        tiers.append(Tier(level, divisor, least, max(least, round(high * highest))))
    return tuple(tiers)
