# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Driving: from a key to the robot's base, how old the picture is, and what a driver costs."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import rclpy
from playwright.sync_api import Page

from pi_webrtc_streamer.ros.process import ros_context
from support.base import Base, spun
from support.program import free_port, node

from .browser import chromium, our_page
from .figures import Part, median, percentile
from .processes import HD, CpuMeter, Streamer, memory, streamer

PRESSES = 60
KEY_P50, KEY_P95 = 10.0, 40.0  # ms, the targets
SECONDS = 10.0
DRIVER_COST = 2.0  # % of a core, the target
ENABLED_MEMORY = 3.0  # MB, the target
SETTLE = 3.0
GIVE_UP_AFTER = 5.0
PAIRS = 3  # of bridges with nobody, with driving and without

DRIVE = ".drive [data-action=drive]"
STATE = "document.querySelector('.drive').dataset.state"
# Notes when keys went down, in ms since the epoch.
WATCH_KEYS = """() => {
    window.pressed = [];
    window.addEventListener('keydown', (event) => {
        if (!event.repeat) pressed.push(performance.timeOrigin + event.timeStamp);
    }, { capture: true });
}"""


def run(progress: Callable[[str], None]) -> Iterator[Part]:
    """Drive in Chromium, with a subscriber to the velocities in this process."""
    with ExitStack() as stack:
        stack.enter_context(ros_context([]))
        ours = rclpy.create_node("base")
        stack.enter_context(spun(ours))
        base = Base(ours)
        running = stack.enter_context(streamer(HD, "127.0.0.1", "teleop.enabled:=true"))
        page = stack.enter_context(our_page(stack.enter_context(chromium()), running.url))
        page.evaluate(WATCH_KEYS)
        yield _keys(page, base, progress)
        yield _cost(page, running, progress)
    yield _nobody(progress)


def _keys(page: Page, base: Base, progress: Callable[[str], None]) -> Part:
    part = Part("From a key in Chromium to the robot's base")
    delays: list[float] = []
    for number in range(PRESSES):
        progress(f"drive: key {number + 1} of {PRESSES}")
        _arm(page)
        time.sleep(random.uniform(0.3, 0.5))
        base.told.clear()
        page.keyboard.down("w")
        _wait(lambda: any(told.moves for told in base.told))
        first = next(told for told in base.told if told.moves)
        epoch = time.time() - time.monotonic()
        delays.append(1000 * (first.at + epoch) - page.evaluate("() => pressed.at(-1)"))
        page.keyboard.up("w")
        _wait(lambda: not base.told[-1].moves)
    part.add("key to velocity: p50", median(delays), "ms", KEY_P50)
    part.add("key to velocity: p95", percentile(delays, 0.95), "ms", KEY_P95)
    part.details["delays"] = delays
    ages = []
    page.keyboard.down("w")
    for _ in range(40):
        page.wait_for_timeout(250)
        if found := re.search(r"(\d+) ms", page.inner_text(".drive-loop")):
            ages.append(float(found[1]))
    page.keyboard.up("w")
    part.add("loop age while driving: p50", median(ages), "ms")
    part.add("loop age while driving: p95", percentile(ages, 0.95), "ms")
    part.details["loop ages"] = ages
    return part


def _cost(page: Page, running: Streamer, progress: Callable[[str], None]) -> Part:
    """Measure in turn, for the machine may be busier at one time than at another."""
    part = Part(f"What a driver costs the bridge, who watches at {HD} in any case")
    watching, driving = [], []
    for number in range(PAIRS):
        progress(f"drive: cost, {number + 1} of {PAIRS}")
        page.click(".drive [data-action=done]")
        watching.append(_cpu(running.bridge.process.pid))
        _arm(page)
        page.keyboard.down("w")
        driving.append(_cpu(running.bridge.process.pid))
        page.keyboard.up("w")
    part.add("watching alone", median(watching), "% of a core")
    part.add("driving: more", median(driving) - median(watching), "% of a core", DRIVER_COST)
    part.details.update(watching=watching, driving=driving)
    return part


def _nobody(progress: Callable[[str], None]) -> Part:
    part = Part("What teleop.enabled costs while nobody is there")
    found: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for number in range(PAIRS):
        for enabled in found:
            progress(f"drive: nobody, {number + 1} of {PAIRS}")
            with _bridge(enabled) as pid:
                time.sleep(SETTLE)
                found[enabled].append((_cpu(pid), memory(pid)["rss"]))
    for place, (what, unit, target) in enumerate(
        [("CPU", "% of a core", None), ("resident memory", "MB", ENABLED_MEMORY)]
    ):
        off, on = (median([each[place] for each in found[enabled]]) for enabled in found)
        part.add(f"{what}, not enabled", off, unit)
        part.add(f"{what}, enabled: more", on - off, unit, target)
    part.details["found"] = {str(enabled): each for enabled, each in found.items()}
    return part


@contextmanager
def _bridge(enabled: bool) -> Iterator[int]:
    parameters = (f"port:={free_port()}", f"teleop.enabled:={str(enabled).lower()}")
    with node("bridge_node", *parameters) as program:
        program.wait_for_output("active")
        yield program.process.pid


def _arm(page: Page) -> None:
    """Be armed; the robot may have been stopped by a machine that was busy for a moment."""
    page.wait_for_function(f"() => ['idle', 'off', 'armed'].includes({STATE})")
    if page.evaluate(f"() => {STATE}") != "armed":
        page.click(DRIVE)
    page.wait_for_function(f"() => {STATE} === 'armed'")


def _cpu(pid: int) -> float:
    meter = CpuMeter(pid)
    time.sleep(SECONDS)
    (used,) = meter.read()
    return used


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + GIVE_UP_AFTER
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError("the robot does not do what it is told")
        time.sleep(0.005)
