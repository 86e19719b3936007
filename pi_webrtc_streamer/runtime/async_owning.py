# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What belongs to an event loop is given back: an exit stack for what is released by waiting, and a
scope for what other people's code starts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from contextvars import ContextVar
from functools import partial
from types import TracebackType
from typing import Any, TypeVar
from weakref import WeakSet

from .owning import LONGEST_RELEASE, Report, Thing, log_failure, note_failure, take_onto, tell

Result = TypeVar("Result")


class AsyncOwned(AsyncExitStack):
    """An :class:`~.owning.Owned` for an event loop.

    A release that waits has a limit, and cancelling whoever waits for it does not cut it short.
    """

    def __init__(self, report: Report = log_failure) -> None:
        super().__init__()
        self._report = report

    def take(
        self, what: str, make: Callable[[], Thing], give_back: Callable[[Thing], object]
    ) -> Thing:
        """Make something, to be given back with the stack; ``what`` names it in the log."""
        return take_onto(self, self._report, what, make, give_back)

    def take_async(
        self,
        what: str,
        make: Callable[[], Thing],
        give_back: Callable[[Thing], Coroutine[Any, Any, object]],
    ) -> Thing:
        """Make something whose release waits, for :data:`~.owning.LONGEST_RELEASE` at most."""
        tell("taking", what)
        thing = make()
        release = partial(give_back, thing)
        self.push_async_exit(partial(_give_back, self._report, what, release))
        tell("taken", what)
        return thing


async def finish(coroutine: Coroutine[Any, Any, Result], limit: float) -> Result:
    """Run a coroutine to its end even if the caller is cancelled, who hears of that afterwards.

    :raises TimeoutError: if it has not ended after ``limit`` seconds; it is cancelled then.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(coroutine)
    deadline = loop.time() + limit
    cancelled: asyncio.CancelledError | None = None
    while not task.done() and (left := deadline - loop.time()) > 0:
        try:
            await asyncio.wait([task], timeout=left)
        except asyncio.CancelledError as error:
            cancelled = error
    if not task.done():
        task.cancel()
        raise TimeoutError(f"not done after {limit:g} s")
    if cancelled is not None:
        raise cancelled from task.exception()
    return task.result()


class Scope:
    """The tasks and sockets that code of others starts for somebody, ended with him.

    Whatever is started in the task that makes the scope, and in tasks started there, belongs to it:
    aiortc and aioice leave some behind when they are cancelled half-way. Needs a
    :class:`ScopedLoop`.
    """

    def __init__(self) -> None:
        assert isinstance(asyncio.get_running_loop(), ScopedLoop)
        self._tasks: WeakSet[asyncio.Future[Any]] = WeakSet()
        self._transports: list[asyncio.BaseTransport] = []
        _current.set(self)

    def own_task(self, task: asyncio.Future[Any]) -> None:
        """Take note of a task that was started in it."""
        self._tasks.add(task)

    def own_transport(self, transport: asyncio.BaseTransport) -> None:
        """Take note of a socket that was opened in it."""
        self._transports.append(transport)

    async def close(self) -> None:
        """End all that is left of it.

        :raises RuntimeError: if there are tasks that do not end when they are cancelled.
        """
        for transport in self._transports:
            if isinstance(transport, (asyncio.DatagramTransport, asyncio.WriteTransport)):
                transport.abort()
        self._transports.clear()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LONGEST_RELEASE / 2
        await asyncio.sleep(0)  # in which the sockets are closed
        while left := self._left():  # the end of one may start another
            if loop.time() > deadline:
                raise RuntimeError(f"tasks that do not end: {', '.join(map(repr, left))}")
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=deadline - loop.time())
            await asyncio.sleep(0)

    def _left(self) -> list[asyncio.Future[Any]]:
        this = asyncio.current_task()
        return [task for task in self._tasks if not task.done() and task is not this]


_current: ContextVar[Scope | None] = ContextVar("scope", default=None)


class ScopedLoop(asyncio.SelectorEventLoop):
    """An event loop that tells a :class:`Scope` what is started within it."""

    def create_task(self, *arguments: Any, **options: Any) -> asyncio.Task[Any]:
        """Start a task."""
        task = super().create_task(*arguments, **options)
        if (scope := _current.get()) is not None:
            scope.own_task(task)
        return task

    async def create_datagram_endpoint(self, *arguments: Any, **options: Any) -> Any:
        """Open a UDP socket."""
        return _noted(await super().create_datagram_endpoint(*arguments, **options))

    async def create_connection(self, *arguments: Any, **options: Any) -> Any:
        """Open a TCP connection, as to a TURN server."""
        return _noted(await super().create_connection(*arguments, **options))


def _noted(made: tuple[Any, Any]) -> tuple[Any, Any]:
    if (scope := _current.get()) is not None:
        scope.own_transport(made[0])
    return made


async def _give_back(
    report: Report,
    what: str,
    release: Callable[[], Coroutine[Any, Any, object]],
    _kind: type[BaseException] | None,
    under_way: BaseException | None,
    _trace: TracebackType | None,
) -> None:
    try:
        await finish(release(), LONGEST_RELEASE)
        tell("given back", what)
    except asyncio.CancelledError as error:
        if isinstance(error.__cause__, Exception):
            note_failure(report, what, error.__cause__, error)
        raise
    except Exception as error:
        note_failure(report, what, error, under_way)
