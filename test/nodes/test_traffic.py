# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What /stats counts of viewers only grows, whoever comes and goes."""

import asyncio

from support.cameras import get_stats
from support.nodes import Publisher, grey_jpeg, make_bridge, running
from support.whep import watching


async def traffic(url: str) -> dict[str, int]:
    """Return what viewers of H.264 were sent."""
    return (await get_stats(url))["traffic"]["camera"]["h264"]


async def encoded(url: str) -> int:
    """Return how many pictures the one stream that is open has had."""
    (stream,) = (await get_stats(url))["streams"]["camera"]
    return stream["encoded"]


async def test_who_goes_takes_no_counts_along(node):
    bridge = make_bridge()
    with running(bridge), Publisher(node, grey_jpeg()):
        assert (await get_stats(bridge.url))["traffic"] == {}, "nobody has watched"
        async with watching(bridge.url, "h264") as viewer:
            for _ in range(10):
                await viewer.next_frame()
            first, pictures = await traffic(bridge.url), await encoded(bridge.url)
            assert first["packets"] >= first["frames"] >= 10 <= pictures
            assert first["bytes"] > first["packets"]
            assert 0 <= first["lost"] <= first["packets"]
            async with viewer.session.delete(viewer.resource) as response:
                assert response.status == 200
        gone = await traffic(bridge.url)
        assert all(gone[name] >= count for name, count in first.items())
        async with watching(bridge.url, "h264") as viewer:
            await viewer.next_frame()
            assert await encoded(bridge.url) > pictures
            again = await traffic(bridge.url)
            assert all(again[name] >= count for name, count in gone.items())
            assert again["frames"] > gone["frames"]
        assert (await get_stats(bridge.url))["traffic"]["camera"]["vp8"]["frames"] == 0


async def test_what_a_receiver_misses_is_counted(node):
    bridge = make_bridge()
    with running(bridge), Publisher(node, grey_jpeg()):
        async with watching(bridge.url, "h264") as viewer:
            await viewer.next_frame()
            handle = viewer.receiver._handle_rtp_packet

            async def lose_some(packet, arrival_time_ms):
                if packet.sequence_number % 5:
                    await handle(packet, arrival_time_ms)

            viewer.receiver._handle_rtp_packet = lose_some

            for _ in range(600):
                if (await traffic(bridge.url))["lost"]:
                    break
                await asyncio.sleep(0.05)
            else:
                raise AssertionError("nothing was counted as lost")
