# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What fails around the nodes, and in them: pictures go on, and the log says what it was."""

import asyncio
import gc
import re
import signal
import threading
from contextlib import ExitStack

import pytest
import simplejpeg
from av.error import FFmpegError
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage

import pi_webrtc_streamer.camera.capture
from pi_webrtc_streamer.camera_node import CameraNode
from pi_webrtc_streamer.media.decoder import JpegDecoder
from pi_webrtc_streamer.media.encoder import X264Encoder
from pi_webrtc_streamer.ros.qos import newest_only
from pi_webrtc_streamer.runtime.faults import faults
from pi_webrtc_streamer.webrtc import path
from support.cameras import get_stats, reaches
from support.faults import forget_faults
from support.nodes import TOPIC, Publisher, client_of, grey_jpeg, make_bridge, running
from support.pictures import write_noise
from support.program import Program, free_port
from support.program import node as start_node
from support.waiting import until, wait_for
from support.whep import drain, mean_luma, watching


def start_camera(*parameters: str) -> Program:
    return start_node("camera_node", "source:=pattern", *parameters)


async def test_a_camera_process_that_is_killed_and_started_again():
    bridge = make_bridge()
    with ExitStack() as processes, running(bridge):
        camera = processes.enter_context(start_camera())
        async with watching(bridge.url, "h264") as viewer:
            await viewer.next_frame()
            (session,) = (await get_stats(bridge.url))["viewers"]
            camera.process.kill()
            camera.process.wait()
            # DDS may know the camera node still, or not yet: pictures come sooner directly.
            await reaches(bridge.url, "stale", "/camera/image_raw/compressed")
            await drain(viewer)
            processes.enter_context(start_camera())
            await viewer.next_frame()
            assert await reaches(bridge.url, "live")
            assert list((await get_stats(bridge.url))["viewers"]) == [session]


async def test_a_camera_that_is_unplugged_and_plugged_in_again(tmp_path):
    """The source is a URL, and what is unplugged the server behind it."""
    write_noise(tmp_path / "clip.avi")
    port = str(free_port())
    bridge = make_bridge()

    def start_server() -> Program:
        where = ["--bind", "127.0.0.1", "--directory", str(tmp_path)]
        return Program("python", "-m", "http.server", port, *where)

    with start_server() as server, running(bridge):
        server.wait_for_output("Serving HTTP")
        url = f"http://127.0.0.1:{port}/clip.avi"
        with start_node("camera_node", f"source:={url}") as camera:
            async with watching(bridge.url) as viewer:
                await viewer.next_frame()
                server.end(signal.SIGTERM)
                gone = await reaches(bridge.url, "stale", "Has the camera stopped?")
                assert "although it has a publisher" in gone["reason"]
                await asyncio.to_thread(camera.wait_for_output, "trying again")
                await asyncio.sleep(2)  # two attempts, which are not to be logged
                with start_server():
                    await asyncio.to_thread(camera.wait_for_output, "capturing again")
                    await reaches(bridge.url, "live")
                    await viewer.next_frame()
                assert camera.output.count("trying again") == 1, camera.output


async def test_a_picture_that_no_encoder_takes_is_made_to_fit(node):
    """libx264 takes no picture that is wider than 16384 pixels."""
    bridge = make_bridge(tiers=1)
    with running(bridge), Publisher(node, grey_jpeg(luma=60)) as publisher:
        async with watching(bridge.url, "h264") as viewer:
            await viewer.next_frame()
            publisher.data = grey_jpeg(17_000, 100, luma=160)
            frame = await viewer.frame_with(lambda frame: abs(mean_luma(frame) - 160) < 8)
            assert (frame.width, frame.height) == (8688, 52)
            camera = await reaches(bridge.url, "live")
            assert (camera["width"], camera["height"]) == (17_000, 100)
            assert (camera["stream_width"], camera["stream_height"]) == (8688, 52)


@pytest.mark.parametrize("error", [FFmpegError(5, "Input/output error"), RuntimeError("broken")])
async def test_an_encoder_that_raises_in_mid_stream_is_rebuilt(node, monkeypatch, capfd, error):
    """With a key frame: a decoder could not go on without. The other codec does not notice."""
    bridge = make_bridge(tiers=1)
    with running(bridge), Publisher(node, grey_jpeg()):
        async with watching(bridge.url, "h264") as viewer, watching(bridge.url, "vp8") as other:
            await viewer.next_frame()
            await other.next_frame()
            before = await encoder_counts(bridge.url)
            keyframes = viewer.keyframes_from_now_on()
            encode = X264Encoder.encode

            def fail_once(encoder, frame, keyframe):
                monkeypatch.setattr(X264Encoder, "encode", encode)
                raise error

            monkeypatch.setattr(X264Encoder, "encode", fail_once)
            await until(lambda: keyframes, "a key frame")
            await viewer.next_frame()
            await other.next_frame()
            after = await encoder_counts(bridge.url)
            assert after["h264"] == before["h264"] + 1
            assert after["vp8"] == before["vp8"] == 0
            assert (await reaches(bridge.url, "live"))["viewers"] == 2
            assert capfd.readouterr().err.count("libx264 opened") == 2


