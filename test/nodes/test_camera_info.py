# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""CameraInfo with each picture, and set_camera_info, on real DDS."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, CompressedImage
from sensor_msgs.srv import SetCameraInfo

from pi_webrtc_streamer.camera.calibration import Calibration
from pi_webrtc_streamer.camera.calibration_file import load_calibration
from pi_webrtc_streamer.camera.camera_info import from_message, to_message
from pi_webrtc_streamer.camera_node import CameraNode
from pi_webrtc_streamer.ros.lifecycle import TransitionCallbackReturn
from pi_webrtc_streamer.ros.qos import newest_only
from support.nodes import TOPIC, client_of, running
from support.waiting import wait_for

FILE = Path(__file__).with_name("calibration.yaml")  # of 640x480
FRONT = {"width": 640, "height": 480, "camera_name": "front"}


@pytest.fixture(autouse=True)
def ros_home(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("ROS_HOME", str(tmp_path / "ros"))
    return tmp_path / "ros"


@pytest.fixture
def default_file(ros_home) -> Path:
    """Where the calibration of the camera "front" is kept, unless told otherwise."""
    return ros_home / "camera_info" / "front.yaml"


@pytest.fixture
def calibrated(default_file) -> Calibration:
    default_file.parent.mkdir(parents=True)
    shutil.copy(FILE, default_file)
    return load_calibration(FILE).calibration


def make_camera(**parameters) -> CameraNode:
    return CameraNode(overrides={"source": "pattern", **FRONT, **parameters})


class Watcher:
    """Sees what a camera publishes, and asks it for a new calibration."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.images: list[CompressedImage] = []
        self.infos: list[CameraInfo] = []
        node.create_subscription(CompressedImage, TOPIC, self.images.append, newest_only())
        node.create_subscription(
            CameraInfo, "/camera/camera_info", self.infos.append, newest_only()
        )

    def info(self) -> CameraInfo:
        """Return a message that was published after this call."""
        self.infos.clear()
        # The first one may have been under way.
        return wait_for(lambda: len(self.infos) > 1 and self.infos[-1], "camera_info")

    def seen(self) -> Calibration:
        return from_message(self.info())

    def commit(self, calibration: Calibration) -> SetCameraInfo.Response:
        """Do as cameracalibrator's button COMMIT does."""
        client = client_of(self._node, SetCameraInfo, "/camera/set_camera_info")
        request = SetCameraInfo.Request(camera_info=to_message(calibration))
        future = client.call_async(request)
        wait_for(future.done, "the answer of set_camera_info")
        self._node.destroy_client(client)
        return future.result()

    def set(self, **parameters) -> SetParametersResult:
        client = client_of(self._node, SetParametersAtomically, "/camera/set_parameters_atomically")
        messages = [Parameter(name, value=v).to_parameter_msg() for name, v in parameters.items()]
        future = client.call_async(SetParametersAtomically.Request(parameters=messages))
        wait_for(future.done, "the answer of set_parameters_atomically")
        self._node.destroy_client(client)
        return future.result().result


@pytest.fixture
def watcher(node) -> Iterator[Watcher]:
    return Watcher(node)


def test_without_a_calibration_it_is_the_size_and_zeros(watcher, default_file, capfd):
    with running(make_camera(output_width=320, rotation=90)):
        info = watcher.info()
        wait_for(lambda: watcher.images, "a picture")
    assert (info.width, info.height) == (240, 320)
    assert info.distortion_model == ""
    assert not any([*info.d, *info.k, *info.r, *info.p, info.binning_x, info.roi.width])
    assert info.header.frame_id == watcher.images[-1].header.frame_id == "camera_optical_frame"
    (line,) = re.findall(r".*uncalibrated.*", capfd.readouterr().err)
    assert "INFO" in line
    assert f"there is no calibration {default_file}; docs/calibration.md" in line


def test_each_picture_has_one_with_its_stamp(watcher, calibrated):
    with running(make_camera()):
        wait_for(lambda: len(watcher.images) > 5 and len(watcher.infos) > 5, "pictures")

        def stamps(messages) -> set[tuple[int, int]]:
            return {(m.header.stamp.sec, m.header.stamp.nanosec) for m in messages}

        # Best effort: some may be lost on their way.
        wait_for(lambda: len(stamps(watcher.images) & stamps(watcher.infos)) > 5, "pairs")
    assert from_message(watcher.infos[-1]) == calibrated


def test_a_new_calibration_counts_at_once_and_after_a_restart(watcher, default_file):
    new = replace(load_calibration(FILE).calibration, d=(0.3, 0.0, 0.001, 0.0, 0.0))
    with running(make_camera()):
        assert watcher.info().k[0] == 0
        answer = watcher.commit(new)
        assert (answer.success, answer.status_message) == (True, f"saved as {default_file}")
        assert watcher.seen() == new
    saved = load_calibration(default_file)
    assert (saved.camera_name, saved.calibration) == ("front", new)
    with running(make_camera()):
        assert watcher.seen() == new


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"width": 800, "height": 600}, "for pictures of 800x600, .* captured with 640x480"),
        ({"k": (float("nan"),) * 9}, "k holds a number that is not finite"),
        ({"k": (0.0,) * 9}, "k has a focal length of 0"),
        ({"d": (0.1,) * 3}, "d has 3 numbers; plumb_bob takes 4 or 5"),
        ({"distortion_model": ""}, "distortion_model is"),
        ({"r": (0.0,) * 9}, "is no rotation"),
        ({"k": (-500.0, 0.0, 320.0, 0.0, 500.0, 240.0, 0.0, 0.0, 1.0)}, "these are not mirrored"),
    ],
)
def test_nonsense_is_refused_and_nothing_changes(watcher, calibrated, default_file, change, why):
    before = default_file.read_bytes()
    with running(make_camera()):
        watcher.info()
        answer = watcher.commit(replace(calibrated, **change))
        assert not answer.success
        assert re.search(why, answer.status_message)
        assert watcher.seen() == calibrated
    assert default_file.read_bytes() == before


