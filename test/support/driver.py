# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A driver without a page: watches a camera, sends commands, and takes statuses."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial

import aiohttp

from pi_webrtc_streamer.teleop.messages import (
    NEUTRAL,
    Axes,
    Command,
    Flag,
    State,
    Status,
    parse_status,
)

from .control import Driver, connected
from .waiting import until
from .whep import SDP, WhepViewer, session_address, timestamps_seen, watching

ARM, HOLD = Flag.ARM, Flag.HOLD
FORWARD = Axes(forward=1.0)
INTERVAL = 1 / 30  # seconds


@dataclass
class PageDriver:
    """Sends what ``flags`` and ``axes`` say, 30 times a second, by the newest picture that came.

    ``changes`` are made to each command: to lie with.
    """

    send: Callable[[bytes], object]
    pictures: list[int]  # RTP timestamps of packets that have come
    resource: str = ""
    flags: Flag = Flag(0)  # noqa: RUF009
    axes: Axes = NEUTRAL
    changes: dict[str, object] = field(default_factory=dict)
    status: Status | None = None
    sequence: int = 0
    sending: bool = True

    def take(self, message: bytes) -> None:
        """Take a status."""
        self.status = parse_status(message)

    @property
    def picture(self) -> int:
        """The RTP timestamp of the newest picture that has come."""
        return self.pictures[-1] if self.pictures else 0

    def command(self) -> Command:
        """Return the next command."""
        self.sequence += 1
        status = self.status
        command = Command(
            self.sequence,
            self.flags,
            status.token if status else 0,
            status.heartbeat if status else 0,
            0,
            self.picture,
            self.axes,
        )
        return replace(command, **self.changes)

    def send_now(self, flags: Flag | None = None, axes: Axes | None = None) -> None:
        """Send a command, with other flags and axes from now on if they are given."""
        self.flags = self.flags if flags is None else flags
        self.axes = self.axes if axes is None else axes
        self.send(self.command().pack())

    async def run(self) -> None:
        """Send commands until it is cancelled."""
        while True:
            if self.sending:
                self.send_now()
            await asyncio.sleep(INTERVAL)

    async def reaches(self, state: State) -> Status:
        """Wait until the bridge says that this driver is in a state."""

        def reached() -> bool:
            return self.status is not None and self.status.state is state

        await until(reached, f"a driver that is {state}, but {self.status}")
        assert self.status is not None
        return self.status

    async def arm(self) -> Status:
        """Let everything go, and be armed."""
        self.send_now(Flag(0), NEUTRAL)
        await until(lambda: self.status is not None, "a status")
        await until(lambda: self.picture, "a picture")
        self.send_now(ARM)
        return await self.reaches(State.ARMED)

    async def drive(self, axes: Axes = FORWARD) -> Status:
        """Be armed, and hold an input."""
        await self.arm()
        self.send_now(ARM | HOLD, axes)
        return await self.reaches(State.DRIVING)


@asynccontextmanager
async def driving(
    url: str, query: str = "", headers: dict[str, str] | None = None, camera: str = "camera"
) -> AsyncIterator[PageDriver]:
    """Watch a camera and be connected for the length of a context, by WebRTC."""
    async with (
        watching(url, camera=camera, headers=headers) as viewer,
        aiohttp.ClientSession(headers=headers) as session,
    ):
        pictures = timestamps_seen(viewer)
        await viewer.next_frame()
        keep_up = asyncio.create_task(_keep_up(viewer))
        resource = ""

        async def answer(offer: str) -> str:
            nonlocal resource
            async with session.post(f"{url}teleop{query}", data=offer, headers=SDP) as response:
                text = await response.text()
                assert response.status == 201, text
                resource = session_address(response)
                return text

        try:
            async with connected(answer) as peer:
                driver = PageDriver(partial(_send_if_open, peer), pictures, resource)
                peer.channel.on("message", driver.take)
                async with _sending(driver):
                    yield driver
        finally:
            keep_up.cancel()


def _send_if_open(peer: Driver, message: bytes) -> None:
    if peer.channel.readyState == "open":
        peer.send(message)


@asynccontextmanager
async def driving_by_socket(url: str, query: str = "") -> AsyncIterator[PageDriver]:
    """The same by WebSocket."""
    async with (
        watching(url) as viewer,
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}teleop/socket{query}") as socket,
    ):
        pictures = timestamps_seen(viewer)
        await viewer.next_frame()
        greeting = await socket.receive_json()
        waiting: asyncio.Queue[bytes] = asyncio.Queue()
        driver = PageDriver(waiting.put_nowait, pictures, f"{url}teleop/{greeting['session']}")

        async def receive() -> None:
            async for message in socket:
                driver.take(message.data)

        async def send() -> None:
            while True:
                await socket.send_bytes(await waiting.get())

        tasks = [asyncio.create_task(each) for each in (receive(), send(), _keep_up(viewer))]
        try:
            async with _sending(driver):
                yield driver
        finally:
            for task in tasks:
                task.cancel()


@asynccontextmanager
async def _sending(driver: PageDriver) -> AsyncIterator[None]:
    task = asyncio.create_task(driver.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _keep_up(viewer: WhepViewer) -> None:
    """Take pictures as they come, so that aiortc does not keep them."""
    while True:
        await viewer.receiver.track.recv()
