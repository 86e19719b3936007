# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Starts somebody else's camera node (picture_publisher.py); needs no ROS in this process."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .waiting import GIVE_UP_AFTER

PROGRAM = Path(__file__).with_name("picture_publisher.py")


class Publishing:
    """A node that publishes one picture again and again."""

    def __init__(self, process: subprocess.Popen) -> None:
        self._process = process

    def every(self, *periods: float) -> None:
        """Have other seconds pass between two pictures from now on, in turn."""
        self._process.stdin.write(" ".join(map(str, periods)) + "\n")
        self._process.stdin.flush()


@contextmanager
def publishing(
    topic: str, size: str, *periods: float, options: tuple[str, ...] = (), **environment: str
) -> Iterator[Publishing]:
    """Publish a picture of a size ("640x480") for the length of a context, every so many seconds;
    ``options`` are ``--raw`` and ``--reliable``.
    """
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), topic, size, *map(str, periods), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        assert process.stdout.readline() == "publishing\n"
        yield Publishing(process)
    finally:
        process.stdin.close()  # that is its end
        try:
            process.wait(GIVE_UP_AFTER)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
