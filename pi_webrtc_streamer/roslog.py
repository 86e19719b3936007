"""Python's logging, into a ROS node's log: the parts that know nothing of ROS log with it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rclpy.impl.rcutils_logger import RcutilsLogger


class RosLogHandler(logging.Handler):
    """Passes log records on to a node's logger."""

    def __init__(self, logger: RcutilsLogger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record at the nearest ROS severity."""
        message = self.format(record)
        # rclpy knows a call by its line, and each line by one severity.
        if record.levelno >= logging.ERROR:
            self._logger.error(message)
        elif record.levelno >= logging.WARNING:
            self._logger.warning(message)
        elif record.levelno >= logging.INFO:
            self._logger.info(message)
        else:
            self._logger.debug(message)


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
