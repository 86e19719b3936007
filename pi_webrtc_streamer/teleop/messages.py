# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the page and the bridge say to each other; docs/teleop.md has each byte."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import NamedTuple

VERSION = 1
COMMAND_KIND, STATUS_KIND = 1, 2
LONGEST_REASON = 200  # bytes of UTF-8
NO_CAMERA = 255

_COMMAND = struct.Struct("!BBBBIIIIfffff")
_STATUS = struct.Struct("!BBBBIIIfdfffffff")
COMMAND_SIZE = _COMMAND.size


class MessageError(ValueError):
    """A message that is no command; the text says why."""


class Flag(IntFlag):
    """What an operator does, beside the axes; each is a level, and so survives lost messages."""

    ARM = 1  # wants to be armed
    HOLD = 2  # holds an input: without, nothing moves
    FAST = 4
    SLOW = 8
    STOP = 16


NOTHING = Flag(0)


class Told(IntFlag):
    """What a status says to one operator."""

    STOPPED = 1
    LOCK_YOURS = 2
    LOCK_OTHERS = 4
    ASKED = 8  # somebody asks for the lock that is yours
    MAY_TAKE = 16  # nobody has answered when you asked
    LISTENED = 32  # somebody takes the commands


class State(IntEnum):
    """How far a driver has come."""

    DISARMED = 0
    ARMED = 1
    DRIVING = 2

    def __str__(self) -> str:
        return self.name.lower()


class Axes(NamedTuple):
    """Deflections from -1 to 1: forward, to the left, turning left (REP 103); head left and up."""

    forward: float = 0.0
    left: float = 0.0
    turn: float = 0.0
    pan: float = 0.0
    tilt: float = 0.0


NEUTRAL = Axes()


@dataclass(frozen=True)
class Command:
    """One message of an operator.

    ``camera`` and ``picture`` name the picture that was shown last, by its camera's place in the
    bridge's list and its RTP timestamp; ``heartbeat`` is the newest counter of a status that had
    been seen. The ``token`` is the lock's.
    """

    sequence: int
    flags: Flag = NOTHING
    token: int = 0
    heartbeat: int = 0
    camera: int = NO_CAMERA
    picture: int = 0
    axes: Axes = NEUTRAL

    @property
    def neutral(self) -> bool:
        """Whether it asks for no motion at all."""
        return not self.flags & Flag.HOLD and self.axes == NEUTRAL

    def pack(self) -> bytes:
        """Return the bytes of the message."""
        return _COMMAND.pack(
            *(VERSION, COMMAND_KIND, self.flags, self.camera),
            *(self.sequence, self.token, self.heartbeat, self.picture),
            *self.axes,
        )


def parse_command(message: bytes) -> Command:
    """Return what a message says.

    :raises MessageError: if it is no command, or one whose numbers cannot be meant.
    """
    if len(message) != COMMAND_SIZE:
        raise MessageError(f"a command has {COMMAND_SIZE} bytes, and this {len(message)}")
    version, kind, flags, camera, sequence, token, heartbeat, picture, *axes = _COMMAND.unpack(
        message
    )
    if version != VERSION:
        raise MessageError(f"it is of version {version}, and the bridge speaks {VERSION}: reload")
    if kind != COMMAND_KIND or flags >= 2 * Flag.STOP:
        raise MessageError(f"it is of kind {kind}, with flags {flags}: no command")
    if not all(math.isfinite(axis) and -1 <= axis <= 1 for axis in axes):
        raise MessageError("an axis is no number from -1 to 1")
    # Adding 0 makes -0 a 0.
    return Command(
        sequence, Flag(flags), token, heartbeat, camera, picture, Axes(*(a + 0.0 for a in axes))
    )


@dataclass(frozen=True)
class Status:
    """What the bridge says to one operator, 20 times a second; docs/teleop.md has the units.

    ``heartbeat`` counts the messages. ``echo`` is the newest command's sequence, received
    ``since_echo`` seconds before ``time``. What is not known is NaN.
    """

    state: State
    told: Told
    heartbeat: int
    token: int
    echo: int
    since_echo: float
    time: float
    loop_age: float = math.nan
    forward: float = 0.0
    left: float = 0.0
    turn: float = 0.0
    cap: float = 0.0
    odometry: float = math.nan
    battery: float = math.nan
    reason: str = ""

    def pack(self) -> bytes:
        """Return the bytes of the message; a reason that is too long is cut."""
        reason = self.reason.encode()[:LONGEST_REASON].decode(errors="ignore").encode()
        return (
            _STATUS.pack(
                *(VERSION, STATUS_KIND, self.state, self.told),
                *(self.heartbeat, self.token, self.echo, self.since_echo, self.time),
                *(self.loop_age, self.forward, self.left, self.turn, self.cap),
                *(self.odometry, self.battery),
            )
            + reason
        )


def parse_status(message: bytes) -> Status:
    """Return what a status says; for tests and for operators that are programs.

    :raises MessageError: if it is none.
    """
    if len(message) < _STATUS.size or message[:2] != bytes((VERSION, STATUS_KIND)):
        raise MessageError("this is no status of the version that is spoken here")
    _, _, state, told, *numbers = _STATUS.unpack_from(message)
    reason = message[_STATUS.size :].decode(errors="replace")
    return Status(State(state), Told(told), *(*numbers, reason))
