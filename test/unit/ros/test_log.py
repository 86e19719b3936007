# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Python's logging in a ROS log: few lines of many that are alike, and none that are forged."""

import logging
import re
import threading
from contextvars import copy_context

import pytest
import rclpy.logging

from pi_webrtc_streamer.ros.log import (
    IN_SECONDS,
    LONGEST_LINE,
    MOST_ALIKE,
    MOST_LINES,
    RosLogHandler,
    logging_to,
    working_for,
)


class Log:
    """Log records go through a handler to a real ROS logger; its lines are read back."""

    def __init__(self, capfd) -> None:
        self.now = 0.0
        self._capfd = capfd
        self._handler = RosLogHandler(rclpy.logging.get_logger("node"), lambda: self.now)
        self.logger = logging.getLogger("test_roslog")
        self.logger.addHandler(self._handler)
        self.logger.propagate = False

    def lines(self) -> list[str]:
        """Return the lines since they were last read, from their severity on."""
        return [
            re.sub(r" \[\d+\.\d+\]", "", line) for line in self._capfd.readouterr().err.splitlines()
        ]

    def close(self) -> None:
        self.logger.removeHandler(self._handler)
        self._handler.close()


@pytest.fixture
def log(capfd):
    log = Log(capfd)
    log.logger.setLevel(logging.INFO)
    yield log
    log.close()


def test_a_flood_is_summed_up_with_the_next_message_or_at_the_end(log):
    def flood() -> None:
        for number in range(1000):
            log.logger.warning("bad message %d", number)

    flood()
    assert log.lines() == [f"[WARN] [node]: bad message {number}" for number in range(MOST_ALIKE)]
    log.now = IN_SECONDS
    log.logger.info("something else")
    summary, other = log.lines()
    assert summary.startswith(f"[WARN] [node]: {1000 - MOST_ALIKE} more messages like those from")
    assert other == "[INFO] [node]: something else"
    flood()
    log.close()
    assert len(log.lines()) == MOST_ALIKE + 1


def test_messages_from_other_places_are_not_held_back(log):
    for _ in range(100):
        log.logger.warning("one")
    log.logger.warning("another")
    assert log.lines()[-1] == "[WARN] [node]: another"


def test_an_error_of_another_kind_from_the_same_place_is_said(log):
    for kind in [ValueError] * 100 + [KeyError]:
        try:
            raise kind
        except Exception:
            log.logger.exception("failed")
    assert log.lines()[-1] == "    KeyError"


@pytest.mark.parametrize("code", [0x00, 0x07, 0x08, 0x0A, 0x0D, 0x1B, 0x7F, 0x85, 0x9B])
def test_nobody_outside_begins_a_line_or_commands_the_terminal(log, code):
    log.logger.warning("GET %s failed", f"/a{chr(code)}[31m[ERROR] forged")
    first, *others = log.lines()
    assert first.startswith("[WARN] [node]: GET /a")
    assert all(line.startswith("    ") for line in others)
    assert all(character.isprintable() for line in [first, *others] for character in line)


def test_a_trace_begins_no_line_either(log):
    try:
        raise ValueError("a\n[ERROR] [node]: forged\x1b[31m")
    except ValueError:
        log.logger.exception("failed")
    first, *others = log.lines()
    assert first == "[ERROR] [node]: failed"
    assert all(line.startswith("    ") for line in others)
    assert others[-1] == "    [ERROR] [node]: forged\\x1b[31m"


def test_neither_a_long_line_nor_many_fill_the_log(log):
    log.logger.warning("begins %s ends", "x" * 100_000)
    (line,) = log.lines()
    assert len(line) < LONGEST_LINE + 100
    assert "begins x" in line
    log.logger.warning("%s", "\n".join(map(str, range(100_000))))
    lines = log.lines()
    assert len(lines) <= MOST_LINES + 1
    assert (lines[1], lines[-1]) == ("    1", "    99999")


def test_what_a_node_logs_is_not_said_by_another_one(capfd):
    """Two cameras of one process share the loggers of their modules."""
    front, rear = (rclpy.logging.get_logger(name) for name in ("front", "rear"))
    shared = logging.getLogger("test_roslog.shared")
    levels = {shared.name: logging.INFO}
    with logging_to(front, levels), logging_to(rear, levels):
        with working_for(rear):
            shared.info("from the rear")
            thread = threading.Thread(target=copy_context().run, args=(shared.info, "and again"))
            thread.start()
            thread.join()
        shared.info("from both")
    lines = [line.partition("] ")[2] for line in capfd.readouterr().err.splitlines()]
    said = [re.sub(r"\[[\d.]+\] ", "", line) for line in lines]
    assert said == [
        "[rear]: from the rear",
        "[rear]: and again",
        "[front]: from both",
        "[rear]: from both",
    ]
