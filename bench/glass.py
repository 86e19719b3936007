# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Glass to glass: how old a picture is when Chromium shows it, ours and rivals' in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, Page

from support.program import free_port

from . import rivals
from .browser import Seen, chromium, mjpeg_page, our_page, rival_page, watch
from .figures import Part, frame_rate, median, percentile
from .processes import HD_ALL_PHASES, Shape, Streamer, streamer
from .turns import take_turns

FRAMES = 150  # a round
SHAPES = (Shape(640, 480, 29.9), Shape(1280, 720, 59.8))
P50, P95, OF_WEBRTCBIN = 20.0, 40.0, 0.6  # the targets
KEEPS_UP = 0.9  # of the frame rate, or the machine is too slow for the figure to mean anything


@dataclass
class Contestant:
    """A way to show the picture, and what was seen of it."""

    name: str
    open: Callable[[Browser], AbstractContextManager[Page]]
    picture: str
    rounds: list[Seen] = field(default_factory=list)

    def run(self, browser: Browser, frames: int = FRAMES) -> None:
        """Watch for one round."""
        with self.open(browser) as page:
            self.rounds.append(watch(page, self.picture, frames))

    @property
    def lags(self) -> list[float]:
        """All rounds' lags."""
        return [lag for seen in self.rounds for lag in seen.lags]

    @property
    def rate(self) -> float:
        """Frames a second."""
        return median([frame_rate(seen.times) for seen in self.rounds])


def run(progress: Callable[[str], None]) -> Iterator[Part]:
    """Measure ours against the rivals, then ours in other shapes."""
    with chromium() as browser:
        with streamer(HD_ALL_PHASES) as running:
            yield _in_turn(browser, running, progress)
        yield _other_shapes(browser, progress)


def _in_turn(browser: Browser, running: Streamer, progress: Callable[[str], None]) -> Part:
    part = Part(f"Glass to glass in Chromium, {HD_ALL_PHASES}, H.264")
    contestants = [
        Contestant("ours", lambda b: our_page(b, running.url), "ours"),
        Contestant("multipart MJPEG", lambda b: mjpeg_page(b, running.url), "image"),
        Contestant("aiortc's way", _opener(rivals.aiortc_server), "video"),
        Contestant("GStreamer webrtcbin", _opener(rivals.gstreamer_server), "video"),
    ]
    rivals_of_ours = [each.name for each in contestants[1:]]
    contestants = take_turns("glass to glass", contestants, browser, part, progress, rivals_of_ours)
    ours, *others = [each for each in contestants if each.rounds]
    _add_figures(part, ours, P50, P95)
    for other in others:
        _add_figures(part, other)
    for other in others:
        _add_ratio(part, ours, other)
    part.details["rounds"] = {
        each.name: [seen.lags for seen in each.rounds] for each in contestants
    }
    return part


def _opener(serve: rivals.Serve) -> Callable[[Browser], AbstractContextManager[Page]]:
    @contextmanager
    def opened(browser: Browser) -> Iterator[Page]:
        with ExitStack() as stack:
            url, _ = stack.enter_context(serve(free_port()))
            yield stack.enter_context(rival_page(browser, url))

    return opened


def _other_shapes(browser: Browser, progress: Callable[[str], None]) -> Part:
    part = Part("Glass to glass in Chromium, ours in other shapes")
    progress("glass to glass: VP8")
    with streamer() as running:
        vp8 = Contestant(f"VP8, {HD_ALL_PHASES}", lambda b: our_page(b, running.url, "vp8"), "ours")
        vp8.run(browser, 2 * FRAMES)
        _add_figures(part, vp8)
    for shape in SHAPES:
        progress(f"glass to glass: {shape}")
        with streamer(shape) as running:
            ours = Contestant(f"H.264, {shape}", _opener_of(running), "ours")
            ours.run(browser, 2 * FRAMES)
        _add_figures(part, ours)
        if ours.rate < KEEPS_UP * shape.framerate:
            part.notes.append(f"the machine does not keep up with {shape}")
    return part


def _opener_of(running: Streamer) -> Callable[[Browser], AbstractContextManager[Page]]:
    return lambda browser: our_page(browser, running.url)


def _add_figures(
    part: Part, who: Contestant, p50: float | None = None, p95: float | None = None
) -> None:
    part.add(f"{who.name}: p50", percentile(who.lags, 0.5), "ms", p50)
    part.add(f"{who.name}: p95", percentile(who.lags, 0.95), "ms", p95)
    part.add(f"{who.name}: p99", percentile(who.lags, 0.99), "ms")
    part.add(f"{who.name}: frame rate", who.rate, "fps")
    unreadable = sum(seen.unreadable for seen in who.rounds)
    if unreadable:
        part.notes.append(f"{who.name}: {unreadable} frames could not be read")


def _add_ratio(part: Part, ours: Contestant, other: Contestant) -> None:
    ratios = [
        median(mine.lags) / median(theirs.lags)
        for mine, theirs in zip(ours.rounds, other.rounds, strict=False)
    ]
    target = OF_WEBRTCBIN if "webrtcbin" in other.name else None
    part.add(
        f"ours / {other.name}: p50, median of {len(ratios)} rounds", median(ratios), "", target
    )
    part.details.setdefault("ratios", {})[other.name] = ratios
