# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A thread that reads what does not wait for whoever wants it, and keeps the newest."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from av.error import FFmpegError

from ..media.distributor import Mailbox
from ..runtime.owning import LONGEST_RELEASE, Owned, end_thread
from .source import SourceError

LONGEST_GOODBYE = 0.5  # seconds that a thread is given to end that may be left behind

Item = TypeVar("Item")


class ReadingEnded(Exception):
    """Nothing more is read; the text says why."""


@dataclass
class _Reading(Generic[Item]):
    """From one start to its stop: what its thread shares with others."""

    newest: Mailbox[Item] = field(default_factory=Mailbox)
    stopping: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    failure: str = "it has ended"


class NewestRead(Generic[Item]):
    """The newest item of those that a thread reads, from :meth:`start` to :meth:`stop`.

    ``read`` is called in the thread, yields items as they come, and is closed there. Where it
    yields None, there is no item yet; it goes on only if it is still wanted. What it waits for may
    take long if it is ``patient``: the thread may be left behind then, and ends by itself.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[], Generator[Item | None, None, None]],
        patient: bool = False,
    ) -> None:
        self._name = name
        self._read = read
        self._patient = patient
        self._reading: _Reading[Item] = _Reading()
        self._reading.ended.set()
        self._running = Owned()

    @property
    def ended(self) -> bool:
        """Whether no thread reads now."""
        return self._reading.ended.is_set()

    @property
    def overwritten(self) -> int:
        """How many items of this reading were replaced before somebody took them."""
        return self._reading.newest.overwritten

    def start(self) -> None:
        """Read from now on."""
        self._reading = reading = _Reading[Item]()
        thread = threading.Thread(target=self._run, args=(reading,), name=self._name, daemon=True)
        end = partial(_leave if self._patient else _end, reading, thread)
        self._running.take(f"the thread {self._name}", thread.start, lambda _: end())

    def stop(self) -> None:
        """Read no more; safe to call twice.

        :raises ReleaseError: if a thread hangs that is not patient, which is logged.
        """
        self._running.close()

    def wait(self, timeout: float) -> Item | None:
        """Take a newer item than the last one; None if there is none after ``timeout`` seconds.

        :raises ReadingEnded: if there will be none any more.
        """
        reading = self._reading
        item = reading.newest.wait(timeout)
        if item is None and reading.ended.is_set():
            raise ReadingEnded(reading.failure)
        return item

    def _run(self, reading: _Reading[Item]) -> None:
        try:
            with closing(self._read()) as items:
                for item in items:
                    if reading.stopping.is_set():
                        return
                    if item is not None:
                        reading.newest.put(item)
        except FFmpegError as error:
            reading.failure = error.strerror or str(error)
        except SourceError as error:
            reading.failure = str(error)
        finally:
            reading.ended.set()
            reading.newest.nudge()


def _end(reading: _Reading[Item], thread: threading.Thread, limit: float = LONGEST_RELEASE) -> None:
    reading.stopping.set()
    end_thread(thread, limit)


def _leave(reading: _Reading[Item], thread: threading.Thread) -> None:
    with suppress(TimeoutError):
        _end(reading, thread, LONGEST_GOODBYE)
