"""What the process holds, in numbers."""

import asyncio
import socket
import threading

from pi_webrtc_streamer.media.frame import JpegFrame
from pi_webrtc_streamer.media.stages import StageTimes
from pi_webrtc_streamer.telemetry.counts import held_counts


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
