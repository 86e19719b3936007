# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A crowd that behaves badly, against real processes: those who are served see every picture."""

import asyncio
import resource
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from bench.viewers import Crowd, crowd
from support.abuse import IN_A_ROW, make_offer, many_at_once, many_in_a_row
from support.cameras import get_json
from support.program import Program, free_port, node
from support.whep import SDP

# Of the pictures that the bridge received: an eighth was missing on two cores with a load of nine,
# while sessions came as fast as they were answered.
NEARLY_ALL = 0.75


@pytest.fixture(scope="module")
def bridge():
    """A bridge and a camera of 320x240 in processes of their own; returns program and address."""
    port = free_port()
    limits = ("request_timeout:=2.0", "connect_timeout:=2.0", "max_connecting:=8")
    size = ("source:=pattern", "width:=320", "height:=240")
    with (
        node("camera_node", *size) as camera,
        node("bridge_node", f"port:={port}", "max_connections_per_address:=180", *limits) as bridge,
    ):
        for program in (camera, bridge):
            program.wait_for_output("active")
        yield bridge, f"http://127.0.0.1:{port}/"


class Served:
    """Two viewers, and whether they were sent what the bridge received."""

    def __init__(self, viewers: Crowd, url: str) -> None:
        self._viewers = viewers
        self._url = url

    async def begin(self) -> None:
        self._seen = await asyncio.to_thread(self._count)
        self._received = await self._frames_received()

    async def check(self) -> None:
        received = await self._frames_received() - self._received
        seen = await asyncio.to_thread(self._count)
        for before, after in zip(self._seen, seen, strict=True):
            assert after - before >= NEARLY_ALL * received, f"{after - before} of {received}"

    def _count(self) -> list[int]:
        return [frames for count in self._viewers.count() for frames in count.frames]

    async def _frames_received(self) -> int:
        _, stats = await get_json(f"{self._url}stats")
        return stats["frames"]["camera"]["received"]


def held(program: Program) -> tuple[int, int]:
    """Return how many file descriptors and threads a process has."""
    process = Path(f"/proc/{program.process.pid}")
    return len(list((process / "fd").iterdir())), len(list((process / "task").iterdir()))


async def test_served_viewers_keep_their_pictures(bridge):
    program, url = bridge
    with crowd("whep", url) as viewers:
        await asyncio.to_thread(viewers.watch, 2)
        served = Served(viewers, url)
        await many_in_a_row(url, 12)  # whatever is made once is made now
        base = held(program)

        async def all_given_back() -> bool:
            _, stats = await get_json(f"{url}stats")
            descriptors, threads = held(program)
            return len(stats["viewers"]) == 2 and descriptors <= base[0] and threads <= base[1]

        async def settles(what: str) -> None:
            for _ in range(600):
                if await all_given_back():
                    return
                await asyncio.sleep(0.05)
            raise AssertionError(f"after {what}: {base}, then {held(program)}")

        await served.begin()
        answers = await many_at_once(url)
        await served.check()
        assert set(answers) <= {201, 429, 503, 0}, answers
        assert answers.count(201) >= 8
        await settles("many connections at once")

        await served.begin()
        await many_in_a_row(url, IN_A_ROW)
        await served.check()
        await settles("many connections in a row")
    log = program.output
    assert "Traceback" not in log
    assert len(log.splitlines()) < 150, log


async def test_a_process_without_file_descriptors_says_so_and_goes_on(bridge):
    program, url = bridge
    offer = await make_offer()
    host, port = url.split("/")[2].split(":")
    before = len(program.output.splitlines())
    with crowd("whep", url) as viewers:
        await asyncio.to_thread(viewers.watch, 1)
        served = Served(viewers, url)
        pid = program.process.pid
        most = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (held(program)[0] + 6, most[1]))
        try:
            await served.begin()
            async with AsyncExitStack() as stack:
                for _ in range(30):
                    _, writer = await asyncio.open_connection(host, int(port))
                    stack.callback(writer.close)
                await asyncio.to_thread(program.wait_for_output, "no connection can be accepted")
            assert await until_refused(url, offer) == (503, "the bridge has no room")
        finally:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, most)
        await served.check()
        await many_in_a_row(url, 4)
    assert len(program.output.splitlines()) - before < 60, program.output


async def until_refused(url: str, offer: str) -> tuple[int, str]:
    """Offer to watch, each time on a connection of its own, until that is refused; returns how."""
    for _ in range(50):
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{url}whep/camera", data=offer, headers=SDP) as response,
        ):
            if response.status != 201:
                return response.status, (await response.json())["error"].partition(":")[0]
    raise AssertionError("50 viewers were served without file descriptors")
