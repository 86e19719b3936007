# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of the bridge that change while it runs: for who comes, and for who watches."""

import threading

import aiohttp
import pytest
from rclpy.parameter import Parameter

from pi_webrtc_streamer.ros.lifecycle import TransitionCallbackReturn
from support.cameras import camera_state, get_json, get_stats
from support.nodes import Publisher, grey_jpeg, make_bridge, running
from support.waiting import until
from support.whep import WhepViewer, mean_luma, watching


def change(bridge, **changes) -> str:
    """Set parameters at once; returns why they are refused, "" if they are not."""
    parameters = [Parameter(name, value=value) for name, value in changes.items()]
    result = bridge.set_parameters_atomically(parameters)
    return "" if result.successful else result.reason


async def streams(bridge) -> list[dict]:
    return (await get_stats(bridge.url))["streams"].get("camera", [])


@pytest.mark.parametrize("codec", ["h264", "vp8"])
async def test_the_bitrate_changes_for_who_watches(node, codec):
    bridge = make_bridge(bitrate=1_000_000)
    with running(bridge), Publisher(node, grey_jpeg(640, 480)):
        async with watching(bridge.url, codec) as viewer:
            await viewer.next_frame()
            for bitrate in (3_000_000, 400_000):
                assert not change(bridge, bitrate=bitrate)

                async def has_it(bitrate=bitrate) -> bool:
                    return [each["bitrate"] for each in await streams(bridge)] == [bitrate]

                await eventually(has_it, f"{bitrate} bit/s")
                for _ in range(5):
                    await viewer.next_frame()


async def test_who_is_in_a_tier_that_is_no_more_is_moved(node):
    bridge = make_bridge(tiers=3)
    with running(bridge), Publisher(node, grey_jpeg(640, 480)):
        async with watching(bridge.url, "vp8") as viewer:
            await viewer.next_frame()
            for broadcast in bridge._bridge.viewers._viewers._broadcasts.values():
                for place in broadcast._places.values():
                    place.choice.tier = broadcast._tiers[2]  # as a weak link would have it
            await viewer.frame_with(lambda frame: frame.width == 160)
            assert not change(bridge, tiers=1)
            await viewer.frame_with(lambda frame: frame.width == 640)
            assert [each["tier"] for each in await streams(bridge)] == ["full"]
            assert not change(bridge, tiers=3)
            await viewer.next_frame()


async def test_limits_and_codecs_are_for_who_comes(node):
    bridge = make_bridge()
    with running(bridge), Publisher(node, grey_jpeg()):
        async with watching(bridge.url, "h264") as viewer, aiohttp.ClientSession() as session:
            await viewer.next_frame()
            assert not change(bridge, max_viewers=1)
            assert (await WhepViewer(session, f"{bridge.url}whep/camera").connect()).status == 503
            assert not change(bridge, max_viewers=2, codecs=["vp8"])
            async with watching(bridge.url) as other:
                await other.next_frame()
                assert sorted(each["codec"] for each in await streams(bridge)) == ["h264", "vp8"]
            await viewer.next_frame()


async def test_what_the_page_is_told_changes(node):
    bridge = make_bridge()
    with running(bridge):
        changes = {"stun_urls": ["stun:192.0.2.1:3478"], "stale_after": 0.5}
        assert not change(bridge, **changes)

        async def is_told() -> bool:
            _, body = await get_json(f"{bridge.url}cameras")
            return (body["ice_servers"], body["stale_after"]) == (
                [{"urls": changes["stun_urls"]}],
                0.5,
            )

        await eventually(is_told, "other settings")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"lowest_bitrate": 9_000_000}, "which is above bitrate"),
        ({"bitrate": 60_000}, "lowest_bitrate is 100000, which is above bitrate, 60000"),
        ({"bitrate": 10}, "bitrate out of range. Min: 50000"),
        ({"tiers": 9}, "tiers out of range. Min: 1, Max: 3"),
        ({"codecs": ["av1"]}, "name one or both of h264, vp8"),
        ({"stun_urls": ["example.org"]}, "is no ICE server"),
        ({"port": 1}, "port takes effect when the node is configured"),
    ],
)
async def test_what_cannot_be_is_refused_and_changes_nothing(node, changes, why):
    bridge = make_bridge()
    with running(bridge):
        before = bridge._bridge.settings
        assert why in change(bridge, max_viewers=7, **changes)
        assert bridge._bridge.settings is before
        assert bridge.get_parameter("max_viewers").value == 50


