# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What waits for aioice to read it."""

import asyncio

from pi_webrtc_streamer.webrtc.datagrams import MOST_WAITING, DatagramQueue


async def test_datagrams_wait_up_to_a_number_and_empty_ones_do_not():
    queue = DatagramQueue()
    queue.put_nowait((b"", 1))
    assert queue.empty()
    for number in range(2 * MOST_WAITING):
        queue.put_nowait((b"%d" % number, 1))
    assert queue.qsize() == MOST_WAITING
    queue.put_nowait(None)
    assert queue.qsize() == MOST_WAITING + 1, "the end finds room"
    assert await asyncio.wait_for(queue.get(), 30) == (b"0", 1)
