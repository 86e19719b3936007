# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the other side of the direct way says, and the memory that it hands over."""

from __future__ import annotations

import fcntl
import io
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

from pi_webrtc_streamer.direct.inlet import Unavailable, _Connection
from pi_webrtc_streamer.direct.memory import SEALS, WrittenMemory
from pi_webrtc_streamer.direct.messages import (
    Announcement,
    MessageError,
    pack_announcement,
    pack_hello,
    read_announcement,
    read_hello,
)
from pi_webrtc_streamer.direct.slots import Layout, picture_bytes
from pi_webrtc_streamer.runtime.owning import Owned

SEALED, UNSEALED, HUGE, PIPE = range(4)  # what is handed over
HUGE_BYTES = 1 << 62
MAX_PIXELS = 1_000_000  # larger ones are refused before they are read


def direct(data: bytes) -> None:
    """Hear as a bridge does what comes over a connection, and read what it says is in memory.

    The input is what kind of memory it is, messages (whether the memory comes with it, length,
    bytes) up to one without a length, and the memory's content.
    """
    rest = io.BytesIO(data)
    kind = _byte(rest) % 4
    messages = list(_messages(rest))
    for _, message in messages:
        _read_alone(message)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs, _memory(kind, rest.read()) as descriptor, Owned() as owned:
        ours.setblocking(False)
        connection = _Connection(ours, owned)
        with suppress(Unavailable):
            answered = False
            for with_memory, message in messages:
                socket.send_fds(theirs, [message], [descriptor] if with_memory else [])
                if answered:
                    _look(connection)
                else:
                    answered = connection.is_answered()


def _look(connection: _Connection) -> None:
    newest = connection.newest()
    if newest is None or newest.width * newest.height > MAX_PIXELS:
        return
    picture = connection.read(newest, bytes)
    assert picture is None or len(picture) == picture_bytes(newest.width, newest.height)


def _read_alone(message: bytes) -> None:
    with suppress(MessageError):
        read_hello(message)
    with suppress(MessageError):
        assert pack_announcement(read_announcement(message)) == message


def _byte(source: io.BytesIO) -> int:
    return int.from_bytes(source.read(1), "little")


def _messages(source: io.BytesIO) -> Iterator[tuple[bool, bytes]]:
    """Yield whether the memory comes with a message, and the message."""
    while True:
        with_memory, length = _byte(source) % 2, _byte(source)
        if not length or not (message := source.read(length)):
            return
        yield bool(with_memory), message


@contextmanager
def _memory(kind: int, content: bytes) -> Iterator[int]:
    """Yield the descriptor of what is handed over as memory."""
    if kind == PIPE:
        descriptor, other = os.pipe()
        os.close(other)
    else:
        descriptor = os.memfd_create("fuzz", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.write(descriptor, content)
        if kind == HUGE:
            os.truncate(descriptor, HUGE_BYTES)
        if kind != UNSEALED:
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def directs() -> list[bytes]:
    """Return the talk of a camera node that changes its size, with each kind of memory."""
    return [_talk(kind) for kind in (SEALED, UNSEALED, HUGE, PIPE)]


def _talk(kind: int) -> bytes:
    layout = Layout(16, 16)
    with closing(WrittenMemory(layout)) as memory:
        written = [memory.slots.write(_filling(value)) for value in (1, 2)]
        content = os.pread(memory.descriptor, layout.size, 0)
    announced = [
        Announcement(sequence, slot, layout.slots, width, 16, 10**18, 10**18 + 10**6)
        for width in (16, 12)
        for slot, sequence in written
    ]
    messages = [pack_hello(), *(pack_announcement(each) for each in announced)]
    said = b"".join(
        bytes([number % 2, len(message)]) + message for number, message in enumerate(messages)
    )
    return bytes([kind]) + said + b"\0\0" + content


def _filling(value: int) -> Callable[[memoryview], None]:
    def fill(place: memoryview) -> None:
        place[:] = bytes([value]) * len(place)

    return fill
