# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The camera node, on real ROS 2 Kilted and Python 3.13, with picamera2 on virtual cameras."""

from __future__ import annotations

import gc
import io
import itertools
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import virtcam
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from PIL import Image
from rcl_interfaces.srv import SetParameters
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage

from pi_webrtc_streamer.camera import capture, jpeg_encoder, picamera
from pi_webrtc_streamer.camera_node import CameraNode
from pi_webrtc_streamer.ros.process import owning, ros_context, spinning
from pi_webrtc_streamer.ros.qos import newest_only
from support.diagnostics import ERROR, OK, Monitor
from support.waiting import wait_for

BARS, LINES, PICTURE = "Virtual0", "Virtual1", "Virtual2"
TOPIC = "/camera/image_raw/compressed"


class Observer(Node):
    """Sees the camera node from outside: its pictures, its transitions, its parameters."""

    def __init__(self) -> None:
        super().__init__("observer")
        self.messages: list[CompressedImage] = []
        self._images: Any = None
        self._transitions = self.create_client(ChangeState, "/camera/change_state")
        self._parameters = self.create_client(SetParameters, "/camera/set_parameters")

    def look(self) -> None:
        self._images = self.create_subscription(
            CompressedImage, TOPIC, self.messages.append, newest_only()
        )

    def look_away(self) -> None:
        self.destroy_subscription(self._images)

    def next(self, count: int) -> list[CompressedImage]:
        """Return messages that came after this call."""
        self.messages.clear()
        wait_for(lambda: len(self.messages) >= count, f"{count} messages")
        return self.messages[:count]

    def change(self, *transitions: str) -> None:
        for label in transitions:
            request = ChangeState.Request(
                transition=Transition(id=getattr(Transition, f"TRANSITION_{label.upper()}"))
            )
            assert self._call(self._transitions, request).success, label

    def set(self, **values: object) -> list[tuple[bool, str]]:
        """Set parameters; returns whether that worked, and else why not."""
        names = {name: name.replace("__", ".") for name in values}
        parameters = [
            Parameter(names[name], value=value).to_parameter_msg() for name, value in values.items()
        ]
        response = self._call(self._parameters, SetParameters.Request(parameters=parameters))
        return [(result.successful, result.reason) for result in response.results]

    def _call(self, client: Any, request: Any) -> Any:
        wait_for(client.service_is_ready, client.srv_name)
        future = client.call_async(request)
        wait_for(future.done, client.srv_name)
        return future.result()


