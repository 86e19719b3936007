# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The ways from camera to encoder in turn: as JPEG over DDS, by shared memory, and in one process,
beside GStreamer's webrtcbin with raw pictures.

The camera costs nothing to draw: what is left is the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, Page

from support.program import free_port

from . import rivals
from .browser import Seen, chromium, our_page, rival_page, watch
from .figures import Part, median, percentile
from .processes import (
    HD_ALL_PHASES,
    Camera,
    CpuMeter,
    Streamer,
    descendants,
    one_process,
    robot,
)
from .turns import take_turns

FRAMES = 300  # a round: whole turns of the camera's phase against the screen's
CAMERA = Camera(source="pattern:still")
# The targets: ratios of p50, of CPU, and a time in ms.
BEST, OTHER, OF_WEBRTCBIN, CPU, SENT = 0.8, 0.85, 0.45, 0.6, 5.0


@dataclass(frozen=True)
class Round:
    """What was seen of a way: on the screen, of the CPU in percent of a core, and until the last
    packet was sent in ms, which only ours tells."""

    seen: Seen
    cpu: float
    sent: float | None


@dataclass
class Contestant:
    """A way of pictures to the encoder; ``way`` is what /cameras calls it."""

    name: str
    way: str
    open: Callable[[], AbstractContextManager[Streamer]] | None  # None: webrtcbin
    rounds: list[Round] = field(default_factory=list)

    def run(self, browser: Browser) -> None:
        """Watch for one round."""
        with ExitStack() as stack:
            running = stack.enter_context(self.open()) if self.open else None
            if running:
                pids = {each.process.pid for each in (*running.cameras, running.bridge)}
                page = stack.enter_context(our_page(browser, running.url))
            else:
                page, pids = stack.enter_context(_webrtcbin(browser))
            meter = CpuMeter(*pids)
            seen = watch(page, "ours" if running else "video", FRAMES)
            cpu = sum(meter.read())
            self.rounds.append(Round(seen, cpu, self._sent(running) if running else None))

    def _sent(self, running: Streamer) -> float:
        (camera,) = running.get("cameras")["cameras"]
        if camera["way"] != self.way:
            raise RuntimeError(f"{self.name}: pictures come by way of {camera['way']}")
        (stream,) = running.get("stats")["streams"]["camera"]
        return float(stream["stages"]["total"]["p50"])

    @property
    def lags(self) -> list[float]:
        """All rounds' lags."""
        return [lag for each in self.rounds for lag in each.seen.lags]


def run(progress: Callable[[str], None]) -> Iterator[Part]:
    """Measure them in turn."""
    dds = Contestant("over DDS", "dds", lambda: robot([CAMERA], HD_ALL_PHASES, *_OFF))
    shared = Contestant("shared memory", "shared memory", lambda: robot([CAMERA], HD_ALL_PHASES))
    one = Contestant("one process", "in process", lambda: one_process(CAMERA, HD_ALL_PHASES))
    webrtcbin = Contestant("webrtcbin, raw pictures", "", None)
    part = Part(f"The direct ways, {HD_ALL_PHASES}, {CAMERA.source}, one viewer in Chromium")
    contestants = [dds, shared, one, webrtcbin]
    with chromium() as browser:
        contestants = take_turns("direct", contestants, browser, part, progress, [webrtcbin.name])
    for each in contestants:
        _add_figures(part, each)
    _add_ratios(part, dds, (shared, one), webrtcbin)
    part.details["rounds"] = {
        each.name: [(seen.seen.lags, seen.cpu, seen.sent) for seen in each.rounds]
        for each in contestants
    }
    yield part


_OFF = ("127.0.0.1", "direct:=off")


@contextmanager
def _webrtcbin(browser: Browser) -> Iterator[tuple[Page, set[int]]]:
    with (
        rivals.gstreamer_fed_directly(free_port()) as (url, pid),
        rival_page(browser, url) as page,
    ):
        yield page, set(descendants(pid))


def _add_figures(part: Part, each: Contestant) -> None:
    part.add(f"{each.name}: glass to glass, p50", percentile(each.lags, 0.5), "ms")
    part.add(f"{each.name}: glass to glass, p95", percentile(each.lags, 0.95), "ms")
    part.add(f"{each.name}: CPU", median([seen.cpu for seen in each.rounds]), "% of a core")
    sent = [seen.sent for seen in each.rounds if seen.sent is not None]
    if sent:
        target = None if each.way == "dds" else SENT
        part.add(f"{each.name}: captured → sent, p50", median(sent), "ms", target)


def _add_ratios(
    part: Part, dds: Contestant, direct: tuple[Contestant, ...], webrtcbin: Contestant
) -> None:
    """Add the medians of the rounds' ratios, of the best direct way first."""
    best, *others = sorted(direct, key=lambda each: _ratio(_age, each, dds))
    for each, limit in ((best, BEST), *((other, OTHER) for other in others)):
        part.add(f"{each.name} / {dds.name}: p50", _ratio(_age, each, dds), "", limit)
        part.add(f"{each.name} / {dds.name}: CPU", _ratio(_cpu, each, dds), "", CPU)
    if webrtcbin.rounds:
        ratio = _ratio(_age, best, webrtcbin)
        part.add(f"{best.name} / {webrtcbin.name}: p50", ratio, "", OF_WEBRTCBIN)


def _age(each: Round) -> float:
    return median(each.seen.lags)


def _cpu(each: Round) -> float:
    return each.cpu


def _ratio(of: Callable[[Round], float], mine: Contestant, theirs: Contestant) -> float:
    pairs = zip(mine.rounds, theirs.rounds, strict=False)
    return median([of(ours) / of(other) for ours, other in pairs])
