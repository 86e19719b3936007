# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Links that nobody has recorded, in the form of traces: milliseconds at which 1500 bytes may pass.

A trace is made of what the link carries in each millisecond, in bit/s.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from .traced_link import OPPORTUNITY

STEP = 0.01  # seconds between two values of what fades


def trace(rate: Callable[[float], float], seconds: float) -> list[int]:
    """Return the trace of a link that carries ``rate`` bit/s at each time in seconds."""
    opportunities, bits = [], 0.0
    for millisecond in range(1, round(1000 * seconds) + 1):
        bits += rate(millisecond / 1000) / 1000
        while bits >= 8 * OPPORTUNITY:
            bits -= 8 * OPPORTUNITY
            opportunities.append(millisecond)
    return opportunities


def steady(bitrate: float) -> Callable[[float], float]:
    """Carry always as much."""
    return lambda now: bitrate


def ramps(least: float, most: float, period: float) -> Callable[[float], float]:
    """Carry ever more and then ever less, by the same factor each second."""
    height = math.log(most / least)
    return lambda now: least * math.exp(height * (1 - abs(2 * (now / period % 1) - 1)))


def bursts(bitrate: float, on: float, off: float) -> Callable[[float], float]:
    """Carry everything in bursts, and nothing between them: a radio with many users."""
    return lambda now: bitrate * (on + off) / on if now % (on + off) < on else 0.0


def with_outages(
    rate: Callable[[float], float], every: float, length: float
) -> Callable[[float], float]:
    """Carry nothing for a while, again and again."""
    return lambda now: 0.0 if now % every > every - length else rate(now)


def fading(
    median: float, spread: float, memory: float, seconds: float, seed: int
) -> Callable[[float], float]:
    """Carry what changes by chance: the logarithm of the bit/s wanders about that of the median by
    ``spread`` (a factor of e is 1), and forgets in ``memory`` seconds where it was.
    """
    chance = random.Random(seed)
    kept = math.exp(-STEP / memory)
    step = spread * math.sqrt(1 - kept**2)
    values = [0.0]
    for _ in range(math.ceil(seconds / STEP)):
        values.append(kept * values[-1] + chance.gauss(0, step))
    rates = [median * math.exp(value) for value in values]
    return lambda now: rates[int(now / STEP)]