def test_what_is_no_calibration_is_not_replaced(watcher, calibrated, default_file):
    with running(make_camera()):
        watcher.info()
        default_file.write_text("robot: {wheels: 4}")
        answer = watcher.commit(calibrated)
        assert not answer.success
        assert "front.yaml cannot be used: " in answer.status_message
    assert default_file.read_text() == "robot: {wheels: 4}"


def test_what_cannot_be_saved_is_not_used(watcher, calibrated, tmp_path):
    name = f"{'x' * 250}.yaml"  # there is none, and it is too long for another one beside it
    with running(make_camera(camera_info_url=f"file://{tmp_path}/{name}")):
        watcher.info()
        answer = watcher.commit(calibrated)
        assert not answer.success
        assert "x.yaml cannot be written: " in answer.status_message
        assert watcher.info().k[0] == 0


def test_before_the_first_picture_nobody_can_say_what_fits(watcher, calibrated):
    camera = make_camera()
    with running(camera, up=False):
        assert camera.trigger_configure() == TransitionCallbackReturn.SUCCESS
        answer = watcher.commit(calibrated)
        assert not answer.success
        assert "no picture was captured yet" in answer.status_message
        assert camera.trigger_activate() == TransitionCallbackReturn.SUCCESS
        watcher.info()
        assert watcher.commit(calibrated).success


def test_a_calibration_of_captured_pictures_follows_what_is_done_to_them(watcher, calibrated):
    with running(make_camera(crop=[100, 40, 400, 400], output_width=200, rotation=90)):
        info = watcher.info()
    assert (info.width, info.height) == (200, 200)
    fx, cx = 500 / 2, (320 - 100 + 0.5) / 2 - 0.5
    fy, cy = 500 / 2, (240 - 40 + 0.5) / 2 - 0.5
    assert list(info.k) == [fy, 0, 199 - cy, 0, fx, cx, 0, 0, 1]
    assert list(info.d) == list(calibrated.d)


