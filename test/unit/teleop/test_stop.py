# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The stop."""

import pytest

from pi_webrtc_streamer.teleop.stop import QUIET, ResetRefused, StopLatch


def test_it_latches_and_names_the_first():
    latch = StopLatch()
    assert not latch.stopped
    latch.press("Ada", 0.0)
    latch.press("Bob", 1.0)
    assert latch.stopped
    assert latch.by == "Ada"
    latch.reset(1.0 + QUIET)
    assert not latch.stopped


def test_it_is_not_reset_while_it_is_pressed():
    latch = StopLatch()
    latch.press("Ada", 0.0)
    with pytest.raises(ResetRefused, match="pressed"):
        latch.reset(QUIET / 2)
    assert latch.stopped


def test_it_is_not_reset_while_an_input_is_held():
    latch = StopLatch()
    latch.press("Ada", 0.0)
    latch.note_input(5.0)
    with pytest.raises(ResetRefused, match="neutral"):
        latch.reset(5.0 + QUIET / 2)
    latch.reset(5.0 + QUIET)
    assert not latch.stopped
