# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""From when the network, or the bridge, is back to the next picture on the page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from playwright.sync_api import Page

from support.network import Link, chromium_inside
from support.program import free_port, node

from .browser import chromium, our_page
from .figures import Part, median
from .network import made_link

TIMES = 3
DOWN = 4.0  # seconds
AWAY = 3.0  # seconds
BACK_WITHIN = 1200.0  # ms, the target
GIVE_UP_AFTER = 30.0  # seconds

# Notes when each picture was shown, in ms since the epoch.
WATCH = """() => {
    const video = streamer.cameras.get('camera').video;
    window.shown = [];
    const watch = () => video.requestVideoFrameCallback(() => {
        if (video.videoWidth > 2) shown.push(Date.now());
        watch();
    });
    watch();
}"""
FIRST_SINCE = "since => shown.find((time) => time > since) ?? null"


class Robot:
    """A camera, and a bridge that can be started anew on its port."""

    def __init__(self, stack: ExitStack, host: str) -> None:
        stack.enter_context(node("camera_node", "source:=pattern"))
        self._bridge = stack.enter_context(ExitStack())
        port = free_port()
        self._parameters = (f"host:={host}", f"port:={port}", "auth:=none")
        self.url = f"http://{host}:{port}/"
        self.start()

    def start(self) -> None:
        """Start the bridge; returns when it serves its page."""
        program = self._bridge.enter_context(node("bridge_node", *self._parameters))
        program.wait_for_output("active")

    def kill(self) -> None:
        """Take the bridge away without a good-bye."""
        self._bridge.close()


def another_address(link: Link, robot: Robot) -> None:
    """Give the viewer another address."""
    link.move()


def link_down(link: Link, robot: Robot) -> None:
    """Take the link away for a while."""
    link.cut()
    time.sleep(DOWN)
    link.mend()


def bridge_restarted(link: Link, robot: Robot) -> None:
    """Start the bridge anew."""
    robot.kill()
    time.sleep(AWAY)
    robot.start()


CASES: dict[str, Callable[[Link, Robot], None]] = {
    "another address": another_address,
    f"the link down for {DOWN:g} s": link_down,
    f"the bridge away for {AWAY:g} s": bridge_restarted,
}


def run(progress: Callable[[str], None]) -> Iterator[Part]:
    """Watch in Chromium in a network namespace."""
    part = Part("The page comes back: from when network or bridge are back to the next picture")
    for name, happens in CASES.items():
        times = []
        for number in range(TIMES):
            progress(f"comeback: {name}, {number + 1} of {TIMES}")
            times.append(_measure(happens))
        part.add(f"{name}: median", median(times), "ms", BACK_WITHIN)
        part.add(f"{name}: max", max(times), "ms")
        part.details[name] = times
    yield part


def _measure(happens: Callable[[Link, Robot], None]) -> float:
    with ExitStack() as stack:
        link = stack.enter_context(made_link())
        robot = Robot(stack, link.here)
        browser = stack.enter_context(chromium(stack.enter_context(chromium_inside(link))))
        page = stack.enter_context(our_page(browser, robot.url))
        page.evaluate(WATCH)
        happens(link, robot)
        return _until_shown(page, 1000 * time.time())


def _until_shown(page: Page, since: float) -> float:
    deadline = time.monotonic() + GIVE_UP_AFTER
    while (first := page.evaluate(FIRST_SINCE, since)) is None:
        if time.monotonic() > deadline:
            raise RuntimeError("no picture came back")
        time.sleep(0.05)
    return float(first) - since
