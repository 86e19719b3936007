# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is published: velocities while the robot moves, zeros for a while after that, then silence.

Endless zeros would keep out whoever else drives: navigation above all.
"""

from __future__ import annotations

import math

from .limits import STANDSTILL, Limits, Velocity

ZEROS = 1.0  # seconds after the last motion
STOP_PERIOD = 0.2  # seconds between two zeros while stopped


class Motion:
    """How fast the robot is told to be; times are in seconds."""

    def __init__(self, limits: Limits) -> None:
        self.velocity = STANDSTILL
        self._limits = limits
        self._zeros_until = -math.inf
        self._zero_due = -math.inf  # while stopped

    def approach(self, wanted: Velocity, passed: float) -> None:
        """Come nearer to a velocity, as fast as the robot may within the time that has passed."""
        self.velocity = self._limits.approach(self.velocity, wanted, passed)

    def halt(self) -> None:
        """Stand at once."""
        self.velocity = STANDSTILL

    def output(self, now: float, *, stopped: bool) -> Velocity | None:
        """Return what is to be published now, None for silence; ``stopped``: until it is reset."""
        if self.velocity != STANDSTILL:
            self._zeros_until = now + ZEROS
            return self.velocity
        if now <= self._zeros_until:
            return STANDSTILL
        if stopped and now >= self._zero_due:
            self._zero_due = max(self._zero_due, now - STOP_PERIOD) + STOP_PERIOD
            return STANDSTILL
        return None

    def is_over(self, now: float) -> bool:
        """Whether there is silence, but for what a stop takes."""
        return now > self._zeros_until
