"""Ends a program on SIGINT and SIGTERM; imports nothing heavy, so that it can come first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stopping_on_signals() -> Iterator[threading.Event]:
    """Lend an event that SIGINT and SIGTERM set; for the main thread."""
    stop = threading.Event()

    def on_signal(number: int, frame: object) -> None:
        stop.set()

    numbers = (signal.SIGINT, signal.SIGTERM)
    previous = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
