# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The dead-man: nothing moves but by a fresh command, given by a fresh picture, with a held input.

It is armed by a command that is neutral, moves as long as further ones come in time, and disarms
by itself at the first doubt. What is held then does nothing: it has to be armed again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .limits import STANDSTILL, Limits, Velocity
from .messages import NOTHING, Command, Flag, State

ARMED_PATIENCE = 1.0  # seconds for the first command with the token of a lock that was just given


@dataclass(frozen=True)
class Sight:
    """The picture by which a command was given: when it was captured, in seconds, and the time from
    one picture to the next. Unless it is ``certain``, it may be older.
    """

    captured: float
    period: float = 0.0
    certain: bool = True


@dataclass(frozen=True)
class Given:
    """A command, when it came, when it can have been sent at the earliest, and its picture."""

    command: Command
    received: float
    sent: float
    sight: Sight


class DeadMan:
    """Knows what the driver may do now; :meth:`doubt` says why no longer."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._given: Given | None = None
        self._confirmed = False  # whether a command has come since it was armed

    @property
    def state(self) -> State:
        """How far it has come."""
        if self._given is None:
            return State.DISARMED
        driving = self._confirmed and self._given.command.flags & Flag.HOLD
        return State.DRIVING if driving else State.ARMED

    @property
    def flags(self) -> Flag:
        """What the driver holds."""
        return NOTHING if self._given is None else self._given.command.flags

    def loop_age(self, now: float) -> float | None:
        """Return how old the picture is by which the driver steers; None while nobody does."""
        return None if self._given is None else now - self._given.sight.captured

    def refusal(self, given: Given) -> str:
        """Say why something that was given moves nothing; "" if it may."""
        return self._lateness(given, given.received)

    def refusal_to_arm(self, given: Given) -> str:
        """Say why something that was given arms nobody; "" if it may."""
        if why := self.refusal(given):
            return why
        return "" if given.command.neutral else "Let all keys and sticks go first."

    def arm(self, given: Given) -> None:
        """Arm by a command that nothing is to be said against."""
        self._given, self._confirmed = given, False

    def give(self, given: Given) -> None:
        """Take a command that nothing is to be said against; armed only."""
        if self._given is not None:
            self._given, self._confirmed = given, True

    def disarm(self) -> None:
        """Forget the driver's command."""
        self._given, self._confirmed = None, False

    def doubt(self, now: float) -> str:
        """Say why what the driver gave last must not move anything any more; "" if it may."""
        if (given := self._given) is None:
            return ""
        patience = self._limits.command_gap if self._confirmed else ARMED_PATIENCE
        if now - given.received > patience:
            return f"No command came for {patience:g} s."
        return self._lateness(given, now) if self._confirmed else ""

    @property
    def lapses(self) -> float:
        """The time from which on there is doubt if nothing else comes; infinity while disarmed."""
        if (given := self._given) is None:
            return math.inf
        if not self._confirmed:
            return given.received + ARMED_PATIENCE
        limits, sight = self._limits, given.sight
        return min(
            given.received + limits.command_gap,
            given.sent + limits.command_age,
            sight.captured + limits.longest_picture_age(sight.period),
        )

    def wanted(self, now: float) -> Velocity:
        """Return the velocity that the driver asks for."""
        if self._given is None or self.state is not State.DRIVING:
            return STANDSTILL
        age = now - self._given.sight.captured
        return self._limits.wanted(self._given.command, age)

    def head(self) -> tuple[float, float]:
        """Return how the driver deflects the head: pan and tilt."""
        if self._given is None or self.state is not State.DRIVING:
            return 0.0, 0.0
        return self._given.command.axes.pan, self._given.command.axes.tilt

    def camera(self) -> int | None:
        """Return by which camera the driver steers."""
        return None if self._given is None else self._given.command.camera

    def _lateness(self, given: Given, now: float) -> str:
        """Say what is too old at a time: the command, or its picture."""
        sight = given.sight
        if now - given.sent > self._limits.command_age:
            return f"Commands arrive {now - given.sent:.1f} s late."
        if not sight.certain:
            return (
                "The age of the picture is not known: it is not stamped by the robot's clock "
                "(synchronise the camera's machine, with chrony)."
            )
        age = now - sight.captured
        if age > self._limits.longest_picture_age(sight.period):
            return f"The picture is {age:.1f} s old."
        return ""
