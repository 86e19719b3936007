# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A link that plays a trace, and the viewer at its end, on a clock of their own.

A minute takes about half a second.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiortc.rate import RemoteBitrateEstimator

from pi_webrtc_streamer.link.hold import OnAnswer

from .traced_link import DELAY, Bottleneck

QUESTION = 130  # bytes
PAYLOAD = 1150  # bytes of a picture in a packet
AROUND = 65  # bytes around them: IP, UDP, RTP, SRTP
PADDING = 300  # bytes of a packet of padding
SHOWING = 0.008  # seconds
REPORT = 1.0  # seconds between two reports, and between two estimates that do not fall
FALL = 0.97  # of an estimate, which is told at once
TICKS = 1 << 18  # of abs-send-time in a second


class Clock:
    """Calls what is due, in order."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()

    def at(self, when: float, do: Callable[[], object]) -> None:
        """Call something at a time, or now if that has passed."""
        heapq.heappush(self._due, (max(when, self.now), next(self._numbers), do))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        while self._due and self._due[0][0] <= seconds:
            self.now, _, do = heapq.heappop(self._due)
            do()
        self.now = seconds


@dataclass(eq=False)
class _Packet:
    size: int
    on_arrival: Callable[[], object]

    def __len__(self) -> int:
        return self.size


@dataclass(eq=False)
class Picture:
    """A picture on its way; those that are no key frame need the one before."""

    captured: float  # seconds
    width: int
    bits: int
    before: Picture | None
    missing: int = 0  # packets
    whole: bool = False


@dataclass(frozen=True)
class Shown:
    """What was on the screen from a time on."""

    at: float
    age: float
    width: int


class SimulatedLink:
    """Carries packets to a viewer, who looks for questions from time to time (``jitter``
    seconds after the first of them, on average), and answers all of them then.

    ``on_broken`` is called where a picture cannot be shown, for lack of one before it; the others
    with the receiver's estimates (REMB), as aiortc makes them after WebRTC, and with its reports:
    the round trip, packets lost, and packets sent.
    """

    def __init__(self, clock: Clock, trace: Sequence[int], jitter: float, seed: int = 1) -> None:
        self.shown: list[Shown] = []
        self.on_broken: Callable[[], object] = lambda: None
        self.on_estimate: Callable[[float], object] = lambda bitrate: None
        self.on_report: Callable[[float, int, int], object] = lambda trip, lost, sent: None
        self._estimator = RemoteBitrateEstimator()
        self._told, self._told_at = math.inf, 0.0
        self._sent = 0
        self._clock = clock
        self._jitter = jitter
        self._looks = 0.0
        self._chance = random.Random(seed)
        self._bottleneck: Bottleneck[_Packet] = Bottleneck()
        self._bottleneck.play(trace, 0.0)
        clock.at(REPORT, self._send_report)

    def ask(self, now: float, on_answer: OnAnswer) -> None:
        """Ask a question, as :class:`.Asks` has it."""

        def answer() -> None:
            if self._clock.now >= self._looks:
                takes = self._chance.expovariate(1 / self._jitter) if self._jitter else 0.0
                self._looks = self._clock.now + takes
            self._clock.at(self._looks + DELAY, lambda: on_answer(self._clock.now - now, now))

        self._put(_Packet(QUESTION, answer))

    def send(self, picture: Picture, padding: int) -> None:
        """Send a picture, and so many bits of padding behind it."""
        picture.missing = max(1, -(-picture.bits // (8 * PAYLOAD)))
        size = picture.bits // 8 // picture.missing + AROUND
        for _ in range(picture.missing):
            self._send_rtp(size, lambda: self._arrive(picture))
        for _ in range(-(-padding // (8 * PADDING))):
            self._send_rtp(PADDING, lambda: None)

    def _send_rtp(self, size: int, on_arrival: Callable[[], object]) -> None:
        sent = self._clock.now
        self._sent += 1

        def arrive() -> None:
            self._estimate(size - AROUND, sent)
            on_arrival()

        self._put(_Packet(size, arrive))

    def _estimate(self, size: int, sent: float) -> None:
        now, ticks = self._clock.now, int(sent * TICKS) & 0xFFFFFF
        estimate = self._estimator.add(int(1000 * now), ticks, size, 1)
        if estimate is None:
            return
        bitrate = estimate[0]
        if bitrate < FALL * self._told or now >= self._told_at + REPORT:
            self._told, self._told_at = bitrate, now
            self._clock.at(now + DELAY, lambda: self.on_estimate(bitrate))

    def _send_report(self) -> None:
        """Send a sender's report, which the viewer answers with its next one."""
        sent = self._clock.now
        self._clock.at(sent + REPORT, self._send_report)

        def answer() -> None:
            round_trip = self._clock.now - sent + DELAY
            lost, count = self._bottleneck.lost, self._sent
            later = self._clock.now + DELAY + REPORT / 2
            self._clock.at(later, lambda: self.on_report(round_trip, lost, count))

        self._put(_Packet(AROUND, answer))

    def _arrive(self, picture: Picture) -> None:
        picture.missing -= 1
        if picture.missing:
            return
        if picture.before is not None and not picture.before.whole:
            self.on_broken()
            return
        picture.whole, picture.before = True, None
        at = self._clock.now + SHOWING
        self.shown.append(Shown(at, at - picture.captured, picture.width))

    def _put(self, packet: _Packet) -> None:
        was_empty = self._bottleneck.due is None
        self._bottleneck.put(packet, self._clock.now)
        if was_empty:
            self._wait()

    def _carry(self) -> None:
        for passed, packet in self._bottleneck.take(self._clock.now):
            self._clock.at(passed + DELAY, packet.on_arrival)

    def _wait(self) -> None:
        def pass_on() -> None:
            self._carry()
            self._wait()

        if (due := self._bottleneck.due) is not None:
            self._clock.at(due, pass_on)
