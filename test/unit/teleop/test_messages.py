# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The bytes that docs/teleop.md describes."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.teleop.messages import (
    COMMAND_SIZE,
    LONGEST_REASON,
    Axes,
    Command,
    Flag,
    MessageError,
    State,
    Status,
    Told,
    parse_command,
    parse_status,
)

counts = st.integers(0, 2**32 - 1)
axes = st.floats(-1, 1, width=32)
commands = st.builds(
    Command,
    sequence=counts,
    flags=st.builds(Flag, st.integers(0, 31)),
    token=counts,
    heartbeat=counts,
    camera=st.integers(0, 255),
    picture=counts,
    axes=st.builds(Axes, axes, axes, axes, axes, axes),
)


def test_a_command_byte_by_byte():
    message = bytes.fromhex(
        "01 01 03 00 00000007 00000002 00000009 deadbeef"
        "3f000000 00000000 bf800000 00000000 3e800000"
    )
    command = parse_command(message)
    assert command == Command(
        sequence=7,
        flags=Flag.ARM | Flag.HOLD,
        token=2,
        heartbeat=9,
        camera=0,
        picture=0xDEADBEEF,
        axes=Axes(forward=0.5, turn=-1.0, tilt=0.25),
    )
    assert command.pack() == message


@given(commands)
def test_commands_come_as_they_were_sent(command):
    assert parse_command(command.pack()) == command


@given(commands, st.integers(0, 4), st.sampled_from([math.nan, math.inf, -math.inf, 1.01, -1e30]))
def test_numbers_that_cannot_be_meant_are_refused(command, place, number):
    message = bytearray(command.pack())
    struct.pack_into("!f", message, 20 + 4 * place, number)
    with pytest.raises(MessageError, match="axis"):
        parse_command(bytes(message))


@given(st.binary(max_size=2 * COMMAND_SIZE))
def test_anything_else_is_refused_or_a_command(message):
    try:
        command = parse_command(message)
    except MessageError:
        return
    assert all(-1 <= axis <= 1 for axis in command.axes)


def test_another_version_is_told_what_to_do():
    message = bytes([2]) + Command(1).pack()[1:]
    with pytest.raises(MessageError, match="reload"):
        parse_command(message)


@given(st.text(max_size=300), st.floats(allow_nan=False, width=32))
def test_statuses_come_as_they_were_sent(reason, number):
    status = Status(
        state=State.ARMED,
        told=Told.LOCK_YOURS | Told.LISTENED,
        heartbeat=5,
        token=6,
        echo=7,
        since_echo=0.5,
        time=123456.789,
        loop_age=number,
        forward=0.25,
        cap=0.5,
        odometry=0.125,
        battery=0.75,
        reason=reason,
    )
    sent = status.pack()
    assert len(sent) <= 56 + LONGEST_REASON
    received = parse_status(sent)
    assert reason.startswith(received.reason)
    assert received == Status(**{**status.__dict__, "reason": received.reason})


def test_a_status_byte_by_byte():
    status = Status(State.DRIVING, Told.STOPPED | Told.MAY_TAKE, 1, 2, 3, 0.5, 4.0, reason="ö")
    sent = status.pack()
    assert sent[:4] == bytes([1, 2, 2, 17])
    assert struct.unpack_from("!III", sent, 4) == (1, 2, 3)
    assert struct.unpack_from("!f", sent, 16) == (0.5,)
    assert struct.unpack_from("!d", sent, 20) == (4.0,)
    assert math.isnan(struct.unpack_from("!f", sent, 28)[0])
    assert sent[56:] == "ö".encode()


def test_what_is_no_status_is_refused():
    with pytest.raises(MessageError):
        parse_status(Command(1).pack())
