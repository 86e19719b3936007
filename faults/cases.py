# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The faults: each is done to a robot at full speed, and undone."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import aiohttp
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient

from pi_webrtc_streamer.teleop.messages import Flag, parse_status
from support.browser import CANDIDATE
from support.driver import PageDriver
from support.nodes import Lifecycle
from support.waiting import until

from .stage import Stage

Do = Callable[[Stage], AbstractAsyncContextManager[None]]

# ms from the fault to the last command that moves the robot: for what page or bridge notice by
# themselves, for commands that fail to come, and for pictures that do.
# These may be 500 ms old, and one that was just captured when the fault came, a period older.
NOTICED, SILENT, UNSEEN = 100.0, 350.0, 600.0

VIDEO_PORT = f"({CANDIDATE})(['camera', 'local']).then(({{ port }}) => port)"


@dataclass(frozen=True)
class Case:
    """A fault, and how soon the last command that moves the robot is to have come."""

    name: str
    do: Do
    within: float
    goes_on: bool = False  # whether it is no reason to stop
    by_pad: bool = False


CASES: list[Case] = []


def case(name: str, within: float, *, goes_on: bool = False, by_pad: bool = False):
    """Add what is decorated to the cases: before its ``yield`` it is done, and then undone."""

    def add(do: Callable[[Stage], AsyncIterator[None]]) -> None:
        CASES.append(Case(name, asynccontextmanager(do), within, goes_on, by_pad))

    return add


@case("the key let go (no fault: it slows down)", 450.0)
async def let_go(stage: Stage):
    await stage.browser.key("keyUp", "KeyW", "w")
    yield


@case("tab hidden by another one", NOTICED)
async def tab_hidden(stage: Stage):
    await stage.browser.evaluate("delete window.lostAt")
    tab = await stage.browser.another_tab()
    await stage.begins_out_of_sight()
    yield
    await stage.browser.close_tab(tab)


@case("window without focus, a key held", NOTICED)
async def blurred(stage: Stage):
    async with behind_another(stage):
        yield


@asynccontextmanager
async def behind_another(stage: Stage):
    """Give the focus to another tab, the page still visible."""
    await stage.browser.stay_visible()
    await stage.browser.evaluate("delete window.lostAt")
    tab = await stage.browser.another_tab()
    await stage.begins_out_of_sight()
    yield
    await stage.browser.stay_visible_no_more()
    await stage.browser.close_tab(tab)


@case("Alt+Tab, a key held", NOTICED)
async def alt_tab(stage: Stage):
    begun = time.monotonic()
    await stage.browser.key("keyDown", "AltLeft", "Alt", modifiers=1)
    async with behind_another(stage):
        stage.begun = begun
        yield


@case("page loaded anew", NOTICED)
async def reloaded(stage: Stage):
    await stage.browser.call("Page.reload")
    yield


@case("browser killed (SIGKILL)", SILENT)
async def killed(stage: Stage):
    stage.begun = stage.browser.send_signal(signal.SIGKILL)
    yield
    await stage.end_browser()
    await stage.start_browser()


@case("browser stopped for 2 s (SIGSTOP) and back", SILENT)
async def browser_stopped(stage: Stage):
    stage.begun = stage.browser.send_signal(signal.SIGSTOP)
    await asyncio.sleep(2.0)
    stage.browser.send_signal(signal.SIGCONT)
    yield


@case("bridge stopped for 2 s (SIGSTOP) and back", NOTICED)
async def bridge_stopped(stage: Stage):
    stage.bridge.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(2.0)
    stage.bridge.process.send_signal(signal.SIGCONT)
    yield


@case("network cut", SILENT)
async def cut(stage: Stage):
    stage.network.cut()
    yield
    stage.network.mend()


@case("all messages held up for 2 s, then released in order", SILENT)
async def queued(stage: Stage):
    network = stage.browser.network_process()
    os.kill(network, signal.SIGSTOP)
    await asyncio.sleep(2.0)
    os.kill(network, signal.SIGCONT)
    yield


@case("camera node killed", UNSEEN)
async def camera_killed(stage: Stage):
    stage.end_camera()
    yield
    stage.start_camera()


@case("camera frozen, its node too (SIGSTOP)", UNSEEN)
async def camera_frozen(stage: Stage):
    stage.camera.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(1.0)
    yield
    stage.camera.process.send_signal(signal.SIGCONT)


@case("pictures lost on their way, the channel alive", UNSEEN)
async def pictures_lost(stage: Stage):
    port = await stage.browser.evaluate(VIDEO_PORT)
    stage.begun = time.monotonic()
    stage.network.silence(port)
    yield
    stage.network.hear(port)
    await stage.browser.evaluate("location.reload()")