async def encoder_counts(url: str) -> dict[str, int]:
    streams = (await get_stats(url))["streams"]["camera"]
    return {stream["codec"]: stream["failed"] for stream in streams}


def fail(*_: object, **__: object) -> None:
    raise LookupError("on purpose")


async def fail_later() -> None:
    fail()


def in_a_message(bridge, monkeypatch) -> None:
    monkeypatch.setattr("pi_webrtc_streamer.media.intake.read_compressed_image", fail)


def in_the_media_thread(bridge, monkeypatch) -> None:
    monkeypatch.setattr(JpegDecoder, "decode", fail)


def in_sending(bridge, monkeypatch) -> None:
    monkeypatch.setattr(path.Path, "send", fail)


def in_a_timer(bridge, monkeypatch) -> None:
    bridge.create_timer(0.02, fail)


def in_a_guard_condition(bridge, monkeypatch) -> None:
    bridge.create_guard_condition(fail).trigger()


def in_a_service(bridge, monkeypatch) -> None:
    bridge.create_service(GetParameters, "fails", fail)
    bridge.create_client(GetParameters, "fails").call_async(GetParameters.Request())


def in_the_event_loop(bridge, monkeypatch) -> None:
    bridge._loop.loop.call_soon_threadsafe(fail)


def in_a_task(bridge, monkeypatch) -> None:
    asyncio.run_coroutine_threadsafe(forget_a_task(), bridge._loop.loop).result()


async def forget_a_task() -> None:
    task = asyncio.create_task(fail_later())
    await asyncio.wait([task])
    del task
    gc.collect()


def in_a_thread(bridge, monkeypatch) -> None:
    threading.Thread(target=fail).start()


def in_a_destructor(bridge, monkeypatch) -> None:
    class Broken:
        __del__ = fail

    Broken()


EVERYWHERE = [
    in_a_message,
    in_the_media_thread,
    in_sending,
    in_a_timer,
    in_a_guard_condition,
    in_a_service,
    in_the_event_loop,
    in_a_task,
    in_a_thread,
    in_a_destructor,
]


@pytest.mark.parametrize("break_it", EVERYWHERE, ids=lambda function: function.__name__)
async def test_what_a_callback_raises_is_logged_once_and_nothing_ends(
    node, monkeypatch, capfd, break_it
):
    forget_faults(monkeypatch)
    bridge = make_bridge()
    with running(bridge), Publisher(node, grey_jpeg()):
        async with watching(bridge.url, "h264") as viewer:
            await viewer.next_frame()
            with monkeypatch.context() as broken:
                break_it(bridge, broken)
                await until(lambda: faults.total, "a fault")
                repeats = break_it in (in_a_message, in_the_media_thread, in_sending, in_a_timer)
                await until(lambda: faults.total >= (3 if repeats else 1), "more of it")
            errors = (await get_stats(bridge.url))["errors"]
            assert errors >= (3 if repeats else 1)
            await drain(viewer)
            for _ in range(3):
                await viewer.next_frame()
            client = client_of(node, SetParameters, "/bridge/set_parameters")
            future = client.call_async(SetParameters.Request())
            await until(future.done, "an answer of the node's services")
            node.destroy_client(client)
    log = capfd.readouterr().err
    traces = re.findall(r"LookupError\('on purpose'\)\n *Traceback \(most recent call last\):", log)
    assert len(traces) == 1, log


async def test_a_parameter_that_cannot_be_set_is_refused_with_the_reason(node, monkeypatch, capfd):
    forget_faults(monkeypatch)
    camera = CameraNode(overrides={"source": "pattern"})
    with running(camera):
        monkeypatch.setattr(camera._source, "set_framerate", fail, raising=False)
        client = client_of(node, SetParameters, "/camera/set_parameters")
        change = Parameter("framerate", value=10.0).to_parameter_msg()
        future = client.call_async(SetParameters.Request(parameters=[change]))
        await until(future.done, "an answer")
        (result,) = future.result().results
        assert not result.successful
        assert "LookupError('on purpose'); the log says more" in result.reason
        node.destroy_client(client)
    assert capfd.readouterr().err.count("Traceback") == 1


def test_pictures_that_cannot_be_encoded_do_not_end_the_capture(node, monkeypatch, capfd):
    forget_faults(monkeypatch)
    monkeypatch.setattr(pi_webrtc_streamer.camera.capture, "RETRY_AFTER", 0.01)
    images: list[CompressedImage] = []
    subscription = node.create_subscription(CompressedImage, TOPIC, images.append, newest_only())
    with running(CameraNode(overrides={"source": "pattern"})):
        wait_for(lambda: images, "a picture")
        with monkeypatch.context() as broken:
            broken.setattr(simplejpeg, "encode_jpeg_yuv_planes", fail)
            wait_for(lambda: faults.total >= 3, "faults")
        images.clear()
        wait_for(lambda: images, "pictures again")
    node.destroy_subscription(subscription)
    assert capfd.readouterr().err.count("Traceback") == 1
