# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""An asyncio event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from .async_owning import ScopedLoop
from .faults import faults
from .owning import LONGEST_RELEASE, Owned, end_thread

logger = logging.getLogger(__name__)

LONGEST_RUN = 10.0  # seconds that another thread waits for a coroutine

Result = TypeVar("Result")


class LoopThread:
    """Runs an event loop from construction to :meth:`close`."""

    def __init__(self, name: str) -> None:
        with Owned() as owned:
            self.loop = owned.take("an event loop", ScopedLoop, ScopedLoop.close)
            thread = threading.Thread(target=self._run, name=name, daemon=True)
            owned.take("an event loop's thread", thread.start, lambda _: self._end(thread))
            self._owned = owned.pop_all()

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine in the loop and wait, in the calling thread, for what it returns.

        :raises TimeoutError: if that takes longer than :data:`LONGEST_RUN`; it is cancelled then.
        """
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        try:
            return future.result(LONGEST_RUN)
        except concurrent.futures.TimeoutError as error:
            if not future.cancel():
                raise  # its own
            raise TimeoutError(f"{coroutine} took more than {LONGEST_RUN:g} s") from error

    def close(self) -> None:
        """Cancel what still runs, and end the thread; safe to call twice."""
        self._owned.close()

    def _end(self, thread: threading.Thread) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        end_thread(thread, 3 * LONGEST_RELEASE)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.set_exception_handler(_report)
        self.loop.run_forever()
        # What hangs is left. Nobody can say so from outside: a busy loop takes two requests to stop
        # for one.
        self.loop.call_later(2 * LONGEST_RELEASE, self.loop.stop)
        try:
            self.loop.run_until_complete(self._wind_up())
        except Exception as error:
            faults.report(logger, "an event loop was not wound up", error)

    async def _wind_up(self) -> None:
        if tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in tasks:
                task.cancel()
            _, deaf = await asyncio.wait(tasks, timeout=LONGEST_RELEASE)
            for each in deaf:
                logger.error("a task does not end: %r", each)
        await self.loop.shutdown_asyncgens()
        await self.loop.shutdown_default_executor()


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Take what a callback or a task raised that nobody waits for."""
    error = context.get("exception")
    if error is None:
        loop.default_exception_handler(context)
    else:
        faults.report(logging.getLogger("asyncio"), context["message"], error)
