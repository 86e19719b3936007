# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Watching while something breaks: what is waited for may be what is broken."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp

from support.leaks import held, held_at_rest
from support.waiting import until
from support.whep import WhepViewer, watching

Condition = Callable[[], object]


async def watch_and_leave(url: str, broken: Condition) -> None:
    """Watch until a picture comes or something breaks, and say good-bye."""
    async with (
        aiohttp.ClientSession() as session,
        watching_while(session, url, broken) as viewer,
    ):
        if viewer.resource:
            await session.delete(viewer.resource)


@asynccontextmanager
async def watching_while(session, url: str, broken: Condition) -> AsyncIterator[WhepViewer]:
    """Watch, from a picture or something that breaks to the end of the context.

    The viewer itself is not interrupted: aioice would leave a socket open.
    """
    viewer = WhepViewer(session, f"{url}whep/camera")
    try:
        response = await viewer.connect()
        if response.status == 201:
            await either(viewer.next_frame(), broken)
        else:
            assert broken(), viewer.answer
        yield viewer
    finally:
        await viewer.connection.close()


async def either(coroutine, broken: Condition) -> None:
    """Wait for something, or until something is broken; that may well be why it fails."""
    task = asyncio.ensure_future(coroutine)
    await until(lambda: task.done() or broken(), "what is waited for, or what is broken")
    task.cancel()
    (trouble,) = await asyncio.gather(task, return_exceptions=True)
    assert not isinstance(trouble, BaseException) or broken(), repr(trouble)


async def serves(url: str) -> None:
    async with watching(url) as viewer:
        await viewer.next_frame()
        await viewer.session.delete(viewer.resource)


async def held_for_nobody(bridge) -> dict[str, int]:
    """Count what the bridge holds when nobody watches any more."""
    for _ in range(2):
        await serves(bridge.url)
    await until(lambda: not (held(bridge)["tasks"] or held(bridge)["peers"]), "the end of all")
    return await held_at_rest(bridge)  # threads and encoders end after the tasks
