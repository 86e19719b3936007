# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How fast a driver may move the robot, and how fast that may change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .messages import Command, Flag


class Velocity(NamedTuple):
    """Forward and to the left in m/s, turning left in rad/s (REP 103)."""

    forward: float = 0.0
    left: float = 0.0
    turn: float = 0.0


STANDSTILL = Velocity()


@dataclass(frozen=True)
class Limits:
    """What holds for every driver; times are in seconds.

    ``speed`` and ``turn_speed`` are what full deflection gives, in m/s and rad/s; held buttons
    multiply both. ``acceleration`` and ``turn_acceleration`` are per second of these. A driver who
    sees late, by ``blind_from`` or more, may move the robot ``blind_distance`` metres meanwhile.
    """

    speed: float = 0.3
    turn_speed: float = 0.6
    fast_factor: float = 2.0
    slow_factor: float = 0.5
    acceleration: float = 1.0
    turn_acceleration: float = 3.0
    holonomic: bool = False
    command_gap: float = 0.3  # between two commands
    command_age: float = 0.5
    picture_age: float = 0.5
    picture_periods: float = 3.0  # frame periods that a picture may be old, whatever picture_age is
    blind_from: float = 0.3
    blind_distance: float = 0.25

    def factor(self, flags: Flag, loop_age: float) -> float:
        """Return by what speeds are multiplied: for held buttons, and for a late picture.

        Both speeds have one factor, so that the robot keeps to the curve that was steered.
        """
        factor = self.slow_factor if flags & Flag.SLOW else 1.0
        if flags & Flag.FAST and not flags & Flag.SLOW:
            factor = self.fast_factor
        if loop_age >= self.blind_from and self.speed > 0:
            factor = min(factor, self.blind_distance / loop_age / self.speed)
        return factor

    def wanted(self, command: Command, loop_age: float) -> Velocity:
        """Return the velocity that a command asks for, given how old its picture is."""
        if not command.flags & Flag.HOLD:
            return STANDSTILL
        axes, factor = command.axes, self.factor(command.flags, loop_age)
        speed = self.speed * factor
        left = axes.left * speed if self.holonomic else 0.0
        return Velocity(axes.forward * speed, left, axes.turn * self.turn_speed * factor)

    def longest_picture_age(self, period: float) -> float:
        """Return how old a picture may be, given the time from one to the next."""
        return max(self.picture_age, self.picture_periods * period)

    def approach(self, now: Velocity, wanted: Velocity, passed: float) -> Velocity:
        """Return the velocity after some time, on the way from one to another."""
        step = self.acceleration * passed
        return Velocity(
            _approach(now.forward, wanted.forward, step),
            _approach(now.left, wanted.left, step),
            _approach(now.turn, wanted.turn, self.turn_acceleration * passed),
        )


def _approach(now: float, wanted: float, step: float) -> float:
    return max(now - step, min(now + step, wanted))
