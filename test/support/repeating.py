# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Something that is done again and again, beside a test."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def repeating(act: Callable[[], object], period: float) -> Iterator[None]:
    """Act every ``period`` seconds, in a thread of its own, for the length of a context."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(period):
            act()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
