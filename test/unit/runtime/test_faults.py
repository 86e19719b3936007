# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Faults are counted, and logged once of each kind and then ever more seldom."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.runtime.faults import MOST_KINDS, Faults, reporting_uncaught


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def error(self, message: str) -> None:
        self.lines.append(message)


def raised(kind: type[Exception], text: str) -> Exception:
    try:
        raise kind(text)
    except Exception as error:
        return error


KINDS = [ValueError, KeyError, OSError]


@given(st.lists(st.sampled_from(KINDS), max_size=250))
def test_each_kind_is_logged_the_first_tenth_and_hundredth_time(script):
    faults, log = Faults(), Log()
    for number, kind in enumerate(script):
        faults.report(log, "it failed", raised(kind, f"number {number}"))
    assert faults.total == len(script)
    traces = [line for line in log.lines if "Traceback (most recent call last)" in line]
    assert len(traces) == len(set(script)), "the text of an error makes no other kind"
    again = sum(script.count(kind) >= times for kind in KINDS for times in (10, 100))
    assert len(log.lines) == len(traces) + again


def test_kinds_without_end_are_forgotten():
    faults, log = Faults(), Log()
    for number in range(3 * MOST_KINDS):
        kind = type(f"Error{number}", (Exception,), {})
        faults.report(log, "it failed", raised(kind, ""))
    assert faults.total == len(log.lines) == 3 * MOST_KINDS
    assert len(faults._counts) == MOST_KINDS


def test_what_was_never_raised_has_no_place_and_counts():
    faults, log = Faults(), Log()
    faults.report(log, "it failed", ValueError("made, not raised"))
    assert "made, not raised" in log.lines[0]


def test_a_thread_that_ends_itself_is_no_fault():
    log, hooks = Log(), threading.excepthook
    with reporting_uncaught(log):
        thread = threading.Thread(target=raise_exit)
        thread.start()
        thread.join()
    assert log.lines == []
    assert threading.excepthook is hooks


def raise_exit() -> None:
    raise SystemExit
