# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The bridge node: real DDS in, real WebRTC and HTTP out."""

import asyncio
import gc
import itertools
import re
import socket
import threading
from array import array
from contextlib import AsyncExitStack

import aiohttp
import pytest
from aiortc.rtp import RTCP_PSFB_FIR, RTCP_PSFB_PLI, RtcpPsfbPacket
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage

from pi_webrtc_streamer.camera import barcode
from pi_webrtc_streamer.camera_node import CameraNode
from pi_webrtc_streamer.media.frame import live_frames
from pi_webrtc_streamer.media.intake import Intake
from pi_webrtc_streamer.ros.cv_convert import to_bgr
from pi_webrtc_streamer.ros.lifecycle import TransitionCallbackReturn
from pi_webrtc_streamer.web.cameras import SNAPSHOT_TIMEOUT
from support.cameras import camera_state, get_json, goes, reaches
from support.nodes import TOPIC, Lifecycle, Publisher, grey_jpeg, make_bridge, running
from support.waiting import until, wait_for
from support.whep import mean_luma, watching


@pytest.mark.parametrize("codec", ["h264", "vp8"])
async def test_a_viewer_sees_what_the_camera_captured(node, way, codec):
    bridge = way.bridge()
    with running(CameraNode(overrides={"source": "pattern"}), bridge):
        async with watching(bridge.url, codec) as viewer:
            codes = []
            for _ in range(5):
                frame = await viewer.next_frame()
                assert (frame.width, frame.height) == (1280, 720)
                codes.append(barcode.read(frame.to_ndarray(format="gray")))
            assert codes == sorted(set(codes)), "the capture time moves on"
            assert {"h264": "H264/90000", "vp8": "VP8/90000"}[codec] in viewer.answer
            camera = await camera_state(bridge.url)
            assert (camera["state"], camera["viewers"]) == ("live", 1)
            assert (camera["width"], camera["height"]) == (1280, 720)
            assert camera["way"] == way.name


async def test_many_viewers_share_one_encoder(node, capfd):
    bridge = make_bridge()
    with running(bridge), Publisher(node, grey_jpeg()):
        async with (
            watching(bridge.url, "h264") as first,
            watching(bridge.url, "h264") as second,
            watching(bridge.url, "h264") as third,
        ):
            for viewer in (first, second, third):
                await viewer.next_frame()
            assert (await camera_state(bridge.url))["viewers"] == 3
    assert capfd.readouterr().err.count("libx264 opened") == 1


async def test_viewers_who_join_together_share_a_key_frame(node):
    bridge = make_bridge()
    with running(bridge), Publisher(node, grey_jpeg()):
        async with watching(bridge.url, "h264") as first:
            await first.next_frame()
            await asyncio.sleep(1)
            keyframes = first.keyframes_from_now_on()
            async with AsyncExitStack() as stack:
                for _ in range(4):
                    other = await stack.enter_async_context(watching(bridge.url, "h264"))
                    await other.next_frame()
                await first.next_frame()
            stamps = sorted(set(keyframes))
            assert stamps
            assert all(b - a >= 0.25 * 90_000 for a, b in itertools.pairwise(stamps))


async def test_without_a_viewer_nothing_is_asked_for(node, way):
    bridge = way.bridge()
    with running(bridge), way.publisher(node, grey_jpeg()) as publisher:

        def asked_for() -> tuple[bool, bool]:
            """Whether pictures are asked for over DDS, and directly."""
            outlet = publisher.outlet
            return node.count_subscribers(TOPIC) > 0, outlet is not None and outlet.wanted

        assert asked_for() == (False, False)
        assert (await camera_state(bridge.url))["state"] == "idle"
        for _ in range(2):
            async with watching(bridge.url) as viewer:
                await viewer.next_frame()
                assert asked_for() == (way.name == "dds", way.name != "dds")
                async with viewer.session.delete(viewer.resource) as response:
                    assert response.status == 200
            await until(lambda: asked_for() == (False, False), "nobody who asks")
        await until(lambda: live_frames() == 0, "no frame that is held")