def test_a_calibration_of_published_pictures_is_taken_as_it_is(watcher, calibrated):
    with running(make_camera(width=1280, height=960, output_width=640, flip="both")):
        assert watcher.seen() == calibrated


def test_mirrored_pictures_are_calibrated_before_they_are_mirrored(watcher, calibrated):
    with running(make_camera(flip="horizontal")):
        info = watcher.info()
        assert list(info.k) == [-500, 0, 639 - 320, 0, 500, 240, 0, 0, 1]
        answer = watcher.commit(calibrated)  # as cameracalibrator makes it from mirrored pictures
        assert not answer.success
        assert "pictures are mirrored by the parameter flip" in answer.status_message
        assert watcher.seen() == from_message(info)


def test_one_that_fits_neither_is_not_used_and_said_once(watcher, calibrated, capfd):
    with running(make_camera(width=1280, height=720, output_width=320)):
        info = watcher.info()
        watcher.info()
    assert (info.width, info.height, info.k[0]) == (320, 180, 0)
    errors = capfd.readouterr().err
    assert errors.count("does not fit: it is for pictures of 640x480") == 1
    assert "captured with 1280x720 and published with 320x180" in errors


def test_another_cameras_name_is_said_once(watcher, calibrated, default_file, capfd):
    default_file.write_text(default_file.read_text().replace("front", "rear"))
    with running(make_camera()):
        assert watcher.seen() == calibrated
    errors = capfd.readouterr().err
    assert errors.count('is for the camera "rear", and this one is called "front": if it is') == 1


def test_the_nodes_name_is_the_cameras_unless_it_has_one(watcher, calibrated, default_file, capfd):
    default_file.rename(default_file.with_name("camera.yaml"))
    with running(make_camera(camera_name="")):
        assert watcher.seen() == calibrated
    assert 'is for the camera "front", and this one is called "camera"' in capfd.readouterr().err


def test_a_missing_file_elsewhere_warns_and_a_broken_one_is_refused(watcher, tmp_path, capfd):
    with running(make_camera(camera_info_url=f"file://{tmp_path}/nowhere.yaml")):
        assert watcher.info().k[0] == 0
    (line,) = re.findall(r".*uncalibrated.*", capfd.readouterr().err)
    assert "WARN" in line
    (tmp_path / "broken.yaml").write_text("image_width: wide")
    camera = make_camera(camera_info_url=f"file://{tmp_path}/broken.yaml")
    with running(camera, up=False):
        assert camera.trigger_configure() == TransitionCallbackReturn.FAILURE
        assert "camera_matrix has no list named data" in capfd.readouterr().err
        assert camera.count_services("/camera/set_camera_info") == 0


def test_another_url_takes_effect_while_the_node_runs(watcher, calibrated, tmp_path):
    other = tmp_path / "other.yaml"
    content = yaml.safe_load(FILE.read_text())
    content["distortion_coefficients"]["data"][0] = 0.7
    other.write_text(yaml.safe_dump(content))
    (tmp_path / "broken.yaml").write_text("a: [")
    camera = make_camera()
    with running(camera):
        assert watcher.info().d[0] == 0.1
        assert watcher.set(camera_info_url=f"file://{other}").successful
        assert watcher.info().d[0] == 0.7

        for url, why in [
            (f"file://{tmp_path}/broken.yaml", "is no YAML"),
            ("file:///${HOME}/x.yaml", "is unknown; known are"),
        ]:
            result = watcher.set(camera_info_url=url, jpeg_quality=10)
            assert not result.successful
            assert why in result.reason
        assert camera.get_parameter("camera_info_url").value == f"file://{other}"
        assert camera._settings.jpeg_quality == 85
        assert watcher.info().d[0] == 0.7

        assert watcher.set(camera_info_url=f"file://{tmp_path}/new.yaml").successful
        assert watcher.info().k[0] == 0
        assert watcher.commit(calibrated).success
        assert load_calibration(tmp_path / "new.yaml").calibration == calibrated