@case("channel dead, pictures alive", SILENT)
async def channel_dead(stage: Stage):
    await stage.browser.evaluate("(() => { RTCDataChannel.prototype.send = () => {}; })()")
    yield
    await stage.browser.evaluate("location.reload()")


@case("bridge's event loop stalled for 2 s", SILENT)
async def stalled(stage: Stage):
    stage.bridge.process.send_signal(signal.SIGUSR1)
    await asyncio.sleep(2.0)
    yield


@case("another tab in front drives", NOTICED)
async def two_tabs(stage: Stage):
    await stage.browser.evaluate("delete window.lostAt")
    tab = await stage.browser.another_tab(stage.url)
    await stage.begins_out_of_sight()
    yield
    await stage.browser.close_tab(tab)


@case("lock taken by another operator", NOTICED)
async def lock_taken(stage: Stage):
    async with another_operator(stage) as (session, driver):
        await stage.post(f"teleop/{session}/lock", do="ask")
        await asyncio.sleep(5.2)
        stage.base.told.clear()
        await stage.full_speed()
        stage.begun = time.monotonic()
        await stage.post(f"teleop/{session}/lock", do="take")
        await asyncio.sleep(1.2)
        assert not driver.status or not driver.status.forward
        yield
        await stage.post(f"teleop/{session}/lock", do="release")


@asynccontextmanager
async def another_operator(stage: Stage):
    """Be connected as somebody else, who does not drive."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{stage.url}teleop/socket?name=Eve") as socket,
    ):
        greeting = await socket.receive_json()
        driver = PageDriver(lambda message: None, [])
        driver.flags = Flag(0)

        async def talk() -> None:
            async for message in socket:
                driver.status = parse_status(message.data)
                await socket.send_bytes(driver.command().pack())

        talking = asyncio.create_task(talk())
        try:
            yield greeting["session"], driver
        finally:
            talking.cancel()


@case("gamepad gone", NOTICED, by_pad=True)
async def pad_gone(stage: Stage):
    await stage.browser.evaluate("(() => { window.pads = []; })()")
    yield


@case("Space, a button focused", NOTICED)
async def space(stage: Stage):
    await stage.browser.evaluate("document.querySelector('.drive [data-action=done]').focus()")
    stage.begun = time.monotonic()
    await stage.browser.key("keyDown", "Space", " ")
    await stage.browser.key("keyUp", "Space", " ")
    yield
    # Nor does it press the button that resets.
    await stage.browser.evaluate("document.querySelector('.drive-reset').focus()")
    for _ in range(3):
        await stage.browser.key("keyDown", "Space", " ")
        await asyncio.sleep(0.4)
        await stage.browser.key("keyUp", "Space", " ")
    if not (await stage.browser.evaluate("fetch('teleop').then((r) => r.json())"))["stopped"]:
        raise RuntimeError("Space has reset the stop")
    await asyncio.sleep(0.8)
    await stage.post("teleop/reset")


@case("bridge deactivated", NOTICED)
async def deactivated(stage: Stage):
    await stage.change_state(Lifecycle.DEACTIVATE)
    yield
    await stage.change_state(Lifecycle.ACTIVATE)


@case("bridge ended (SIGTERM)", NOTICED)
async def ended(stage: Stage):
    stage.bridge.process.send_signal(signal.SIGTERM)
    yield
    stage.end_bridge()
    stage.start_bridge()


@case("an axis that is no number", NOTICED)
async def no_number(stage: Stage):
    await stage.browser.evaluate(
        "(() => { const set = DataView.prototype.setFloat32; DataView.prototype.setFloat32 ="
        " function (offset) { return set.call(this, offset, NaN); }; })()"
    )
    yield
    await stage.browser.evaluate("location.reload()")


@case("browser's clock set by an hour", NOTICED, goes_on=True)
async def browsers_clock(stage: Stage):
    await stage.browser.evaluate(
        "(() => { const now = Date.now; Date.now = () => now() + 3.6e6; })()"
    )
    yield


@case("camera slow: one picture a second", UNSEEN)
async def camera_slow(stage: Stage):
    await set_framerate(stage, 1.0)
    stage.begun = time.monotonic()
    await asyncio.sleep(0.8)
    yield
    await set_framerate(stage, 30.0)
    await asyncio.sleep(3.0)


async def set_framerate(stage: Stage, rate: float) -> None:
    client = AsyncParameterClient(stage.node, "camera")
    future = client.set_parameters([Parameter("framerate", value=rate)])
    await until(future.done, "a camera of another rate")


@case("robot's clock set by an hour, bridge's and camera's", UNSEEN, goes_on=True)
async def robots_clock(stage: Stage):
    for program in (stage.camera, stage.bridge):
        program.process.send_signal(signal.SIGUSR2)
    yield
    stage.end_camera()
    stage.end_bridge()
    stage.start_camera()
    stage.start_bridge()
