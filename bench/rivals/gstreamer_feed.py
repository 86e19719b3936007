# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Runs the GStreamer server with the system's Python and pipes pictures to it: the camera's JPEG,
or the planes of a test pattern of its own if a size is given.

python -m bench.rivals.gstreamer_feed PORT BITRATE FRAMERATE [WIDTH HEIGHT]
"""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO

from bench.rivals.subscription import subscribed
from pi_webrtc_streamer.camera.pattern import DrawnAhead

SYSTEM_PYTHON = "/usr/bin/python3"  # the one that has GStreamer's bindings
SERVER = Path(__file__).with_name("gstreamer_server.py")
PIPE = 1 << 20  # bytes, the most that an ordinary user may have: a picture takes few turns
ALL_PHASES = 29.9  # pictures a second, as our camera has; see processes.py


def main(arguments: list[str]) -> int:
    """Run until the process is interrupted or the server ends."""
    command = [SYSTEM_PYTHON, "-I", str(SERVER), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as server:
        pipe = server.stdin
        assert pipe is not None
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)
        with suppress(KeyboardInterrupt):
            if len(arguments) > 3:
                _feed_planes(pipe, *map(int, arguments[3:]))
            else:
                _feed_jpeg(pipe)
        server.terminate()
    return 0


def _feed_planes(pipe: IO[bytes], width: int, height: int) -> None:
    source = DrawnAhead(width, height, ALL_PHASES)
    source.start()
    with suppress(OSError):
        while True:
            with source.capture() as picture:
                if picture is not None:
                    _write(pipe, [plane.data for plane in (picture.y, picture.u, picture.v)])


def _feed_jpeg(pipe: IO[bytes]) -> None:
    ended = threading.Event()

    def forward(jpeg: memoryview) -> None:
        try:
            _write(pipe, [jpeg])
        except (OSError, ValueError):
            ended.set()

    with subscribed(forward):
        ended.wait()


def _write(pipe: IO[bytes], parts: Iterable[memoryview]) -> None:
    parts = list(parts)
    pipe.write(sum(part.nbytes for part in parts).to_bytes(4, "big"))
    for part in parts:
        pipe.write(part)
    pipe.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
