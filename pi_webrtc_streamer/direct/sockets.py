# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sockets between processes of one user on one machine."""

from __future__ import annotations

import os
import select
import socket
import struct

_CREDENTIALS = struct.Struct("3i")  # process, user, group; unix(7)


def make_socket() -> socket.socket:
    """Return a socket that keeps messages apart and in order, and waits for nothing."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    made.setblocking(False)
    return made


def is_of_this_user(peer: socket.socket) -> bool:
    """Say whether the process at the other end runs as the same user as this one."""
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(credentials)
    return bool(user == os.geteuid())


def ready(*descriptors: int, seconds: float | None = None) -> list[int]:
    """Wait until some of them have something to read, or for so long; returns which ones."""
    waiting = select.poll()
    for descriptor in descriptors:
        waiting.register(descriptor, select.POLLIN)
    return [each for each, _ in waiting.poll(None if seconds is None else 1000 * seconds)]


def wake(descriptor: int) -> None:
    """Wake whoever polls an eventfd."""
    os.eventfd_write(descriptor, 1)


def make_wake() -> int:
    """Return an eventfd to be woken by."""
    return os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)


def calm(descriptor: int) -> None:
    """Let an eventfd wake nobody until the next :func:`wake`."""
    try:
        os.eventfd_read(descriptor)
    except BlockingIOError:
        return  # nobody was
