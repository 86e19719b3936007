# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is taken is given back: the exit stack that owns whatever must not be left behind.

It is contextlib's, with three rules on top:

* Taking a resource and noting its release are one step, :meth:`Owned.take`.
* A release that fails is logged with its trace, once, and counted; the others run all the same.
* Every step has a name, and an observer can be told of it: the tests break each one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack
from functools import partial
from types import TracebackType
from typing import Literal, TypeVar

from .faults import faults

logger = logging.getLogger(__name__)

LONGEST_RELEASE = 1.0  # seconds; the process has 2 to end

Thing = TypeVar("Thing")
Moment = Literal["taking", "taken", "given back"]
Report = Callable[[str, Exception], object]

# Is told of each step; what it raises is raised there. None but in tests.
observer: Callable[[Moment, str], object] | None = None


class ReleaseError(Exception):
    """Something could not be given back; that has been logged, and everything else was."""


def log_failure(what: str, error: Exception) -> None:
    """Log with its trace, and count, that a release failed."""
    faults.report(logger, f"{what} could not be given back", error)


class Owned(ExitStack):
    """Owns what was taken, and gives it back in reverse order, whatever happens.

    Closing it raises :class:`ReleaseError` if a release failed, unless something else is raised.
    """

    def __init__(self, report: Report = log_failure) -> None:
        super().__init__()
        self._report = report

    def take(
        self, what: str, make: Callable[[], Thing], give_back: Callable[[Thing], object]
    ) -> Thing:
        """Make something, to be given back with the stack; ``what`` names it in the log."""
        return take_onto(self, self._report, what, make, give_back)

    def enter(self, what: str, context: AbstractContextManager[Thing]) -> Thing:
        """Enter a context, to be left with the stack."""
        return self.take(what, context.__enter__, lambda _: context.__exit__(None, None, None))

    def at_end(self, what: str, release: Callable[[], object]) -> None:
        """Have something done when the stack is closed."""
        self.take(what, lambda: None, lambda _: release())


class OwnedByName:
    """Owns what belongs to things with names, each of which can go by itself; a context."""

    def __init__(self) -> None:
        self._stacks: dict[str, Owned] = {}

    def __enter__(self) -> OwnedByName:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def keep(self, name: str, owned: Owned) -> None:
        """Take over all that a stack owns."""
        self._stacks[name] = owned.pop_all()

    def give_back(self, name: str) -> None:
        """Give back what belongs to a thing; nothing if that is unknown.

        :raises ReleaseError: if some of it could not be.
        """
        if (stack := self._stacks.pop(name, None)) is not None:
            stack.close()

    def close(self) -> None:
        """Give everything back, the newest first.

        :raises ReleaseError: if some of it could not be.
        """
        failed: list[str] = []
        for name in reversed(list(self._stacks)):
            try:
                self.give_back(name)
            except ReleaseError:  # which has been logged
                failed.append(name)
        if failed:
            raise ReleaseError(f"{', '.join(failed)} could not be given back")


def take_onto(
    stack: ExitStack | AsyncExitStack,
    report: Report,
    what: str,
    make: Callable[[], Thing],
    give_back: Callable[[Thing], object],
) -> Thing:
    """Make something, to be given back with a stack of either kind."""
    tell("taking", what)
    thing = make()
    stack.push(partial(_give_back, report, what, partial(give_back, thing)))
    tell("taken", what)
    return thing


def tell(moment: Moment, what: str) -> None:
    """Tell the observer of a step."""
    if observer is not None:
        observer(moment, what)


def note_failure(
    report: Report, what: str, error: Exception, under_way: BaseException | None
) -> None:
    """Say that a release failed, unless a stack within has said so.

    :raises ReleaseError: unless there is something else to raise already.
    """
    if not isinstance(error, ReleaseError):
        report(what, error)
    if under_way is None:
        raise ReleaseError(f"{what} could not be given back") from None


def end_thread(thread: threading.Thread, limit: float = LONGEST_RELEASE) -> None:
    """Wait for a thread that has been told to end.

    :raises TimeoutError: if it has not ended after ``limit`` seconds.
    """
    thread.join(limit)
    if thread.is_alive():
        raise TimeoutError(f"the thread {thread.name} has not ended after {limit:g} s")


def _give_back(
    report: Report,
    what: str,
    release: Callable[[], object],
    _kind: type[BaseException] | None,
    under_way: BaseException | None,
    _trace: TracebackType | None,
) -> None:
    try:
        release()
        tell("given back", what)
    except Exception as error:
        note_failure(report, what, error, under_way)