async def test_rclpy_keeps_nothing_of_subscriptions_that_came_and_went(node):
    """A callback group remembers whatever was in it."""
    bridge = make_bridge()
    with running(bridge), Publisher(node, grey_jpeg()):
        remembered = set(bridge.default_callback_group.entities)
        for _ in range(3):
            async with watching(bridge.url) as viewer:
                await viewer.next_frame()
            await until(lambda: node.count_subscribers(TOPIC) == 0, "the end of the subscription")
        assert set(bridge.default_callback_group.entities) == remembered


@pytest.mark.parametrize(("fmt", "ssrc"), [(RTCP_PSFB_PLI, None), (RTCP_PSFB_FIR, 0)])
async def test_a_request_for_a_key_frame_is_answered(node, fmt, ssrc):
    """PLI names the stream in its header, FIR in its body."""
    bridge = make_bridge()
    with running(bridge), Publisher(node, grey_jpeg()):
        async with watching(bridge.url, "h264") as viewer:
            await viewer.next_frame()
            keyframes = viewer.keyframes_from_now_on()
            (media_ssrc,) = viewer.receiver._RTCRtpReceiver__remote_streams
            target = media_ssrc if ssrc is None else ssrc
            fci = b"" if fmt == RTCP_PSFB_PLI else media_ssrc.to_bytes(4, "big") + b"\1\0\0\0"
            packet = RtcpPsfbPacket(fmt=fmt, ssrc=1, media_ssrc=target, fci=fci)
            await viewer.receiver.transport._send_rtp(bytes(packet))
            await until(lambda: keyframes, "a key frame")


async def test_lost_packets_are_sent_again(node):
    """Every tenth packet is lost on the way in; NACKs bring them back, and pictures go on."""
    bridge = make_bridge()
    with running(bridge), Publisher(node, grey_jpeg(1280, 720)):
        async with watching(bridge.url, "h264") as viewer:
            await viewer.next_frame()
            handle = viewer.receiver._handle_rtp_packet
            (media_type,) = re.findall(r"m=video \d+ \S+ (\d+)", viewer.answer)
            counts = {"media": 0, "rtx": 0}

            async def lose(packet, arrival_time_ms):
                kind = "media" if packet.payload_type == int(media_type) else "rtx"
                counts[kind] += 1
                if kind == "rtx" or counts["media"] % 10:
                    await handle(packet, arrival_time_ms)

            viewer.receiver._handle_rtp_packet = lose
            for _ in range(60):
                await viewer.next_frame()
            assert counts["rtx"] > 0


def has_size(width: int, height: int):
    return lambda frame: (frame.width, frame.height) == (width, height)


def has_luma(luma: int):
    return lambda frame: abs(mean_luma(frame) - luma) < 8


