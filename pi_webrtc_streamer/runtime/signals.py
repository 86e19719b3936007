# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Ends a program on SIGINT and SIGTERM; imports nothing heavy, so that it can come first."""

from __future__ import annotations

import faulthandler
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

# Seconds; the variable is for tests on slow machines, and wins.
_OF_ENVIRONMENT = os.environ.get("PI_WEBRTC_STREAMER_LONGEST_END")
LONGEST_END = 2.0
NUMBERS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Whether the program is to end; the main thread waits for that.

    It then ends within :attr:`longest_end`, with status 1 and the traces of all threads if it does
    not by itself: a camera's driver, say, may hang where nothing can be cancelled.

    The kernel may hand a signal to any thread. One that is handled elsewhere does not wake a main
    thread that waits for a lock, and Python's handler would not run. The byte that Python writes
    for every signal, in whatever thread, wakes it.
    """

    def __init__(self, reader: socket.socket) -> None:
        self._reader = reader
        self._longest_end = float(_OF_ENVIRONMENT or LONGEST_END)
        self._requested = False

    @property
    def longest_end(self) -> float:
        """How long the end may take, in seconds."""
        return self._longest_end

    @longest_end.setter
    def longest_end(self, seconds: float) -> None:
        if not _OF_ENVIRONMENT:
            self._longest_end = seconds

    def is_set(self) -> bool:
        """Whether a signal has come."""
        return self._requested

    def wait(self) -> None:
        """Wait, in the main thread, until a signal comes."""
        while not self._requested:
            self._reader.recv(1)

    def set(self, *_: object) -> None:
        """Note a signal; this is the handler."""
        if not self._requested:
            self._requested = True
            # A terminal and ros2 launch both send Ctrl-C's SIGINT. The second one must not make a
            # clean end look like a crash, not even while Python itself ends.
            for number in NUMBERS:
                signal.signal(number, signal.SIG_IGN)
            faulthandler.dump_traceback_later(self._longest_end, exit=True)


@contextmanager
def stopping_on_signals() -> Iterator[StopRequest]:
    """Lend a request that SIGINT and SIGTERM set; for the main thread."""
    reader, writer = socket.socketpair()
    with reader, writer:
        writer.setblocking(False)
        stop = StopRequest(reader)
        previous_writer = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        previous = {number: signal.signal(number, stop.set) for number in NUMBERS}
        try:
            yield stop
        finally:
            signal.set_wakeup_fd(previous_writer)
            if not stop.is_set():
                for number, handler in previous.items():
                    signal.signal(number, handler)
