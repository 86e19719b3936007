# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A driver's messages over a WebSocket, where UDP is blocked; the socket is somebody else's."""

from __future__ import annotations

import asyncio
import time
from asyncio import FIRST_COMPLETED
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import Any, Protocol

from ..runtime.async_owning import AsyncOwned
from ..runtime.rate_limit import RateLimit
from .sctp_guard import LARGEST_MESSAGE, MOST_A_SECOND


class Socket(Protocol):
    """A WebSocket, as far as drivers need one. Who closes it is whoever has opened it."""

    async def greet(self, session: str) -> None:
        """Tell the driver its session's name, before anything else is sent.

        :raises ConnectionError: if the socket is closed.
        """
        ...

    async def send(self, message: bytes) -> None:
        """Send a binary message.

        :raises ConnectionError: if the socket is closed.
        """
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return the binary messages that come, until the driver closes the socket."""
        ...

    @property
    def full(self) -> bool:
        """Whether some of what was sent still waits on this machine."""
        ...


class SocketLine:
    """A :class:`.controllers.Line` over a socket, for the length of :meth:`run`."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._limit = RateLimit(MOST_A_SECOND, MOST_A_SECOND)
        self._refused: Counter[str] = Counter()
        self._next: bytes | None = None
        self._waiting = asyncio.Event()  # for _next to be sent
        self._ended = asyncio.Event()
        self._running = False
        self.why_gone: str | None = None

    async def run(self, on_message: Callable[[bytes], object]) -> None:
        """Carry messages both ways until either side ends it."""
        ways = partial(self._read, on_message), self._write, self._ended.wait
        self._running = True
        async with AsyncOwned() as owned:
            tasks = [
                owned.take_async("a driver's socket", partial(self._task, way), _cancelled)
                for way in ways
            ]
            done, _ = await asyncio.wait(tasks, return_when=FIRST_COMPLETED)
            self._running = False
            for task in done:
                task.result()  # raises what went wrong

    @property
    def ready(self) -> bool:
        """Whether a message would go at once."""
        return self._running and self._next is None and not self._socket.full

    async def send(self, message: bytes) -> bool:
        """Send a message, in the task that :meth:`run` has for it; returns whether that is so."""
        if not self.ready:
            return False
        self._next = message
        self._waiting.set()
        return True

    def trouble(self, now: float) -> str | None:
        """Say why it should be ended: it never is, a socket that breaks ends by itself."""
        return None

    def end(self, why: str) -> None:
        """Make :meth:`run` return; the first reason holds."""
        self.why_gone = self.why_gone or why
        self._ended.set()

    def describe(self) -> dict[str, object]:
        """Return what ``/stats`` says of it; ``refused`` counts messages by the reason why."""
        return {"state": "websocket", "refused": dict(self._refused)}

    async def _read(self, on_message: Callable[[bytes], object]) -> None:
        async for message in self._socket:
            if not self._limit.allow(time.monotonic()):
                self._refused["too many messages"] += 1
            elif len(message) > LARGEST_MESSAGE:
                self._refused["too large a message"] += 1
            elif message:
                on_message(message)
        self.end("it closed its socket")

    async def _write(self) -> None:
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            if self._next is not None:
                await self._socket.send(self._next)
            self._next = None

    def _task(self, way: Callable[[], Coroutine[Any, Any, object]]) -> asyncio.Task[None]:
        return asyncio.create_task(self._go(way))

    async def _go(self, way: Callable[[], Coroutine[Any, Any, object]]) -> None:
        try:
            await way()
        except ConnectionError as error:
            self.end(f"its socket broke: {error}")


async def _cancelled(task: asyncio.Task[None]) -> None:
    """Cancel a task, and wait for its end."""
    task.cancel()
    await asyncio.wait([task])