async def test_statistics_begin_and_end(node, capfd):
    bridge = make_bridge(statistics_interval=0.0)
    said: list[str] = []

    def lines() -> int:
        said.append(capfd.readouterr().err)
        return "".join(said).count("statistics seconds=")

    with running(bridge):
        assert lines() == 0
        assert not change(bridge, statistics_interval=0.05)
        await until(lambda: lines() >= 2, "lines of statistics")
        assert not change(bridge, statistics_interval=0.0)
        await get_json(f"{bridge.url}cameras")  # by then the loop has taken that in
        before = lines()
        await get_json(f"{bridge.url}cameras")
        assert lines() == before


def names(bridge) -> list[str]:
    return list(bridge._bridge.feeds)


async def test_cameras_come_and_go_and_the_others_do_not_notice(node, way):
    jpeg, grey = grey_jpeg(320, 240, luma=60), grey_jpeg(320, 240, luma=160)
    bridge = way.bridge(cameras=["front"], **{"rear.topic": "/eye"})
    with (
        running(bridge),
        way.publisher(node, jpeg, topic="/front/image_raw/compressed"),
        way.publisher(node, grey, topic="/eye"),
    ):
        async with watching(bridge.url, camera="front") as viewer:
            await viewer.next_frame()
            held = threads()
            for _ in range(3):
                assert not change(bridge, cameras=["rear", "front"])
                assert names(bridge) == ["rear", "front"]
                async with watching(bridge.url, camera="rear") as other:
                    await other.frame_with(lambda frame: abs(mean_luma(frame) - 160) < 8)
                    assert (await camera_state(bridge.url, "rear"))["way"] == way.name
                    assert not change(bridge, cameras=["front"])
                    ended = other.connection
                    await until(
                        lambda ended=ended: ended.connectionState != "connected", "who watched it"
                    )
                assert names(bridge) == ["front"]
                assert (await get_status(f"{bridge.url}cameras/rear/snapshot.jpg")) == 404
            await until(lambda: threads() == held, "the threads of before")
            assert viewer.connection.connectionState == "connected"
            await viewer.next_frame()
            assert len((await get_stats(bridge.url))["viewers"]) == 1


async def test_a_camera_that_is_added_before_anybody_watches(node):
    bridge = make_bridge(cameras=["front"])
    with running(bridge), Publisher(node, grey_jpeg(), topic="/eye"):
        assert not change(bridge, cameras=["front", "rear"])
        assert not change(bridge, **{"rear.topic": "/eye"})
        assert bridge._bridge.feeds["rear"].topic == "/eye"
        async with watching(bridge.url, camera="rear") as viewer:
            await viewer.next_frame()


async def test_cameras_change_while_it_is_inactive(node, way):
    bridge = make_bridge(cameras=["front"])
    with running(bridge, up=False):
        assert bridge.trigger_configure() == TransitionCallbackReturn.SUCCESS
        assert not change(bridge, cameras=["rear", "eye"])
        assert names(bridge) == ["rear", "eye"]
    bridge = way.bridge(cameras=["front"])
    with running(bridge), way.publisher(node, grey_jpeg(), topic="/rear/image_raw/compressed"):
        assert not change(bridge, cameras=["rear"])
        assert bridge.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
        assert bridge.trigger_activate() == TransitionCallbackReturn.SUCCESS
        async with watching(bridge.url, camera="rear") as viewer:
            await viewer.next_frame()
            assert (await camera_state(bridge.url, "rear"))["way"] == way.name


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"cameras": ["a b"]}, "a name is made of letters"),
        ({"cameras": []}, "cameras is empty"),
        ({"cameras": ["a", "a"]}, "each name may stand only once"),
        ({"camera.topic": "a topic"}, 'camera.topic is "a topic", which is no topic name'),
    ],
)
async def test_cameras_that_cannot_be_change_nothing(node, changes, why):
    bridge = make_bridge()
    with running(bridge):
        feed = bridge._bridge.feeds["camera"]
        assert why in change(bridge, **changes)
        assert bridge._bridge.feeds == {"camera": feed}


async def get_status(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status


def threads() -> list[str]:
    """Name the threads of cameras."""
    return sorted(
        thread.name
        for thread in threading.enumerate()
        if thread.name.startswith(("media-", "convert-", "direct-"))
    )


async def eventually(condition, what: str) -> None:
    """Wait until an awaited condition holds."""
    for _ in range(1000):
        if await condition():
            return
    raise AssertionError(f"waited in vain: {what}")
