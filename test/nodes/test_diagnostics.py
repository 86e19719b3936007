# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the nodes say of themselves on /diagnostics."""

import os
import signal

import av
import pytest
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage

from pi_webrtc_streamer.camera import opening
from pi_webrtc_streamer.camera.live_input import LiveInput
from pi_webrtc_streamer.camera.pattern import PatternSource
from pi_webrtc_streamer.camera.source import SourceError
from pi_webrtc_streamer.camera_node import CameraNode
from pi_webrtc_streamer.ros.qos import newest_only
from support.diagnostics import ERROR, OK, WARN, Monitor
from support.nodes import TOPIC, Lifecycle, running
from support.pictures import write_noise
from support.program import Program, free_port
from support.waiting import wait_for

CAMERA = "camera: capture"
OFTEN = {"diagnostic_period": 0.2}


@pytest.fixture
def monitor(node):
    with Monitor(node) as monitor:
        yield monitor


def make_camera(name: str = "camera", **parameters) -> CameraNode:
    size = {"width": 320, "height": 240}
    return CameraNode(name, overrides={"source": "pattern", **size, **OFTEN, **parameters})


def test_a_camera_in_every_state(node, monitor):
    camera = make_camera()
    with running(camera, up=False):
        values = monitor.wait_for(CAMERA, OK, "unconfigured")
        assert values["state"] == "unconfigured"
        lifecycle = Lifecycle(node, "camera")
        assert lifecycle.change(Lifecycle.CONFIGURE)
        monitor.wait_for(CAMERA, OK, "inactive")
        assert lifecycle.change(Lifecycle.ACTIVATE)
        values = monitor.wait_for(CAMERA, OK, " pictures/s")
        assert (values["width (pixels)"], values["height (pixels)"]) == ("320", "240")
        assert values["expected frequency (Hz)"] == "30"
        assert values["subscribers"] == "0"
        assert monitor.newest[CAMERA].hardware_id == "test pattern"
        assert lifecycle.change(Lifecycle.DEACTIVATE)
        monitor.wait_for(CAMERA, OK, "inactive")
        assert lifecycle.change(Lifecycle.SHUTDOWN["inactive"])
        wait_for(lambda: not node.count_publishers("/diagnostics"), "the end of the diagnostics")


def test_a_subscriber_is_counted_and_pictures_are_published(node, monitor):
    with running(make_camera()):
        subscription = node.create_subscription(CompressedImage, TOPIC, id, newest_only())
        wait_for(lambda: monitor.newest and monitor.values(CAMERA)["subscribers"] == "1", "one")
        node.destroy_subscription(subscription)
        values = monitor.values(CAMERA)
        assert float(values["least age when published (s)"]) >= 0
        wait_for(lambda: int(monitor.values(CAMERA)["published pictures"]) > 0, "pictures")


def test_a_device_that_is_not_there_is_named_until_it_is(monitor, big_buck_bunny):
    camera = make_camera(source="v4l2", camera="/dev/video99")
    with running(camera, up=False):
        assert not camera.bring_up()
        why = "cannot configure: there is no camera /dev/video99; there are "
        monitor.wait_for(CAMERA, ERROR, why)
        camera.set_parameters([Parameter("source", value=str(big_buck_bunny))])
        assert camera.bring_up()
        values = monitor.wait_for(CAMERA, OK, " pictures/s")
        assert values["expected frequency (Hz)"] == "25"
        assert monitor.newest[CAMERA].hardware_id == str(big_buck_bunny)


def test_a_device_that_does_not_start_is_an_error_until_it_does(monitor, monkeypatch):
    def refuse(source: PatternSource) -> None:
        raise SourceError("it does not start")

    camera = make_camera()
    with running(camera, up=False):
        with monkeypatch.context() as patch:
            patch.setattr(PatternSource, "start", refuse)
            assert not camera.bring_up()
        monitor.wait_for(CAMERA, ERROR, "cannot activate: it does not start")
        camera.trigger_activate()
        monitor.wait_for(CAMERA, OK, " pictures/s")
        camera.trigger_deactivate()
        monitor.wait_for(CAMERA, OK, "inactive")


def test_the_pattern_instead_of_a_camera_is_a_warning(monitor):
    with running(make_camera(source="auto", camera="/dev/video99")):
        text = "the test pattern is shown instead of a camera: there is no camera /dev/video99"
        monitor.wait_for(CAMERA, WARN, text)


