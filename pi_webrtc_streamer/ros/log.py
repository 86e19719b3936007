# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Python's logging, into a ROS node's log: the parts that know nothing of ROS log with it."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from rclpy.impl.rcutils_logger import RcutilsLogger

from .repetition import RepetitionLimit

MOST_ALIKE = 10  # messages from one place in the code
IN_SECONDS = 10.0
CONTINUED = "\n    "  # a message's further lines: no message begins so
# A request of 30 kB that is no HTTP would be 60 kB of log, with its trace.
LONGEST_LINE = 500  # characters
MOST_LINES = 100
# What comes from outside, a path or an encoding's name, must not begin a line of its own, nor
# command the terminal in which somebody reads the log.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if code != 0x0A}


# The node that is at work, where several are in one process and share their modules' loggers.
_at_work: ContextVar[str] = ContextVar("node at work", default="")


class _Kind(NamedTuple):
    """What messages have in common that are summed up."""

    logger: str
    level: int
    place: tuple[str, int]
    error: str


class RosLogHandler(logging.Handler):
    """Passes log records on to a node's logger, but few of many that are alike, and none that
    another node is at work for (:func:`working_for`).

    What was held back is said with the first message after :data:`IN_SECONDS`, whatever it is
    about, or when the handler is closed.
    """

    def __init__(self, logger: RcutilsLogger, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._logger = logger
        self._clock = clock
        self._limit = RepetitionLimit(MOST_ALIKE, IN_SECONDS)
        self.setFormatter(_Formatter())

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record at the nearest ROS severity."""
        if _at_work.get() not in ("", self._logger.name):
            return
        now = self._clock()
        self._sum_up(now)
        if self._limit.admit(_kind(record), now):
            self._log(record.levelno, self.format(record))

    def close(self) -> None:
        """Say what was held back; safe to call twice."""
        self.acquire()
        try:
            self._sum_up(math.inf)
        finally:
            self.release()
        super().close()

    def _sum_up(self, now: float) -> None:
        for kind, count in self._limit.ended(now).items():
            assert isinstance(kind, _Kind)
            file, line = kind.place
            self._log(kind.level, f"{count} more messages like those from {file}:{line}")

    def _log(self, level: int, message: str) -> None:
        # rclpy knows a call by its line, and each line by one severity.
        if level >= logging.ERROR:
            self._logger.error(message)
        elif level >= logging.WARNING:
            self._logger.warning(message)
        elif level >= logging.INFO:
            self._logger.info(message)
        else:
            self._logger.debug(message)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Return the message and its trace, in which an error's text may be from outside, too."""
        lines = super().format(record).translate(_CONTROLS).split("\n")
        if len(lines) > MOST_LINES:
            # What happened stands at the beginning, and at the end of a trace.
            half = MOST_LINES // 2
            lines[half:-half] = [f"... ({len(lines) - 2 * half} lines more)"]
        return CONTINUED.join(map(_shortened, lines))


def _shortened(line: str) -> str:
    if len(line) <= LONGEST_LINE:
        return line
    return f"{line[:LONGEST_LINE]}... ({len(line) - LONGEST_LINE} characters more)"


def _kind(record: logging.LogRecord) -> _Kind:
    error = record.exc_info[0] if record.exc_info else None
    return _Kind(
        record.name,
        record.levelno,
        (record.filename, record.lineno),
        error.__name__ if error is not None else "",
    )


@contextmanager
def working_for(logger: RcutilsLogger) -> Iterator[None]:
    """Let what is logged in this context, and in threads that copy it, be this node's."""
    token = _at_work.set(logger.name)
    try:
        yield
    finally:
        _at_work.reset(token)


@contextmanager
def logging_to(logger: RcutilsLogger, levels: dict[str, int]) -> Iterator[None]:
    """Send what these Python loggers say, from these levels up, to a node's log."""
    handler = RosLogHandler(logger)
    for name, level in levels.items():
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).setLevel(level)
        logging.getLogger(name).propagate = False
    try:
        yield
    finally:
        for name in levels:
            logging.getLogger(name).removeHandler(handler)
            logging.getLogger(name).propagate = True
        handler.close()