async def test_a_picture_that_changes_size_goes_on(node, way):
    bridge = way.bridge()
    with running(bridge), way.publisher(node, grey_jpeg(640, 480)) as publisher:
        for codec in ("h264", "vp8"):
            async with watching(bridge.url, codec) as viewer:
                for width, height in [(640, 480), (641, 481), (320, 241), (1280, 720)]:
                    publisher.data = grey_jpeg(width, height)
                    await viewer.frame_with(has_size(width // 2 * 2, height // 2 * 2))
                assert (await camera_state(bridge.url))["way"] == way.name


async def test_bad_messages_are_named_and_good_ones_shown_again(node):
    bridge = make_bridge()
    good = grey_jpeg()
    with running(bridge), Publisher(node, good) as publisher:
        async with watching(bridge.url) as viewer:
            await viewer.next_frame()
            for data, image_format, why in [
                (good[: len(good) // 2], "jpeg", "cut short"),
                (b"no picture", "jpeg", "not a JPEG"),
                (b"", "jpeg", "holds no picture data"),
                (b"\0\0\0\1\x67\x42", "h264", "H.264 video"),
                (good[: len(good) // 2] + b"\xff\xd9", "jpeg", "damaged or cut short"),
            ]:
                publisher.data, publisher.format = data, image_format
                await reaches(bridge.url, "error", why)
                publisher.data, publisher.format = good, "jpeg"
                await reaches(bridge.url, "live")
                await viewer.next_frame()


async def test_a_topic_that_stops_and_comes_back(node, way):
    bridge = way.bridge()
    with running(bridge):
        async with watching(bridge.url) as viewer:
            camera = await reaches(bridge.url, "waiting")
            assert "Nobody publishes /camera/image_raw/compressed" in camera["reason"]
            for luma in (60, 160):
                with way.publisher(node, grey_jpeg(luma=luma)):
                    await viewer.frame_with(has_luma(luma))
                    assert (await reaches(bridge.url, "live"))["reason"] == ""
                    await goes(bridge.url, way.name)
                camera = await reaches(bridge.url, "stale")
                assert camera["age"] > 0.9


async def test_a_topic_of_another_type_is_named(node):
    bridge = make_bridge(camera__topic="/camera_info")
    publisher = node.create_publisher(CameraInfo, "/camera_info", 1)
    with running(bridge):
        await until(lambda: bridge._publisher_types("/camera_info"), "the publisher")
        camera = await camera_state(bridge.url)
        why = "/camera_info carries sensor_msgs/msg/CameraInfo; the bridge takes"
        assert why in camera["reason"]
    node.destroy_publisher(publisher)


async def test_snapshot_and_mjpeg_are_the_jpeg_as_it_came(node):
    bridge = make_bridge()
    with running(bridge), Publisher(node, grey_jpeg()) as publisher:
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{bridge.url}cameras/camera/snapshot.jpg") as response:
                assert response.content_type == "image/jpeg"
                assert await response.read() == publisher.data
                assert float(response.headers["X-Timestamp"]) > 1e9
            async with session.get(f"{bridge.url}cameras/camera/stream.mjpg") as response:
                assert response.content_type == "multipart/x-mixed-replace"
                parts = aiohttp.MultipartReader.from_response(response)
                for _ in range(3):
                    part = await parts.next()
                    assert await part.read() == publisher.data
        await until(lambda: node.count_subscribers(TOPIC) == 0, "the end of the subscription")


async def test_a_snapshot_of_a_slow_camera_is_waited_for():
    bridge = make_bridge()
    slower = SNAPSHOT_TIMEOUT + 0.3
    with running(bridge):
        feed = bridge._bridge.feeds["camera"]
        intake = Intake(feed, to_bgr)
        message = serialize_message(CompressedImage(data=array("B", grey_jpeg())))
        intake.take_compressed(message)
        await asyncio.sleep(slower)  # for it to have such a rhythm
        intake.take_compressed(message)
        snapshot = asyncio.create_task(get_bytes(f"{bridge.url}cameras/camera/snapshot.jpg"))
        await asyncio.sleep(slower)
        intake.take_compressed(message)
        assert await snapshot == grey_jpeg()


async def get_bytes(url: str) -> bytes:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return await response.read()


async def test_of_half_a_picture_http_shows_as_little_as_video(node):
    bridge = make_bridge()
    good = grey_jpeg()
    half = good[: len(good) // 2] + b"\xff\xd9"
    with running(bridge), Publisher(node, half) as publisher:
        status, body = await get_json(f"{bridge.url}cameras/camera/snapshot.jpg")
        assert status == 503
        assert "damaged or cut short" in body["error"]
        publisher.data = good
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{bridge.url}cameras/camera/stream.mjpg") as response,
        ):
            parts = aiohttp.MultipartReader.from_response(response)
            assert await (await parts.next()).read() == good
            publisher.data, sent = half, publisher.sent
            await until(lambda: publisher.sent > sent + 10, "some halves")
            publisher.data, sent = good, publisher.sent
            await until(lambda: publisher.sent > sent + 10, "some whole pictures")
            for _ in range(20):  # more than there were before the halves
                assert await (await parts.next()).read() == good


async def test_a_snapshot_without_a_camera_says_why():
    bridge = make_bridge()
    with running(bridge):
        status, body = await get_json(f"{bridge.url}cameras/camera/snapshot.jpg")
        assert status == 503
        assert "Nobody publishes" in body["error"]


async def test_several_cameras_are_told_apart(node, way):
    bridge = way.bridge(cameras=["front", "rear"], rear__topic="/other/compressed")
    with (
        running(bridge),
        way.publisher(node, grey_jpeg(luma=50), "/front/image_raw/compressed"),
        way.publisher(node, grey_jpeg(luma=200), "/other/compressed"),
    ):
        async with (
            watching(bridge.url, camera="front") as front,
            watching(bridge.url, camera="rear") as rear,
        ):
            assert abs(mean_luma(await front.next_frame()) - 50) < 8
            assert abs(mean_luma(await rear.next_frame()) - 200) < 8
            for name in ("front", "rear"):
                assert (await camera_state(bridge.url, name))["way"] == way.name


async def test_the_bridge_says_when_it_is_inactive(node):
    bridge = make_bridge()
    with running(bridge, up=False), Publisher(node, grey_jpeg()):
        lifecycle = Lifecycle(node, "bridge")
        assert await asyncio.to_thread(lifecycle.change, Lifecycle.CONFIGURE)
        assert await get_json(f"{bridge.url}health") == (
            503,
            {"status": "inactive", "cameras": {"camera": "inactive"}, "warnings": []},
        )
        status, body = await get_json(f"{bridge.url}cameras/camera/snapshot.jpg")
        assert status == 503
        assert "ros2 lifecycle set /bridge activate" in body["error"]
        for _ in range(2):
            assert await asyncio.to_thread(lifecycle.change, Lifecycle.ACTIVATE)
            assert (await get_json(f"{bridge.url}health"))[0] == 200
            async with watching(bridge.url) as viewer:
                await viewer.next_frame()
                assert await asyncio.to_thread(lifecycle.change, Lifecycle.DEACTIVATE)
                await until(
                    lambda: viewer.connection.connectionState in ("closed", "failed"),
                    "the end of the viewer",
                )
        assert await asyncio.to_thread(lifecycle.change, Lifecycle.CLEANUP)
        with pytest.raises(aiohttp.ClientConnectorError):
            await get_json(f"{bridge.url}health")


def test_cleaning_up_leaves_nothing():
    def held() -> tuple[int, int]:
        gc.collect()
        return threading.active_count(), live_frames()

    bridge = make_bridge()
    before = held()
    for _ in range(3):
        assert bridge.bring_up()
        assert threading.active_count() > before[0]
        assert bridge.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
        assert bridge.trigger_cleanup() == TransitionCallbackReturn.SUCCESS
        wait_for(lambda: held() == before, f"the counts of before, {before}")
    bridge.destroy_node()


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ({"host": "192.0.2.99"}, 'host "192.0.2.99" is no address of this machine'),
        ({"host": "no such host"}, 'cannot listen on host "no such host"'),
        ({"port": 70000}, "port is 70000; it must be from 0 to 65535"),
        ({"cameras": ["front camera"]}, 'cameras has "front camera"; a name is made of letters'),
        ({"cameras": ["a", "a"]}, "each name may stand only once"),
        ({"codecs": ["av1"]}, "name one or both of h264, vp8"),
        ({"stun_urls": ["example.org"]}, '"example.org" is no ICE server; write stun:host:port'),
        (
            {"camra.topic": "/x", "strict_parameters": True},
            'unknown parameter "camra.topic": did you mean "camera.topic"',
        ),
        ({"camera.topic": "a topic"}, 'camera.topic is "a topic"'),
    ],
)
def test_bad_parameters_are_named_and_leave_nothing(capfd, parameters, why):
    threads = threading.active_count()
    bridge = make_bridge(**parameters)
    try:
        assert bridge.trigger_configure() == TransitionCallbackReturn.FAILURE
        assert bridge.state_label == "unconfigured"
    finally:
        bridge.destroy_node()
    assert re.search(why, capfd.readouterr().err)
    assert threading.active_count() == threads


def test_a_port_in_use_is_named_and_can_be_had_when_it_is_free(capfd):
    bridge = make_bridge()
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        bridge = make_bridge(port=port)
        assert bridge.trigger_configure() == TransitionCallbackReturn.FAILURE
        why = f"port {port} on 127.0.0.1 is in use by another program"
        assert why in capfd.readouterr().err
    assert bridge.trigger_configure() == TransitionCallbackReturn.SUCCESS
    assert bridge.url == f"http://127.0.0.1:{port}/"
    bridge.trigger_cleanup()
    bridge.destroy_node()
