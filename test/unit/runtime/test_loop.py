# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The thread of an event loop ends, whatever hangs in it."""

import asyncio
import threading
import time

import pytest

from pi_webrtc_streamer.runtime import loop as loop_module
from pi_webrtc_streamer.runtime.faults import Faults
from pi_webrtc_streamer.runtime.loop import LoopThread


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "a loop"]


async def hang_when_closed():
    """A generator that is wound up with its loop, and never is."""
    try:
        yield
    finally:
        await asyncio.Event().wait()


async def begin(generator) -> None:
    await anext(generator)


@pytest.mark.parametrize("requests", [1, 5])
def test_what_hangs_while_it_is_wound_up_is_left(requests, caplog, monkeypatch):
    """However often a busy loop was told to stop meanwhile."""
    monkeypatch.setattr(loop_module, "LONGEST_RELEASE", 0.5)
    monkeypatch.setattr(loop_module, "faults", Faults())
    loop = LoopThread("a loop")
    generator = hang_when_closed()
    loop.run(begin(generator))
    loop.loop.call_soon_threadsafe(time.sleep, 0.1)
    for _ in range(requests - 1):
        loop.loop.call_soon_threadsafe(loop.loop.stop)
    loop.close()
    assert not threads()
    assert loop.loop.is_closed()
    assert "an event loop was not wound up" in caplog.text


def test_a_thread_in_which_nothing_hangs_ends_without_a_word(caplog):
    loop = LoopThread("a loop")
    loop.run(asyncio.sleep(0))
    loop.close()
    assert not threads()
    assert not caplog.records
