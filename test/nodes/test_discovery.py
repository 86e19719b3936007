# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Cameras of other nodes come onto the page by themselves, and go."""

from rclpy.parameter import Parameter

from pi_webrtc_streamer.media import discovery
from pi_webrtc_streamer.ros.lifecycle import TransitionCallbackReturn
from support.cameras import get_json
from support.nodes import ImagePublisher, Publisher, grey_jpeg, make_bridge, running
from support.raw_images import halves, message
from support.waiting import until
from support.whep import watching


def names(bridge) -> list[str]:
    return list(bridge._bridge.feeds)


def topic(bridge, name: str) -> str:
    return bridge._bridge.feeds[name].topic if name in names(bridge) else ""


async def test_cameras_of_others_come_and_go(remote, monkeypatch):
    monkeypatch.setattr(discovery, "GONE_AFTER", 0.0)
    bridge = make_bridge(discover="always")
    grey = message(halves("bgr8", 320, 240, (30, 30, 30), (90, 90, 90)))
    with running(bridge):
        assert names(bridge) == ["camera"]
        with (
            Publisher(remote, grey_jpeg(), topic="/eye/image_raw/compressed"),
            ImagePublisher(remote, grey, topic="/usb_cam/image_raw"),
        ):
            await until(lambda: sorted(names(bridge)) == ["camera", "eye", "usb_cam"], "both")
            for name in ("eye", "usb_cam"):
                assert remote.count_subscribers(topic(bridge, name)) == 0
                async with watching(bridge.url, camera=name) as viewer:
                    await viewer.next_frame()
            _, body = await get_json(f"{bridge.url}cameras")
            assert body["cameras"][0]["name"] == "camera", "what was asked for comes first"
        await until(lambda: names(bridge) == ["camera"], "the end of both")


async def test_only_what_matches_and_only_while_it_is_asked_for(remote):
    bridge = make_bridge(discover="always", topic_patterns=["/robot1/.*"])
    with (
        running(bridge),
        Publisher(remote, grey_jpeg(), topic="/robot1/eye/compressed"),
        Publisher(remote, grey_jpeg(), topic="/robot2/eye/compressed"),
    ):
        await until(lambda: names(bridge) == ["camera", "eye"], "the one that matches")
        assert topic(bridge, "eye") == "/robot1/eye/compressed"
        (result,) = bridge.set_parameters([Parameter("topic_patterns", value=["/robot2/.*"])])
        assert result.successful
        await until(lambda: topic(bridge, "eye") == "/robot2/eye/compressed", "the other one")
        (result,) = bridge.set_parameters([Parameter("topic_patterns", value=["("])])
        assert not result.successful
        assert 'topic_patterns has "(", which is no regular expression' in result.reason
        assert bridge.set_parameters([Parameter("discover", value="never")])[0].successful
        await until(lambda: names(bridge) == ["camera"], "the end of it")


async def test_it_is_forgotten_with_the_active_bridge(remote):
    bridge = make_bridge(discover="always")
    with running(bridge), Publisher(remote, grey_jpeg(), topic="/eye/compressed"):
        for _ in range(2):
            await until(lambda: names(bridge) == ["camera", "eye"], "the camera")
            assert bridge.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
            assert names(bridge) == ["camera"]
            assert bridge.trigger_activate() == TransitionCallbackReturn.SUCCESS


def test_by_itself_only_for_this_machine_and_where_no_cameras_are_named(node):
    for given, expected in [
        ({}, True),
        ({"host": "0.0.0.0"}, False),
        ({"cameras": ["front"]}, False),
        ({"discover": "always", "host": "0.0.0.0"}, True),
        ({"discover": "never"}, False),
    ]:
        bridge = make_bridge(**{"discover": "auto", "auth": "open", **given})
        with running(bridge):
            assert bridge._bridge.settings.discovers is expected
