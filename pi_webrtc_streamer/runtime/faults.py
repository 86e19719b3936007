# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Exceptions that nobody has foreseen: logged once with their trace, counted, and survived."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import format_exception
from types import TracebackType
from typing import Protocol

MOST_KINDS = 100  # of faults that are told apart; the one that was new first is forgotten first


class Logger(Protocol):
    """What takes an error: Python's loggers, and ROS's."""

    def error(self, message: str, /) -> object:
        """Log a message as an error."""
        ...


class Faults:
    """Counts the exceptions that were caught where none should have come; from any thread.

    Those of one type that are raised in one place are one kind. The first of a kind is logged with
    its trace; of the others every tenth, then every hundredth and so on, in one line.
    """

    def __init__(self) -> None:
        self.total = 0
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._change = threading.Lock()

    def report(self, logger: Logger, what: str, error: BaseException) -> None:
        """Count an exception, and log it if it is new; ``what`` says what has failed."""
        count = self._count(_kind(error))
        if count == 1:
            trace = "".join(format_exception(error))
            logger.error(f"{what}: {error!r}\n{trace}")
        elif count == 10 ** (len(str(count)) - 1):
            logger.error(f"{what}: {error!r} ({count} times so far; the trace is further up)")

    def _count(self, kind: str) -> int:
        with self._change:
            self.total += 1
            count = self._counts[kind] = self._counts.get(kind, 0) + 1
            if len(self._counts) > MOST_KINDS:
                self._counts.popitem(last=False)
            return count


def _kind(error: BaseException) -> str:
    place = _innermost(error.__traceback__)
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else ""
    return f"{type(error).__name__} at {where}"


def _innermost(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace


# Those of the whole process: threads and what the interpreter itself calls belong to no node.
faults = Faults()


@contextmanager
def reporting_uncaught(logger: Logger) -> Iterator[None]:
    """Report, for the length of a context, what ends a thread, and what Python cannot raise."""

    def on_thread(raised: threading.ExceptHookArgs) -> None:
        name = raised.thread.name if raised.thread is not None else "unknown"
        if raised.exc_value is not None and raised.exc_type is not SystemExit:
            faults.report(logger, f"the thread {name} has ended", raised.exc_value)

    def on_unraisable(raised: sys.UnraisableHookArgs) -> None:
        if raised.exc_value is not None:
            what = raised.err_msg or "an exception was ignored"
            faults.report(logger, f"{what}: {raised.object!r}", raised.exc_value)

    before = threading.excepthook, sys.unraisablehook
    threading.excepthook, sys.unraisablehook = on_thread, on_unraisable
    try:
        yield
    finally:
        threading.excepthook, sys.unraisablehook = before