def stand_for_devices(monkeypatch, graph: str) -> None:
    """Let FFmpeg's generator be what answers as a V4L2 device, whatever is asked of it."""

    def open_generator(device: str, width: int, height: int, framerate: float) -> LiveInput:
        return LiveInput(device, av.open(graph, format="lavfi"), "generator (bus 1)", framerate)

    monkeypatch.setattr(opening, "open_v4l2", open_generator)


def test_a_camera_that_is_too_slow(monitor, monkeypatch):
    stand_for_devices(monkeypatch, "testsrc=size=64x48:rate=10,realtime")
    with running(make_camera(source="v4l2", camera="/dev/video0")):
        values = monitor.wait_for(CAMERA, WARN, " pictures/s instead of 30: ")
        assert 8 < float(values["frequency (Hz)"]) < 12
        assert monitor.newest[CAMERA].hardware_id == "generator (bus 1)"


def test_a_camera_that_ends_is_opened_again(monitor, monkeypatch):
    stand_for_devices(monkeypatch, "testsrc=size=64x48:rate=30:duration=1,realtime")
    with running(make_camera(source="v4l2", camera="/dev/video0")):
        ended = "/dev/video0 cannot be read on: it has ended"
        values = monitor.wait_for(CAMERA, ERROR, f"{ended}; it is tried again every second")
        assert values["source state"] == "failed"
        wait_for(lambda: int(monitor.values(CAMERA)["times opened again"]) >= 1, "another one")
        assert monitor.values(CAMERA)["last failure"] == ended


def test_a_file_that_is_taken_away(monitor, tmp_path):
    clip = tmp_path / "clip.avi"
    write_noise(clip)
    with running(make_camera(source=str(clip))):
        monitor.wait_for(CAMERA, OK, " pictures/s")
        os.truncate(clip, 0)
        clip.unlink()
        monitor.wait_for(CAMERA, ERROR, f'there is no file "{clip}"')
        write_noise(clip)
        values = monitor.wait_for(CAMERA, OK, " pictures/s")
        assert int(values["times opened again"]) >= 1


def test_a_source_that_is_unplugged_and_plugged_in_again(monitor, tmp_path):
    """The source is a URL, with a password, and what is unplugged the server behind it."""
    write_noise(tmp_path / "clip.avi")
    port = free_port()

    def start_server() -> Program:
        where = ["--bind", "127.0.0.1", "--directory", str(tmp_path)]
        return Program("python", "-m", "http.server", str(port), *where)

    with start_server() as server:
        server.wait_for_output("Serving HTTP")
        url = f"http://127.0.0.1:{port}/clip.avi"
        with running(make_camera(source=url.replace("//", "//robot:secret@"))):
            monitor.wait_for(CAMERA, OK, " pictures/s")
            assert monitor.newest[CAMERA].hardware_id == url
            server.end(signal.SIGTERM)
            monitor.wait_for(
                CAMERA, ERROR, f'"{url}" cannot be opened as a video or picture: Connection'
            )
            with start_server():
                values = monitor.wait_for(CAMERA, OK, " pictures/s")
    assert url in values["last failure"]
    assert "secret" not in str(monitor.messages)


def test_a_node_in_a_namespace_is_called_by_it(monitor):
    arguments = ["-r", "__ns:=/robot1", "-p", "source:=pattern", "-p", "autostart:=true"]
    with Program("camera_node", "--ros-args", *arguments):
        monitor.wait_for("robot1/camera: capture", OK, " pictures/s")


def test_none_are_published_where_none_are_wanted(node, monitor):
    with running(make_camera("quiet", diagnostic_period=0.0), make_camera("camera")):
        monitor.wait_for(CAMERA, OK, " pictures/s")
        assert [info.node_name for info in node.get_publishers_info_by_topic("/diagnostics")] == [
            "camera"
        ]
        assert set(monitor.newest) == {CAMERA}


def test_a_period_that_cannot_be_is_refused_and_the_usual_one_is_kept(monitor, capfd):
    camera = make_camera(diagnostic_period=-1.0)
    with running(camera, up=False):
        assert not camera.bring_up()
        why = "diagnostic_period is -1; it must be from 0 to 86400"
        assert why in capfd.readouterr().err
        monitor.wait_for(CAMERA, ERROR, why)
