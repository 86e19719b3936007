# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Counting viewers in processes of their own.

As a program it takes orders in JSON, one a line, and answers each with a line: {"watch": N} for N
viewers in all, {"count": true} for their frames so far, {"leave": true} to say good-bye to all,
{"drop": true} to close all without.

    python -m bench.viewers whep|aiortc|gstreamer URL [CAMERA CODEC]
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

ANSWER_WITHIN = 90.0  # seconds


@dataclass(frozen=True)
class Count:
    """The frames that each viewer of a process has received up to a time."""

    at: float  # seconds
    frames: list[int]
    octets: int  # of all of them together
    undecryptable: int


class ViewerProcess:
    """A process with viewers, to give orders to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def begin(self, **order: Any) -> None:
        """Give an order."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def finish(self) -> Any:
        """Wait until the order is carried out.

        :raises RuntimeError: if it was not.
        """
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": "the viewers' process has ended"}
        if "error" in answer:
            raise RuntimeError(f"viewers: {answer['error']}")
        return answer

    def order(self, **order: Any) -> Any:
        """Give an order and wait until it is carried out."""
        self.begin(**order)
        return self.finish()

    def count(self) -> Count:
        """Count frames."""
        return Count(**self.order(count=True))


class Crowd:
    """Viewers spread over processes."""

    def __init__(self, processes: Sequence[ViewerProcess]) -> None:
        self._processes = processes

    @property
    def pids(self) -> list[int]:
        """The processes that the viewers are in."""
        return [each.process.pid for each in self._processes]

    def watch(self, number: int) -> None:
        """Let so many watch in all; returns when each has a frame."""
        share, rest = divmod(number, len(self._processes))
        for place, each in enumerate(self._processes):
            each.begin(watch=share + (place < rest))
        for each in self._processes:
            each.finish()

    def leave(self) -> None:
        """Let all say good-bye."""
        for each in self._processes:
            each.order(leave=True)

    def drop(self) -> None:
        """Close all connections without a word over HTTP."""
        for each in self._processes:
            each.order(drop=True)

    def count(self) -> list[Count]:
        """Count each process's frames."""
        return [each.count() for each in self._processes]


def rates(before: Sequence[Count], after: Sequence[Count]) -> list[float]:
    """Return each viewer's frames a second between two counts."""
    return [
        (late - early) / (end.at - begin.at)
        for begin, end in zip(before, after, strict=True)
        for early, late in zip(begin.frames, end.frames, strict=True)
    ]


def bitrate(before: Sequence[Count], after: Sequence[Count]) -> float:
    """Return what the mean viewer received between two counts, in Mbit/s with RTP and SRTP."""
    viewers = sum(len(each.frames) for each in after)
    bits = sum(
        8 * (end.octets - begin.octets) / (end.at - begin.at)
        for begin, end in zip(before, after, strict=True)
    )
    return bits / viewers / 1e6 if viewers else 0.0


@contextmanager
def crowd(kind: str, url: str, processes: int = 1) -> Iterator[Crowd]:
    """Start processes for viewers; the viewers are gone at the end of the context."""
    with ExitStack() as stack:
        yield Crowd([stack.enter_context(viewer_process(kind, url)) for _ in range(processes)])


@contextmanager
def viewer_process(kind: str, url: str, *which: str) -> Iterator[ViewerProcess]:
    """Start a process for viewers; of our bridge, ``which`` may say the camera and the codec."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.viewers", kind, url, *which],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the benchmark, which then ends this
    ) as process:
        try:
            yield ViewerProcess(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


async def _serve(kind: str, url: str, *which: str) -> None:
    import aiohttp

    from .counting import SIGNALLING, Viewer, take_packets_early

    take_packets_early()
    viewers: list[Viewer] = []

    async def add(session: aiohttp.ClientSession) -> None:
        viewer = Viewer()
        viewers.append(viewer)
        await viewer.connect(session, SIGNALLING[kind](url, *which))

    async def carry_out(order: dict[str, Any], session: aiohttp.ClientSession) -> Any:
        if "watch" in order:
            for _ in range(order["watch"] - len(viewers)):
                await add(session)
            return {}
        if "count" in order:
            return {
                "at": time.monotonic(),
                "frames": [viewer.frames for viewer in viewers],
                "octets": sum(viewer.octets for viewer in viewers),
                "undecryptable": sum(viewer.undecryptable for viewer in viewers),
            }
        polite = session if "leave" in order else None
        await asyncio.gather(*(viewer.close(polite) for viewer in viewers))
        viewers.clear()
        return {}

    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession() as session:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            try:
                answer = await asyncio.wait_for(carry_out(json.loads(line), session), ANSWER_WITHIN)
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps(answer), flush=True)
        await asyncio.gather(*(viewer.close() for viewer in viewers))


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))
