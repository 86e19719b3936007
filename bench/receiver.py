# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A viewer that decodes: when each picture was there, and how old it was.

    python -m bench.receiver URL CAMERA barcode|clock

It writes a line when the first picture is there. When its input ends it leaves, and writes what it
has seen: for each picture when it was there (CLOCK_MONOTONIC, s), and its age (ms; null if it could
not be read). The age counts to the arrival of the last packet. aiortc hands a picture to its
decoder only when the next one begins; that is no part of it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import numpy as np

from pi_webrtc_streamer.camera import barcode

from .arrivals import Arrivals, age_by_barcode, age_by_clock

FIRST_WITHIN = 30.0  # seconds
ASK_EVERY = 1.0  # seconds, for the bridge's clock


class Seen(NamedTuple):
    """A picture: when it was there, and how old it was."""

    at: float
    age: float | None


class Receiver:
    """A receiver in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def first(self) -> None:
        """Wait for the first picture.

        :raises RuntimeError: if there is none.
        """
        assert self.process.stdout is not None
        if not self.process.stdout.readline():
            raise RuntimeError("the receiver has seen no picture; what it says is above")

    def finish(self) -> list[Seen]:
        """Let it leave; returns what it has seen."""
        output, _ = self.process.communicate()
        return [Seen(*each) for each in json.loads(output)]


@contextmanager
def receiver(url: str, camera: str, age_by: str) -> Iterator[Receiver]:
    """Start a receiver; it is gone at the end of the context."""
    with subprocess.Popen(
        [sys.executable, "-m", __name__, url, camera, age_by],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the benchmark, which then ends this
    ) as process:
        try:
            yield Receiver(process)
        finally:
            if process.poll() is None:
                process.kill()


async def _watch(url: str, camera: str, age_by: str) -> list[Seen]:
    import aiohttp
    from aiortc import RTCConfiguration, RTCPeerConnection

    from .counting import by_whep

    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    async with aiohttp.ClientSession() as session:
        resource = await by_whep(url, camera)(session, connection)
        (transceiver,) = connection.getTransceivers()
        arrivals = _note_arrivals(transceiver.receiver)
        clock = _BridgeClock()
        age_of = clock.age if age_by == "clock" else _age_by_barcode
        track, seen = transceiver.receiver.track, list[Seen]()
        try:
            await asyncio.wait_for(track.recv(), FIRST_WITHIN)
            print("first", flush=True)
            working = asyncio.gather(
                _read(track, arrivals, age_of, seen), clock.ask(session, url, camera)
            )
            leaving = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
            await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working  # raises what ended it
        finally:
            async with session.delete(resource):
                pass
            await connection.close()
    return seen


AgeOf = Callable[[Any, int, int], float | None]  # of a picture with an RTP timestamp, at a time


async def _read(track: Any, arrivals: Arrivals, age_of: AgeOf, seen: list[Seen]) -> None:
    """Take every decoded picture."""
    while True:
        frame = await track.recv()
        arrived = arrivals.of_decoded(frame.pts)
        if arrived is not None:
            timestamp, at = arrived
            seen.append(Seen(at / 1e9, age_of(frame, timestamp, at)))


def _age_by_barcode(frame: Any, timestamp: int, at: int) -> float | None:
    plane = frame.planes[0]
    luma = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    # Arrivals are on the monotonic clock, and the barcode has the time of the day.
    at += time.time_ns() - time.monotonic_ns()
    return age_by_barcode(barcode.read(luma[:, : frame.width]), at)


class _BridgeClock:
    """When a picture was captured, as the bridge has it, whose monotonic clock is ours."""

    def __init__(self) -> None:
        self._known: tuple[int, float] | None = None

    async def ask(self, session: Any, url: str, camera: str) -> None:
        """Ask again and again."""
        while True:
            async with session.get(f"{url}clock") as response:
                picture = (await response.json())["pictures"].get(camera)
            if picture is not None:
                self._known = picture["rtp"], picture["captured"]
            await asyncio.sleep(ASK_EVERY)

    def age(self, frame: Any, timestamp: int, at: int) -> float | None:
        """Return a picture's age at a time, once the bridge has answered."""
        return None if self._known is None else age_by_clock(timestamp, at / 1e9, *self._known)


def _note_arrivals(receiver: Any) -> Arrivals:
    arrivals = Arrivals()
    handle = receiver._handle_rtp_packet

    async def noting(packet: Any, arrival_time_ms: int) -> None:
        if packet.marker:
            arrivals.on_last_packet(packet.timestamp, time.monotonic_ns())
        await handle(packet, arrival_time_ms)

    receiver._handle_rtp_packet = noting
    return arrivals


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_watch(*sys.argv[1:]))))
