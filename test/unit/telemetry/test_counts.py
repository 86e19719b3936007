# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the process holds, in numbers."""

import asyncio
import mmap
import socket
import threading

from pi_webrtc_streamer.media.frame import JpegFrame
from pi_webrtc_streamer.media.stages import StageTimes
from pi_webrtc_streamer.telemetry.counts import held_counts, resident_memory


def test_everything_that_is_held_is_counted():
    before = held_counts()
    frame = JpegFrame(memoryview(b""), StageTimes(0), 0, 0)
    thread_may_end = threading.Event()
    thread = threading.Thread(target=thread_may_end.wait)
    thread.start()
    with socket.socket():
        during = held_counts()
    thread_may_end.set()
    thread.join()
    grown = {name for name in before if during[name] == before[name] + 1}
    assert grown == {"frames", "threads", "descriptors", "sockets"}
    del frame
    assert held_counts() == before


async def test_tasks_are_those_of_a_loop():
    loop = asyncio.get_running_loop()
    before = held_counts(loop)["tasks"]
    task = asyncio.create_task(asyncio.sleep(0))
    assert held_counts(loop)["tasks"] == before + 1
    await task
    assert held_counts(loop)["tasks"] == before


def test_resident_memory_grows_with_what_is_used():
    with mmap.mmap(-1, 50_000_000) as pages:
        before = resident_memory()
        for place in range(0, len(pages), mmap.PAGESIZE):
            pages[place] = 1
        assert resident_memory() > before + 40_000_000
