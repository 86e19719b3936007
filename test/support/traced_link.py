# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A link that carries what a recorded one did, millisecond by millisecond.

Traces are in the format of mahimahi (Netravali et al., USENIX ATC 2015): a line is a millisecond at
which 1500 bytes may pass; at its end a trace begins anew.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import select
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence, Sized
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Generic, TypeVar

OPPORTUNITY = 1500  # bytes
DELAY = 0.02  # seconds each way
QUEUE = 100_000  # bytes that wait before the link; what comes then is lost
LONGEST_PACKET = 2048  # bytes
AT_ONCE = 64  # packets, read before others get their turn
# From <linux/if_tun.h>.
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


class BadTrace(Exception):
    """A file is no trace; the text says why."""


def read_trace(path: Path) -> list[int]:
    """Return the milliseconds at which 1500 bytes may pass.

    :raises BadTrace: if the file cannot be read, or is none.
    """
    try:
        trace = [int(line) for line in path.read_text().splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise BadTrace(f"{path} is no trace, a millisecond a line: {error}") from error
    if not trace or trace[0] < 0 or trace[-1] == 0 or trace != sorted(trace):
        raise BadTrace(f"{path} is no trace: its milliseconds must grow")
    return trace


Packet = TypeVar("Packet", bound=Sized)


class Bottleneck(Generic[Packet]):
    """A queue, from which packets pass at the opportunities of a trace. Pure: seconds.

    Until it plays one, everything passes at once.
    """

    def __init__(self, queue: int = QUEUE) -> None:
        self.lost = 0
        self._most = queue
        self._waiting: deque[Packet] = deque()
        self._bytes = 0
        self._credit = 0
        self._opportunities: Iterator[float] = iter(())
        self._next: float | None = None

    def play(self, trace: Sequence[int], now: float) -> None:
        """Carry what a trace does, from its beginning."""
        rounds = itertools.count(0, trace[-1])
        self._opportunities = (now + (begun + at) / 1000 for begun in rounds for at in trace)
        self._next = next(self._opportunities)

    def put(self, packet: Packet, now: float) -> None:
        """Take a packet, or lose it if there is no room."""
        if not self._waiting:
            deque(self.take(now), maxlen=0)  # the opportunities that nobody took are gone
        if self._bytes + len(packet) > self._most:
            self.lost += 1
            return
        self._waiting.append(packet)
        self._bytes += len(packet)

    def take(self, now: float) -> Iterator[tuple[float, Packet]]:
        """Yield what has passed by now, and when."""
        if self._next is None:
            while self._waiting:
                yield now, self._pass()
            return
        while self._next <= now:
            self._credit += OPPORTUNITY
            while self._waiting and len(self._waiting[0]) <= self._credit:
                self._credit -= len(self._waiting[0])
                yield self._next, self._pass()
            if not self._waiting:
                self._credit = 0  # an opportunity waits for nobody
            self._next = next(self._opportunities)

    @property
    def due(self) -> float | None:
        """When to take packets next; None if none wait."""
        return self._next if self._waiting else None

    def _pass(self) -> Packet:
        packet = self._waiting.popleft()
        self._bytes -= len(packet)
        return packet


class _Way:
    """One direction: the bottleneck, and behind it the time that every packet takes."""

    def __init__(self, source: int, target: int) -> None:
        self.source = source
        self.bottleneck: Bottleneck[bytes] = Bottleneck()
        self.carried = 0  # bytes
        self._target = target
        self._under_way: deque[tuple[float, bytes]] = deque()

    def read(self, now: float) -> None:
        for _ in range(AT_ONCE):
            try:
                packet = os.read(self.source, LONGEST_PACKET)
            except BlockingIOError:
                return
            self.bottleneck.put(packet, now)

    def carry(self, now: float) -> float | None:
        """Carry what is due, and return when there is more to do."""
        for passed, packet in self.bottleneck.take(now):
            self.carried += len(packet)
            self._under_way.append((passed + DELAY, packet))
        while self._under_way and self._under_way[0][0] <= now:
            _, packet = self._under_way.popleft()
            try:
                os.write(self._target, packet)
            except OSError:  # the device is down: as on any link, nobody is told
                self.bottleneck.lost += 1
        times = [self._under_way[0][0]] if self._under_way else []
        if self.bottleneck.due is not None:
            times.append(self.bottleneck.due)
        return min(times, default=None)


class TracedLink:
    """Carries packets between two devices, in a thread of its own."""

    def __init__(self, here: int, there: int) -> None:
        self._up = _Way(here, there)
        self._ways = self._up, _Way(there, here)
        self._to_play: Sequence[int] | None = None
        self._woken, self._wake = os.pipe()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="traced-link")

    @contextmanager
    def running(self) -> Iterator[TracedLink]:
        """Carry packets for the length of a context."""
        self._thread.start()
        try:
            yield self
        finally:
            self._ended = True
            os.write(self._wake, b".")
            self._thread.join()
            os.close(self._wake)
            os.close(self._woken)

    def play(self, trace: Sequence[int]) -> None:
        """Carry from now on, from here to there, what a trace does."""
        self._to_play = trace
        os.write(self._wake, b".")

    @property
    def carried(self) -> int:
        """How many bytes have passed from here to there."""
        return self._up.carried

    @property
    def lost(self) -> int:
        """How many packets had no room in the queue."""
        return self._up.bottleneck.lost

    def _run(self) -> None:
        sources = {way.source: way for way in self._ways}
        while not self._ended:
            now = time.monotonic()
            if self._to_play is not None:
                self._up.bottleneck.play(self._to_play, now)
                self._to_play = None
            dues = [due for way in self._ways if (due := way.carry(now)) is not None]
            wait = max(0.0, min(dues) - time.monotonic()) if dues else None
            ready, _, _ = select.select([*sources, self._woken], [], [], wait)
            for descriptor in ready:
                if descriptor == self._woken:
                    os.read(self._woken, 1)
                else:
                    sources[descriptor].read(time.monotonic())


@contextmanager
def tun_pair(here: str, there: str) -> Iterator[TracedLink]:
    """Make two devices, and a link between them that runs for the length of a context.

    :raises OSError: if the kernel does not let us.
    """
    with ExitStack() as stack:
        descriptors = [_open_tun(name, stack.callback) for name in (here, there)]
        yield stack.enter_context(TracedLink(*descriptors).running())


def _open_tun(name: str, at_end: Callable[..., object]) -> int:
    """Make a device that is there while its descriptor is open, wherever it is moved to."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    at_end(os.close, descriptor)
    request = struct.pack("16sH", name.encode(), _IFF_TUN | _IFF_NO_PI)
    fcntl.ioctl(descriptor, _TUNSETIFF, request)
    return descriptor
