# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures that wait for what was sent before them, between two of aioice's connections."""

import time
from contextlib import asynccontextmanager

from pi_webrtc_streamer.link.hold import Hold
from pi_webrtc_streamer.link.passage import PATIENCE, Passage
from pi_webrtc_streamer.media.codec import AccessUnit
from pi_webrtc_streamer.media.stages import StageTimes
from pi_webrtc_streamer.webrtc.path import Path
from support.ice import connected
from support.waiting import until

BITS = 1000
PICTURES = [AccessUnit((b"",), number, False, 0, StageTimes(0, 0, 0)) for number in range(3)]


@asynccontextmanager
async def holding():
    """Yield a hold, what it has released, and the connection of who answers."""
    released = []
    async with connected() as (connection, other):
        path = Path(connection)
        try:
            yield Hold(path, Passage(), lambda *what: released.append(what)), released, other
        finally:
            path.close()
            assert not path.asked_since(0)


async def test_pictures_wait_until_the_key_frame_has_arrived():
    async with holding() as (hold, released, _):
        now = time.monotonic()
        assert not hold.keeps(PICTURES[0], now)
        assert hold.before(now)
        hold.behind(BITS, now)
        for picture in PICTURES:
            assert hold.keeps(picture, now)
        await until(lambda: released, "a release")
        assert released == [(PICTURES, None, True)]
        assert not hold.keeps(PICTURES[0], now)
        assert not hold.before(now), "the link is wide"


async def test_pictures_wait_until_a_link_is_drained():
    async with holding() as (hold, released, _):
        now = time.monotonic()
        hold.drain(now)
        assert hold.keeps(PICTURES[0], now)
        await until(lambda: released, "a release")
        assert released == [(PICTURES[:1], None, True)]
        assert hold.before(now)


async def test_nobody_waits_for_ever():
    async with holding() as (hold, released, other):
        await other.close()
        now = time.monotonic()
        hold.before(now)
        hold.behind(BITS, now)
        assert hold.keeps(PICTURES[0], now)
        assert not hold.keeps(PICTURES[1], now + PATIENCE)
        assert released == [(PICTURES[:1], None, False)]
        assert not hold.keeps(PICTURES[2], now + PATIENCE)
        assert len(released) == 1
