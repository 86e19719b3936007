# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""GStreamer's webrtcbin as a viewer, in a process of its own."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

import pytest

from .waiting import GIVE_UP_AFTER

PROGRAM = str(Path(__file__).with_name("gstreamer_viewer.py"))
PYTHON = "/usr/bin/python3"  # the system's, for which Debian has GStreamer's bindings
NEEDED = "import gi; gi.require_version('GstWebRTC', '1.0')"


def caps(codec: str, **parameters: str) -> str:
    """Return what a viewer offers to take, for one codec and nothing else."""
    said = "".join(
        f",{name.replace('_', '-')}=(string){value}" for name, value in parameters.items()
    )
    return f"application/x-rtp,media=video,clock-rate=90000,encoding-name={codec},payload=96{said}"


class GStreamerViewer:
    """What the viewer says, line by line."""

    def __init__(self, process: subprocess.Popen) -> None:
        self._lines: Queue[dict] = Queue()
        self._process = process
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._process.stdout:
            if line.startswith("{"):
                self._lines.put(json.loads(line))

    def next(self, condition: Callable[[dict], object]) -> dict:
        """Return the next line for which a condition holds."""
        seen = []
        while True:
            try:
                line = self._lines.get(timeout=GIVE_UP_AFTER)
            except Empty:
                raise AssertionError(f"it says nothing more; before: {seen[-5:]}") from None
            if condition(line):
                return line
            seen.append(line)

    def answer(self) -> dict:
        """Return the status of the answer to its offer, and what else there is to it."""
        return self.next(lambda line: "status" in line)

    def frame(self, number: int) -> dict:
        """Wait for so many decoded pictures."""
        return self.next(lambda line: line.get("frame", 0) >= number)


@contextmanager
def gstreamer(url: str, *sections: str) -> Iterator[GStreamerViewer]:
    """Let GStreamer watch for the length of a context; it is killed at the end."""
    if subprocess.run([PYTHON, "-I", "-c", NEEDED], capture_output=True, check=False).returncode:
        pytest.skip("there is no GStreamer with WebRTC (tools/gstreamer)")
    process = subprocess.Popen(
        [PYTHON, "-I", PROGRAM, url, *sections],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield GStreamerViewer(process)
    finally:
        process.kill()
        process.wait()
