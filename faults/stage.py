# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A robot, its base, and an operator in Chromium beyond a network of their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from typing import Any

import aiohttp
import rclpy
from rclpy.node import Node

from bench.processes import wait_for
from pi_webrtc_streamer.ros.process import ros_context
from support.base import Base, spun
from support.browser import GAMEPAD
from support.network import Link, link
from support.nodes import Lifecycle
from support.program import Program, free_port

from .browser import Browser, chromium

CAMERA = ("source:=pattern", "width:=640", "height:=360", "autostart:=true")
FULL_SPEED = 0.299  # m/s
DRIVE_STATE = "document.querySelector('.drive')?.dataset.state"
# Before the page's own scripts: when it was first told that it is out of sight, in ms since the
# epoch.
BEFORE = """const note = (event) => { window.lostAt ??= performance.timeOrigin + event.timeStamp; };
document.addEventListener('visibilitychange', note, { capture: true });
window.addEventListener('blur', note, { capture: true });
"""


class NotMoving(Exception):
    """The robot does not move, though somebody drives; the text has what the page says."""


class Stage:
    """What faults are done to."""

    def __init__(self, network: Link, node: Node, base: Base) -> None:
        self.network = network
        self.node = node
        self.base = base
        self.begun = 0.0  # when the fault was done, in seconds of the monotonic clock
        self.port = free_port()
        self.url = f"http://{network.here}:{self.port}/"
        self._camera = ExitStack()
        self._bridge = ExitStack()
        self._browser = AsyncExitStack()
        self.camera: Program
        self.bridge: Program
        self.browser: Browser

    def start_camera(self) -> None:
        """Start the camera node."""
        self.camera = self._camera.enter_context(_node("camera", *CAMERA))
        wait_for(lambda: "publishing" in self.camera.output, "a camera", self.camera)

    def start_bridge(self) -> None:
        """Start the bridge node; returns when it serves its page."""
        parameters = (
            f"host:={self.network.here}",
            f"port:={self.port}",
            "auth:=none",
            "autostart:=true",
            "teleop.enabled:=true",
        )
        self.bridge = self._bridge.enter_context(_node("bridge", *parameters))
        wait_for(lambda: "active" in self.bridge.output, "a bridge", self.bridge)

    async def start_browser(self) -> None:
        """Start Chromium beyond the network, on the bridge's page."""
        within = ("ip", "netns", "exec", self.network.namespace)
        self.browser = await self._browser.enter_async_context(chromium(*within))
        await self.browser.call("Page.enable")
        await self.browser.call("Page.addScriptToEvaluateOnNewDocument", source=BEFORE + GAMEPAD)
        await self.browser.call("Page.navigate", url=self.url)

    def end_camera(self) -> None:
        """End it, without a good-bye."""
        self.camera.process.kill()
        self._camera.close()

    def end_bridge(self) -> None:
        """End what is left of it."""
        self._bridge.close()

    async def end_browser(self) -> None:
        """End what is left of it."""
        await self._browser.aclose()

    async def close(self) -> None:
        """End everything."""
        await self.end_browser()
        self._bridge.close()
        self._camera.close()

    async def ready(self) -> None:
        """Wait until the page shows the camera live, and may drive; is loaded anew if need be."""
        await self.browser.wait_until(
            "window.streamer?.cameras.get('camera')?.state === 'live'"
            " && streamer.cameras.get('camera').freshness === 'fresh'"
            f" && ['idle', 'off', 'armed'].includes({DRIVE_STATE})"
        )

    async def arm(self) -> None:
        """Press Drive on the page, until it is armed."""
        for _ in range(10):
            await self.ready()
            if await self.browser.evaluate(DRIVE_STATE) == "armed":
                return
            await self.browser.evaluate(
                "document.querySelector('.drive [data-action=drive]').click()"
            )
            with suppress(asyncio.TimeoutError, TimeoutError):
                await asyncio.wait_for(self.browser.wait_until(f"{DRIVE_STATE} === 'armed'"), 5.0)
                return
        raise RuntimeError(f"the page is not armed: {await self.words()}")

    async def drive(self) -> None:
        """Be armed, and hold W until the robot is at full speed."""
        for _ in range(3):  # a camera that was just started may pause once more
            await self.arm()
            await self.browser.key("keyDown", "KeyW", "w")
            with suppress(NotMoving):
                await self.full_speed()
                return
            await self.let_go()
        raise NotMoving(f"the robot is not at full speed: {await self.words()}")

    async def drive_by_pad(self) -> None:
        """Be armed, and hold LB and the left stick of a gamepad, until it is at full speed."""
        await self.browser.wait_until("!!window.streamer")
        await self.browser.evaluate("give([0, 0, 0, 0], [])")
        await self.arm()
        await self.browser.evaluate("give([0, -1, 0, 0], [4])")
        await self.full_speed()

    async def begins_out_of_sight(self) -> None:
        """Take the time at which the page was told so for that of the fault.

        Until the browser tells it, which opens a tab meanwhile, nothing is wrong.
        """
        lost_at = await self.browser.wait_until("window.lostAt")
        await self.browser.evaluate("delete window.lostAt")
        self.begun = lost_at / 1000 - (time.time() - time.monotonic())

    async def let_go(self) -> None:
        """Let go of everything, as far as the browser still knows of it."""
        await self.browser.key("keyUp", "KeyW", "w")
        await self.browser.key("keyUp", "AltLeft", "Alt")

    async def begin_anew(self) -> None:
        """Start everything again after a run that went wrong."""
        await self.close()
        self.network.mend()
        self.start_camera()
        self.start_bridge()
        await self.start_browser()

    async def full_speed(self) -> None:
        """Wait until the robot is at full speed.

        :raises NotMoving: if it never is.
        """
        begun = time.monotonic()
        while time.monotonic() < begun + 3:
            told = self.base.told[-1:]
            if told and told[0].at > begun and told[0].forward >= FULL_SPEED:
                return
            await asyncio.sleep(0.01)
        raise NotMoving(f"the robot is not at full speed: {await self.words()}")

    async def words(self) -> str:
        """Return what the page says of driving."""
        return str(await self.browser.evaluate("document.querySelector('.drive')?.innerText"))

    async def post(self, path: str, **json: Any) -> dict[str, Any]:
        """Post to the bridge."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.url + path, json=json or None) as response,
        ):
            result: dict[str, Any] = await response.json()
            return result

    async def change_state(self, transition: int) -> None:
        """Change the bridge's state, as ``ros2 lifecycle set`` does."""
        if not await Lifecycle(self.node, "bridge").change_soon(transition):
            raise RuntimeError("the bridge did not change its state")


def _node(which: str, *parameters: str) -> Program:
    arguments = [argument for each in parameters for argument in ("-p", each)]
    return Program("python", "-m", "faults.node", which, "--ros-args", *arguments)


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Have everything run for the length of a context."""
    async with AsyncExitStack() as stack:
        network = stack.enter_context(link())
        stack.enter_context(ros_context([]))
        node = rclpy.create_node("base")
        stack.enter_context(spun(node))
        made = Stage(network, node, Base(node))
        stack.push_async_callback(made.close)
        made.start_camera()
        made.start_bridge()
        await made.start_browser()
        yield made
