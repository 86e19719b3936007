# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How old the pictures of live streams are: from when the server made one to when it is at hand.

Each stream has a process with its server and its reader. In each picture is its number, of which
the server knows when it was made. ``MINUTES`` (0.5) is how long each is read.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from typing import NamedTuple

from pi_webrtc_streamer.camera.source import Source
from pi_webrtc_streamer.camera.stream_opening import open_stream
from pi_webrtc_streamer.camera.video_file import VideoSource
from pi_webrtc_streamer.settings.camera import CameraSettings
from support.streams import (
    Numbered,
    http,
    mpegts_by_http,
    mpegts_by_udp,
    multipart,
    number_in,
    number_in_luma,
    rtsp,
)

from .figures import Part, percentile

SIZE = WIDTH, HEIGHT = 640, 480
MINUTES = float(os.environ.get("MINUTES", "0.5"))
RATES = (5, 10, 30)  # pictures a second
CLOCKS = (1.0, 1.01, 0.99)
EARLY = (4.0, 6.0)  # seconds after the first picture
LATE = 10.0  # seconds before the end
SLACK = 50.0  # ms above two periods: the target
KINDS: dict[str, tuple[str, str, Callable[[Numbered], AbstractContextManager[str]]]] = {
    "MJPEG, HTTP": ("mjpeg", "tcp", lambda made: http(multipart(made))),
    "MJPEG without lengths, HTTP": (
        "mjpeg",
        "tcp",
        lambda made: http(multipart(made, lengths=False)),
    ),
    "H.264, RTSP/TCP": ("libx264", "tcp", rtsp),
    "H.264, RTSP/UDP": ("libx264", "udp", rtsp),
    "MJPEG, RTSP/UDP": ("mjpeg", "udp", rtsp),
    "H.264, MPEG-TS/UDP": ("libx264", "tcp", mpegts_by_udp),
    "H.264, MPEG-TS/HTTP": ("libx264", "tcp", lambda made: http(mpegts_by_http(made, False))),
    "H.264, MPEG-TS/HTTP in chunks": (
        "libx264",
        "tcp",
        lambda made: http(mpegts_by_http(made, True)),
    ),
}
OURS, PACED, FFMPEG, HURRIED = "ours", "paced by its stamps", "ffmpeg", "ffmpeg in a hurry"
# What is said to make ffmpeg quick.
HURRY = ("-fflags", "nobuffer", "-flags", "low_delay", "-probesize", "32", "-analyzeduration", "0")


class Seen(NamedTuple):
    """A picture at hand: when (s after the first), how old, and how wrong its stamp was (ms)."""

    at: float
    age: float
    off: float


def run(progress: Callable[[str], None]) -> Iterator[Part]:
    """Measure all kinds at once, for one rate and clock after the other."""
    for rate in RATES:
        part = Part(f"Age of live streams at {rate} pictures/s, after 5 s and {60 * MINUTES:g} s")
        for clock in CLOCKS:
            progress(f"streams: {rate} pictures/s, stamps {100 * (clock - 1):+.0f} %")
            _measure(part, [OURS], rate, clock)
        yield part
    part = Part("Age of live streams at 30 pictures/s, read in other ways")
    for reader in (PACED, FFMPEG, HURRIED):
        progress(f"streams: {reader}")
        _measure(part, [reader], 30, 1.0)
    yield part


def _measure(part: Part, readers: Sequence[str], rate: int, clock: float) -> None:
    asked = [(kind, reader) for kind in KINDS for reader in readers]
    command = (sys.executable, "-m", __name__)
    running = [
        subprocess.Popen(
            [*command, kind, reader, str(rate), str(clock)], stdout=subprocess.PIPE, text=True
        )
        for kind, reader in asked
    ]
    for (kind, reader), process in zip(asked, running, strict=True):
        output, _ = process.communicate()
        seen = [Seen(*each) for each in json.loads(output or "[]")]
        name = (
            f"{kind}, clock {100 * (clock - 1):+.0f} %" if reader == OURS else f"{kind}, {reader}"
        )
        _add(part, name, seen, 2000 / rate + SLACK if reader == OURS else None)


def _add(part: Part, name: str, seen: Sequence[Seen], target: float | None) -> None:
    end = seen[-1].at if seen else 0.0
    early = [each for each in seen if EARLY[0] <= each.at <= EARLY[1]]
    late = [each for each in seen if each.at >= end - LATE]
    part.add(f"{name}: after 5 s, p50", percentile([each.age for each in early], 0.5), "ms", target)
    part.add(f"{name}: at the end, p50", percentile([each.age for each in late], 0.5), "ms", target)
    part.add(
        f"{name}: at the end, p95", percentile([each.age for each in late], 0.95), "ms", target
    )
    off = [abs(each.off) for each in seen if each.at >= EARLY[0]]
    part.add(f"{name}: stamp wrong by, p95", percentile(off, 0.95), "ms")


def watch(kind: str, reader: str, rate: float, clock: float) -> list[Seen]:
    """Serve one stream and read it."""
    codec, transport, serve = KINDS[kind]
    reads = {
        OURS: lambda url: _by_source(
            open_stream(CameraSettings(source=url, rtsp_transport=transport))
        ),
        PACED: lambda url: _by_source(VideoSource(url)),
        FFMPEG: lambda url: _by_ffmpeg(url, transport, ()),
        HURRIED: lambda url: _by_ffmpeg(url, transport, HURRY),
    }
    seen: list[Seen] = []
    begun = 0.0
    with (
        Numbered(codec, rate, clock, SIZE) as made,
        serve(made) as url,
        closing(reads[reader](url)) as pictures,
    ):
        for number, stamp in pictures:
            now = time.time_ns()
            begun = begun or time.monotonic()
            at = time.monotonic() - begun
            if number < len(made.made):  # otherwise damaged
                truth = made.made[number]
                seen.append(Seen(at, (now - truth) / 1e6, (stamp - truth) / 1e6))
            if at > 60 * MINUTES:
                return seen
    return seen


def _by_source(source: Source) -> Iterator[tuple[int, int]]:
    with closing(source):
        source.start()
        while True:
            with source.capture() as picture:
                if picture is not None:
                    yield number_in(picture), picture.stamp


def _by_ffmpeg(url: str, transport: str, options: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Have Debian's ffmpeg write pictures as they come; it has no stamp of the day for them."""
    rtsp_options = ("-rtsp_transport", transport) if url.startswith("rtsp:") else ()
    command = ["ffmpeg", "-loglevel", "quiet", *options, *rtsp_options, "-i", url]
    output = ("-fps_mode", "passthrough", "-pix_fmt", "gray", "-f", "rawvideo", "-")
    with _ended(subprocess.Popen([*command, *output], stdout=subprocess.PIPE)) as ffmpeg:
        assert ffmpeg.stdout is not None
        while len(luma := ffmpeg.stdout.read(WIDTH * HEIGHT)) == WIDTH * HEIGHT:
            yield number_in_luma(luma, WIDTH), time.time_ns()


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        yield process
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    kind, reader, rate, clock = sys.argv[1:]
    print(json.dumps(watch(kind, reader, float(rate), float(clock))))
