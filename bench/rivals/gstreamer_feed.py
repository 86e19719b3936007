# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Runs the GStreamer server with the system's Python and pipes the camera's pictures to it.

python -m bench.rivals.gstreamer_feed PORT BITRATE FRAMERATE
"""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from bench.rivals.subscription import subscribed

SYSTEM_PYTHON = "/usr/bin/python3"  # the one that has GStreamer's bindings
SERVER = Path(__file__).with_name("gstreamer_server.py")


def main(arguments: list[str]) -> int:
    """Run until the process is interrupted or the server ends."""
    command = [SYSTEM_PYTHON, "-I", str(SERVER), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as server:
        pipe = server.stdin
        assert pipe is not None
        ended = threading.Event()

        def forward(jpeg: memoryview) -> None:
            try:
                pipe.write(len(jpeg).to_bytes(4, "big"))
                pipe.write(jpeg)
                pipe.flush()
            except (OSError, ValueError):
                ended.set()

        with suppress(KeyboardInterrupt), subscribed(forward):
            ended.wait()
        server.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
