# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Questions behind pictures, between two of aioice's connections."""

import time
from contextlib import asynccontextmanager

from pi_webrtc_streamer.link.rate_control import LinkEstimate
from pi_webrtc_streamer.webrtc.following import Following
from pi_webrtc_streamer.webrtc.path import Path
from support.ice import connected
from support.waiting import until


@asynccontextmanager
async def following():
    """Yield a flight, who follows it, the times of further questions, and who answers them."""
    asked: list[float] = []
    link = LinkEstimate(1_000_000)
    async with connected() as (connection, other):
        path = Path(connection)
        follower = Following(path, link, asked.append)
        try:
            yield link.flight, follower, asked, other
        finally:
            follower.close()
            follower.close()
            path.close()


async def test_an_answer_says_that_a_picture_has_passed():
    async with following() as (flight, follower, asked, _):
        follower.behind(1000, time.monotonic(), twice=False)
        assert flight.under_way
        await until(lambda: not flight.under_way, "an answer")
        assert not asked


async def test_who_does_not_answer_is_asked_again_and_sent_nothing():
    async with following() as (flight, follower, asked, other):
        follower.behind(1000, time.monotonic(), twice=True)
        await until(lambda: not flight.under_way, "an answer")
        await other.close()
        follower.behind(1000, time.monotonic(), twice=False)
        await until(lambda: len(asked) >= 2, "two more questions")
        assert flight.full(time.monotonic())
