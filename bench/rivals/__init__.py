# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Servers that show the same camera in other ways, of our own writing."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from bench.figures import Unavailable
from bench.processes import BITRATE, HD, descendants, server

# From a port to the server's address and the process that encodes and sends.
Serve = Callable[[int], AbstractContextManager[tuple[str, int]]]

ELEMENTS = ("webrtcbin", "x264enc", "jpegdec", "rtph264pay", "nicesrc", "dtlssrtpenc", "srtpenc")
BINDINGS = """
import gi
for name in ("Gst", "GstSdp", "GstVideo", "GstWebRTC"):
    gi.require_version(name, "1.0")
from gi.repository import Gst
Gst.init(None)
missing = [name for name in %r if Gst.ElementFactory.find(name) is None]
raise SystemExit(f"GStreamer lacks {', '.join(missing)}" if missing else 0)
"""


@contextmanager
def aiortc_server(port: int) -> Iterator[tuple[str, int]]:
    """Run aiortc as its own examples use it."""
    url = f"http://127.0.0.1:{port}/"
    with server("python", "-m", "bench.rivals.aiortc_server", str(port), url=url) as program:
        yield url, program.process.pid


@contextmanager
def gstreamer_server(port: int) -> Iterator[tuple[str, int]]:
    """Run GStreamer's webrtcbin.

    :raises Unavailable: if its packages are not installed.
    """
    with _gstreamer(port) as (url, feed):
        _, pipeline, *_ = descendants(feed)
        yield url, pipeline


@contextmanager
def gstreamer_fed_directly(port: int) -> Iterator[tuple[str, int]]:
    """Run GStreamer's webrtcbin with raw pictures of its own: what is measured needs no camera.

    The process is the one that feeds it; the pipeline's is its child.

    :raises Unavailable: if its packages are not installed.
    """
    with _gstreamer(port, str(HD.width), str(HD.height)) as served:
        yield served


@contextmanager
def _gstreamer(port: int, *size: str) -> Iterator[tuple[str, int]]:
    _need_gstreamer()
    url = f"http://127.0.0.1:{port}/"
    arguments = (str(port), str(BITRATE), str(HD.framerate), *size)
    with server("python", "-m", "bench.rivals.gstreamer_feed", *arguments, url=url) as program:
        yield url, program.process.pid


def _need_gstreamer() -> None:
    command = ["/usr/bin/python3", "-I", "-c", BINDINGS % (ELEMENTS,)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except OSError as error:
        raise Unavailable(f"there is no system Python: {error}") from error
    if done.returncode:
        raise Unavailable(done.stderr.strip().splitlines()[-1])
