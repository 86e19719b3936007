# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How fast something grows, and how sure that is. Pure.

A straight line is fitted by least squares. Memory measured twice in a row is much the same, so the
points are not independent, and the usual interval would be too narrow. Newey and West's estimator
(Econometrica 55, 1987) of the slope's variance takes into account that each residual goes along
with the next few.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

CONFIDENCE = 0.95
FEWEST = 6  # points; fewer say nothing of how they scatter


@dataclass(frozen=True)
class Trend:
    """A slope, and the interval that holds the true one with 95 % confidence."""

    slope: float
    low: float
    high: float
    points: int

    @property
    def margin(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2


def trend(points: Sequence[tuple[float, float]]) -> Trend | None:
    """Return the trend of points (x, y) in the order of x; None if they are too few."""
    if len(points) < FEWEST or points[0][0] == points[-1][0]:
        return None
    mean_x = fmean(x for x, _ in points)
    mean_y = fmean(y for _, y in points)
    offsets = [x - mean_x for x, _ in points]
    spread = sum(offset**2 for offset in offsets)
    slope = sum(offset * (y - mean_y) for offset, (_, y) in zip(offsets, points, strict=True))
    slope /= spread
    scores = [
        offset * (y - mean_y - slope * offset)
        for offset, (_, y) in zip(offsets, points, strict=True)
    ]
    freedom = len(points) - 2
    variance = long_run_sum(scores) * len(points) / freedom / spread**2
    margin = student_quantile((1 + CONFIDENCE) / 2, freedom) * math.sqrt(variance)
    return Trend(slope, slope - margin, slope + margin, len(points))


def long_run_sum(scores: Sequence[float]) -> float:
    """Return the sum of squares, and of products with the next few, weighted by Bartlett's kernel:
    the variance of the sum of a series whose neighbours go along. Never negative.
    """
    lags = round(len(scores) ** (1 / 3))
    total = sum(score**2 for score in scores)
    for lag in range(1, lags + 1):
        weight = 1 - lag / (lags + 1)
        total += 2 * weight * sum(a * b for a, b in zip(scores, scores[lag:]))  # noqa: B905
    return max(0.0, total)


def student_quantile(share: float, freedom: int) -> float:
    """Return a quantile of Student's t, to 1 % from four degrees of freedom on.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5.
    """
    z = NormalDist().inv_cdf(share)
    n = freedom
    return (
        z
        + (z**3 + z) / (4 * n)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * n**4)
    )
