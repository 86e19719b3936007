# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""One task for each peer, which answers its offer and owns all that it holds until its end."""

from __future__ import annotations

import asyncio
from asyncio import FIRST_COMPLETED
from collections import OrderedDict
from collections.abc import Callable, Collection, Coroutine
from typing import Any, Generic, TypeVar

from ..runtime.owning import LONGEST_RELEASE
from .errors import AnswerTimeout, TooManyViewers

MOST_GONE = 100  # peers of whom it is remembered why they went

Answer = TypeVar("Answer")
Own = Callable[["asyncio.Future[Answer]"], Coroutine[Any, Any, None]]


class Owners(Generic[Answer]):
    """Starts these tasks; lives in the event loop.

    Such a task sets the future that it is given when it has answered, and goes on. What it raises
    before that is for whoever has offered.
    """

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()

    async def answer(self, own: Own[Answer], timeout: float) -> Answer:
        """Start a task, and return its answer.

        :raises AnswerTimeout: if that takes longer than ``timeout``, in seconds.
        :raises TooManyViewers: if the task is cancelled before it has answered.
        """
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(own(answered))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        try:
            waited: list[asyncio.Future[Any]] = [answered, task]
            await asyncio.wait(waited, timeout=timeout, return_when=FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()  # nobody waits for the answer any more
            raise
        if not task.done() and not answered.done():
            task.cancel()
            await ended([task])
            raise AnswerTimeout(f"the offer was not answered in {timeout:g} s")
        if not answered.done():
            if task.cancelled():
                raise TooManyViewers("the bridge has been deactivated")
            task.result()  # raises what went wrong, now that everything is given back
        return answered.result()


class Gone:
    """Remembers for some time why peers went, by their names."""

    def __init__(self) -> None:
        self._why: OrderedDict[str, str] = OrderedDict()

    def note(self, name: str, why: str) -> None:
        """Take note that one has gone."""
        self._why[name] = why
        while len(self._why) > MOST_GONE:
            self._why.popitem(last=False)

    def why(self, name: str) -> str | None:
        """Say why one has gone; None if that is unknown."""
        return self._why.get(name)


async def ended(tasks: Collection[asyncio.Task[None]]) -> None:
    """Wait for tasks that were told to end; who does not is cancelled."""
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=LONGEST_RELEASE)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=LONGEST_RELEASE)