@pytest.fixture(scope="module", autouse=True)
def ros() -> Iterator[None]:
    with ros_context([]):
        yield


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A camera that fails is missed soon; and none fails beyond its test."""
    monkeypatch.setattr(picamera, "PATIENCE", 0.5)
    monkeypatch.setattr(capture, "RETRY_AFTER", 0.1)
    yield
    virtcam.stall(BARS, False)


@contextmanager
def camera_and_observer(**parameters: Any) -> Iterator[tuple[CameraNode, Observer]]:
    overrides = {
        "source": "picamera2",
        "camera": BARS,
        "width": 640,
        "height": 480,
        **{name.replace("__", "."): value for name, value in parameters.items()},
    }
    with ExitStack() as stack:
        observer = Observer()
        stack.callback(observer.destroy_node)
        node = CameraNode(overrides=overrides)
        stack.enter_context(owning([node]))
        stack.enter_context(spinning([node]))
        stack.enter_context(spinning([observer]))
        yield node, observer


def pictures_taken(node: CameraNode) -> int:
    """Return how many pictures the camera has delivered so far."""
    frames: int = node._source._device.frames
    return frames


def wait_for_pictures(node: CameraNode, count: int) -> None:
    before = pictures_taken(node)
    wait_for(lambda: pictures_taken(node) >= before + count, "the camera's pictures")


def stamp_of(message: CompressedImage) -> int:
    stamp = message.header.stamp
    return int(stamp.sec * 1_000_000_000 + stamp.nanosec)


def rate_of(messages: list[CompressedImage]) -> float:
    stamps = [stamp_of(message) for message in messages]
    return 1e9 / statistics.median(b - a for a, b in itertools.pairwise(stamps))


def opened_image(message: CompressedImage) -> Image.Image:
    return Image.open(io.BytesIO(message.data))


# ---- What is published


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1280, 720)])
def test_jpeg_images_are_published(width: int, height: int) -> None:
    with camera_and_observer(width=width, height=height) as (node, observer):
        observer.look()
        observer.change("configure", "activate")
        sensor: list[int] = []
        offset = time.time_ns() - time.monotonic_ns()  # from the sensor's clock
        node._source._device.pre_callback = lambda request: sensor.append(
            request.get_metadata()["SensorTimestamp"] + offset
        )
        wait_for_pictures(node, 3)
        messages = observer.next(10)
    for message in messages:
        assert message.format == "jpeg"
        assert message.header.frame_id == "camera_optical_frame"
        image = opened_image(message)
        assert (image.format, image.size) == ("JPEG", (width, height))
    # White at the left, black at the right: the bars, in full range.
    left, right = (image.getpixel((x, height // 2)) for x in (width // 16, width * 15 // 16))
    assert min(left) > 248
    assert max(right) < 8
    stamps = [stamp_of(message) for message in messages]
    assert all(earlier < later for earlier, later in itertools.pairwise(stamps))
    # Each stamp is one of the sensor's, but for how exactly the clocks are read.
    off = [min(abs(stamp - taken) for taken in sensor) for stamp in stamps]
    assert statistics.median(off) < 5_000_000


def test_nothing_is_encoded_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    encode = jpeg_encoder.encode_jpeg

    def counting(*arguments: Any, **how: Any) -> bytes:
        encoded.append(1)
        return encode(*arguments, **how)

    monkeypatch.setattr(jpeg_encoder, "encode_jpeg", counting)
    with camera_and_observer() as (node, observer):
        observer.change("configure", "activate")
        wait_for_pictures(node, 15)
        assert not encoded
        observer.look()
        assert observer.next(3)
        assert encoded
        observer.look_away()
        wait_for(lambda: node._images.get_subscription_count() == 0, "the subscriber to be gone")
        wait_for_pictures(node, 2)  # the one that was being encoded
        encoded.clear()
        wait_for_pictures(node, 15)
        assert not encoded


# ---- Lifecycle


def test_deactivate_stops_the_camera_and_activate_starts_it_again() -> None:
    with camera_and_observer() as (node, observer):
        observer.look()
        observer.change("configure", "activate")
        last = stamp_of(observer.next(3)[-1])
        observer.change("deactivate")
        assert not node._source._device.started
        stopped = pictures_taken(node)
        observer.change("activate")
        assert pictures_taken(node) >= stopped
        assert stamp_of(observer.next(3)[0]) > last


def test_configuring_again_and_again_leaves_nothing_behind() -> None:
    with camera_and_observer() as (_, observer):
        observer.look()

        def run_once() -> None:
            observer.change("configure", "activate")
            observer.next(2)
            observer.change("deactivate", "cleanup")

        for _ in range(3):  # until DDS and libcamera hold what they hold for good
            run_once()
        before = open_files()
        for _ in range(5):
            run_once()
        wait_for(lambda: open_files() <= before, f"no more than {before} open files")


def open_files() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def test_the_camera_is_free_after_cleanup() -> None:
    with camera_and_observer() as (_, observer):
        observer.change("configure", "activate", "deactivate", "cleanup")
        picamera.PicameraSource(BARS, 640, 480, 30.0, picamera.Geometry()).close()
        observer.change("configure")


# ---- Changes while running


def test_framerate_and_quality_change_while_running() -> None:
    with camera_and_observer(camera=PICTURE, framerate=30.0, jpeg_quality=90) as (_, observer):
        observer.look()
        observer.change("configure", "activate")
        before = observer.next(12)
        assert rate_of(before) == pytest.approx(30, rel=0.25)
        assert observer.set(framerate=10.0, jpeg_quality=20) == [(True, ""), (True, "")]
        observer.next(picamera.BUFFERS + 2)  # what was under way
        after = observer.next(6)
        assert rate_of(after) == pytest.approx(10, rel=0.25)
        assert len(after[-1].data) < len(before[-1].data) * 0.75


def test_a_changed_rate_survives_deactivating() -> None:
    with camera_and_observer(framerate=30.0) as (_, observer):
        observer.look()
        observer.change("configure")
        assert observer.set(framerate=10.0) == [(True, "")]
        observer.change("activate", "deactivate", "activate")
        assert rate_of(observer.next(8)) == pytest.approx(10, rel=0.25)


def test_controls_of_the_camera_are_parameters() -> None:
    with camera_and_observer() as (_, observer):
        observer.change("configure", "activate")
        assert observer.set(controls__FaceDetectMode=0) == [(True, "")]
        [(successful, reason)] = observer.set(controls__FaceDetectMode=9)
        assert not successful
        assert "takes 0 to 0" in reason


def test_a_control_that_the_camera_lacks_is_reported_and_not_fatal(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with camera_and_observer(controls__ExposureTime=5000) as (_, observer):
        observer.look()
        observer.change("configure", "activate")
        assert observer.next(2)
    assert "controls.ExposureTime is left out: this camera does not offer" in capfd.readouterr().err


# ---- Which source


def test_auto_takes_the_camera() -> None:
    with camera_and_observer(source="auto", camera="0") as (node, observer):
        observer.change("configure")
        assert node._source.description == "camera 0 (frames), 640x480"


def test_auto_without_that_camera_shows_the_pattern(capfd: pytest.CaptureFixture[str]) -> None:
    with camera_and_observer(source="auto", camera="9") as (_, observer):
        observer.look()
        observer.change("configure", "activate")
        assert opened_image(observer.next(1)[0]).size == (640, 480)
    said = capfd.readouterr().err
    assert (
        'showing the test pattern instead of a camera: camera "9" is not there; there are' in said
    )
    assert "source: test pattern, 640x480" in said


def test_picamera2_without_that_camera_does_not_configure(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with camera_and_observer(camera="9") as (node, observer):
        with pytest.raises(AssertionError, match="configure"):
            observer.change("configure")
        assert node.state_label == "unconfigured"
    assert 'camera "9" is not there; there are 0: Virtual' in capfd.readouterr().err


# ---- A camera that fails


def comes_back_after(
    fail: Callable[[CameraNode], object],
    mend: Callable[[], object],
    capfd: pytest.CaptureFixture[str],
) -> None:
    said: list[str] = []

    def has_said(text: str) -> bool:
        said.append(capfd.readouterr().err)
        return text in "".join(said)

    def wait_until_said(text: str) -> None:
        try:
            wait_for(lambda: has_said(text), f"{text!r} in the log")
        except AssertionError as error:
            raise AssertionError(f"{error}; it said:\n{''.join(said)}") from None

    with camera_and_observer() as (node, observer):
        observer.look()
        observer.change("configure", "activate")
        observer.next(2)
        fail(node)
        wait_until_said("has delivered no picture")
        mend()
        wait_until_said("capturing again: camera")
        assert len(observer.next(5)) == 5
        observer.change("deactivate", "cleanup", "configure")


def test_a_camera_that_stalls_is_brought_back(capfd: pytest.CaptureFixture[str]) -> None:
    comes_back_after(
        lambda node: virtcam.stall(BARS, True), lambda: virtcam.stall(BARS, False), capfd
    )


def test_a_camera_that_was_closed_underneath_is_brought_back(
    capfd: pytest.CaptureFixture[str],
) -> None:
    comes_back_after(lambda node: node._source._device.close(), lambda: None, capfd)


def test_a_camera_that_was_unplugged_is_brought_back(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cameras = virtcam.Picamera2.global_camera_info

    def unplug(node: CameraNode) -> None:
        monkeypatch.setattr(virtcam.Picamera2, "global_camera_info", staticmethod(list))
        virtcam.stall(BARS, True)

    def plug_in() -> None:
        virtcam.stall(BARS, False)
        monkeypatch.setattr(virtcam.Picamera2, "global_camera_info", staticmethod(cameras))

    comes_back_after(unplug, plug_in, capfd)


def test_a_stalled_camera_can_be_deactivated_and_cleaned_up() -> None:
    with camera_and_observer() as (node, observer):
        observer.change("configure", "activate")
        wait_for_pictures(node, 2)
        virtcam.stall(BARS, True)
        wait_for(lambda: node._source._job is not None, "the camera to be waited for")
        observer.change("deactivate", "cleanup")
        assert node.state_label == "unconfigured"


# ---- What the node says of it


def test_a_camera_that_stalls_is_an_error_on_diagnostics_until_it_goes_on() -> None:
    with camera_and_observer(diagnostic_period=0.2) as (_, observer), Monitor(observer) as monitor:
        observer.change("configure", "activate")
        monitor.wait_for("camera: capture", OK, " pictures/s")
        assert BARS in monitor.newest["camera: capture"].hardware_id
        virtcam.stall(BARS, True)
        monitor.wait_for("camera: capture", ERROR, "has delivered no picture for 0.5 s")
        virtcam.stall(BARS, False)
        values = monitor.wait_for("camera: capture", OK, " pictures/s")
        assert int(values["times opened again"]) >= 1


def test_geometry_changes_while_it_runs() -> None:
    """What the camera itself does of it takes another configuration of the camera."""
    with camera_and_observer() as (node, observer):
        observer.change("configure", "activate")
        observer.look()
        assert size_of(observer.next(1)[0]) == (640, 480)
        for values, size in [
            ({"crop": [0, 0, 320, 240], "output_width": 160}, (160, 120)),
            ({"rotation": 90}, (120, 160)),
            ({"crop": [0, 0, 0, 0], "output_width": 0, "rotation": 0, "flip": "both"}, (640, 480)),
        ]:
            assert all(done for done, _ in observer.set(**values))
            wait_for(
                lambda size=size: size_of(observer.next(1)[0]) == size,  # type: ignore[misc]
                f"pictures of {size}",
            )
        ((done, why),) = observer.set(crop=[600, 0, 320, 240])
        assert not done
        assert "reaches beyond the captured picture" in why
        observer.next(3)
        assert node.state_label == "active"


def size_of(message: CompressedImage) -> tuple[int, int]:
    """Return the width and height of a picture."""
    return Image.open(io.BytesIO(message.data)).size
