# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The camera node on real DDS."""

import io
import os
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial

import numpy as np
import PIL.Image
import pytest
import simplejpeg
from cv_bridge import CvBridge
from rcl_interfaces.srv import DescribeParameters
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from pi_webrtc_streamer.camera import barcode, jpeg_encoder
from pi_webrtc_streamer.camera.uncompressed import Uncompressor
from pi_webrtc_streamer.camera_node import CameraNode
from pi_webrtc_streamer.direct.inlet import Inlet
from pi_webrtc_streamer.direct.messages import socket_name
from pi_webrtc_streamer.media.distributor import Mailbox
from pi_webrtc_streamer.media.feed import CameraFeed
from pi_webrtc_streamer.media.frame import PlanarFrame
from pi_webrtc_streamer.ros.lifecycle import TransitionCallbackReturn
from support.nodes import TOPIC, Lifecycle, SimulatedTime, client_of, running
from support.streams import Numbered, Response, http, multipart
from support.waiting import wait_for
from support.ways import taking

BEST_EFFORT = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


def make_camera(**parameters) -> CameraNode:
    overrides = {key.replace("__", "."): value for key, value in parameters.items()}
    return CameraNode(overrides={"source": "pattern", **overrides})


@pytest.fixture
def images(node):
    """All pictures that arrive while the fixture lives."""
    messages: list[CompressedImage] = []
    subscription = node.create_subscription(CompressedImage, TOPIC, messages.append, BEST_EFFORT)
    yield messages
    node.destroy_subscription(subscription)


def test_pictures_arrive_with_their_time(images):
    with running(make_camera(width=640, height=480)):
        wait_for(lambda: len(images) >= 3, "three pictures")
    for message in images:
        assert message.format == "jpeg"
        assert message.header.frame_id == "camera_optical_frame"
        image = simplejpeg.decode_jpeg(bytes(message.data), "GRAY")[:, :, 0]
        assert image.shape == (480, 640)
        stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        assert barcode.read(image) == stamp // 1_000_000 % 2**32


def test_a_real_video_is_published(images, big_buck_bunny):
    with running(make_camera(source=str(big_buck_bunny), output_width=320)):
        wait_for(lambda: images, "a picture")
    image = simplejpeg.decode_jpeg(bytes(images[0].data), "RGB")
    assert image.shape == (180, 320, 3)
    assert image.std() > 10


def test_quality_of_service_is_best_effort_and_can_be_overridden(node):
    with running(make_camera()):
        (info,) = wait_for(lambda: node.get_publishers_info_by_topic(TOPIC), "the publisher")
        assert info.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    wait_for(lambda: not node.get_publishers_info_by_topic(TOPIC), "its end")
    override = {f"qos_overrides.{TOPIC}.publisher.reliability": "reliable"}
    with running(CameraNode(overrides={"source": "pattern", **override})):
        (info,) = wait_for(lambda: node.get_publishers_info_by_topic(TOPIC), "the publisher")
        assert info.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    wait_for(lambda: not node.get_publishers_info_by_topic(TOPIC), "its end")
    with running(make_camera()):
        (info,) = wait_for(lambda: node.get_publishers_info_by_topic(TOPIC), "the publisher")
        assert info.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT, "that was for one"


def test_nothing_is_encoded_for_nobody(node, monkeypatch):
    encoded = []
    encode = jpeg_encoder.encode_jpeg

    def counting(picture, quality):
        encoded.append(picture.stamp)
        return encode(picture, quality)

    monkeypatch.setattr(jpeg_encoder, "encode_jpeg", counting)
    infos: list[CameraInfo] = []
    camera = make_camera()
    node.create_subscription(CameraInfo, "/camera/camera_info", infos.append, BEST_EFFORT)
    with running(camera):
        wait_for(lambda: len(infos) >= 5, "five pictures' camera_info")
        assert encoded == []
        subscription = node.create_subscription(CompressedImage, TOPIC, [].append, BEST_EFFORT)
        wait_for(lambda: encoded, "encoding, once somebody subscribes")
        node.destroy_subscription(subscription)


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "mono8"])
def test_uncompressed_pictures_are_the_same(node, images, encoding):
    bridge = CvBridge()
    raw: list[Image] = []
    node.create_subscription(Image, "/camera/image_raw", raw.append, BEST_EFFORT)

    def pair() -> tuple[CompressedImage, Image] | None:
        stamps = {str(image.header): image for image in images}
        found = [image for image in raw if str(image.header) in stamps]
        return (stamps[str(found[-1].header)], found[-1]) if found else None

    with running(make_camera(output_encoding=encoding, output_width=320, rotation=90)):
        compressed, uncompressed = wait_for(pair, "a picture both ways")
    assert (uncompressed.width, uncompressed.height) == (180, 320)
    assert uncompressed.encoding == encoding
    one = bridge.compressed_imgmsg_to_cv2(compressed, "rgb8").astype(int)
    other = bridge.imgmsg_to_cv2(uncompressed, "rgb8")
    if encoding == "mono8":
        one, other = one @ [0.299, 0.587, 0.114], other.mean(2)
    assert np.abs(one - other).mean() < 5


def test_uncompressed_pictures_are_made_for_who_wants_them(node, monkeypatch):
    made = []
    make = Uncompressor.__call__
    monkeypatch.setattr(
        Uncompressor, "__call__", lambda self, picture: made.append(1) or make(self, picture)
    )
    compressed: list[CompressedImage] = []
    node.create_subscription(CompressedImage, TOPIC, compressed.append, BEST_EFFORT)
    with running(make_camera()):
        wait_for(lambda: len(compressed) > 3, "compressed pictures")
        assert not made
        subscription = node.create_subscription(Image, "/camera/image_raw", [].append, BEST_EFFORT)
        wait_for(lambda: made, "uncompressed pictures, once somebody subscribes")
        node.destroy_subscription(subscription)


def refused(camera: CameraNode) -> None:
    """See that a node refuses to configure and holds nothing then."""
    threads = threading.active_count()
    try:
        assert camera.trigger_configure() == TransitionCallbackReturn.FAILURE
        assert camera.state_label == "unconfigured"
        assert camera.count_publishers(TOPIC) == 0
    finally:
        camera.destroy_node()
    assert threading.active_count() == threads


STRICT = {"strict_parameters": True}


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ({"source": "nowhere.mp4"}, 'there is no file "nowhere.mp4"'),
        ({"source": "picamera2"}, "picamera2 cannot be imported|no camera answers"),
        ({"width": 10}, "width is 10; it must be from 16 to 8192"),
        ({"framerate": 1000.0}, "framerate is 1000; it must be from 0.1 to 240"),
        ({"width": "wide"}, "width is 'wide'; it takes a whole number"),
        ({"output_encoding": "nv12"}, 'output_encoding is "nv12"; choose one of rgb8, bgr8'),
        ({"flip": "sideways"}, 'flip is "sideways"; choose one of none, horizontal'),
        (
            {"frame_prefix": "{robot_name}/"},
            "frame_prefix or frame_id has {robot_name}; give",
        ),
        ({"crop": [0, 0, 2000, 10]}, "crop .* reaches beyond the captured picture of 1280x720"),
        ({"with": 640} | STRICT, 'unknown parameter "with": did you mean "width"'),
        ({"brightness": 1} | STRICT, 'unknown parameter "brightness": known are'),
        ({"width": 1, "heigth": 2} | STRICT, 'width is 1; .*; unknown parameter "heigth"'),
        ({"camera_name": "a/b"}, 'camera_name is "a/b"; it takes letters, digits, _, - and .'),
        ({"camera_info_url": "http://x/y"}, 'the scheme "http"; write file:///'),
    ],
)
def test_bad_parameters_are_named_and_leave_nothing(capfd, parameters, why):
    refused(make_camera(**parameters))
    assert re.search(why, capfd.readouterr().err)


def test_what_is_for_other_nodes_is_warned_of_once_and_not_kept(capfd):
    camera = make_camera(mission="Marvin", with_=640, **{"nav.goal": [1.5]})
    with running(camera):
        assert camera.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
        assert camera.trigger_cleanup() == TransitionCallbackReturn.SUCCESS
        assert camera.bring_up()
        assert not {"mission", "with_", "nav.goal"} & set(camera.get_parameters_by_prefix(""))
    told = capfd.readouterr().err
    for text in (
        'unknown parameter "with_": did you mean "width"?; it is ignored',
        'unknown parameter "mission"; it is ignored (strict_parameters:=true refuses it)',
        'unknown parameter "nav.goal"; it is ignored',
    ):
        assert told.count(text) == 1


def test_a_bad_parameter_can_be_mended_and_configured_again(images):
    camera = make_camera(width=10)
    with running(camera, up=False):
        assert not camera.bring_up()
        assert camera.set_parameters([Parameter("width", value=320)])[0].successful
        assert camera.bring_up()
        wait_for(lambda: images, "pictures")
        assert simplejpeg.decode_jpeg_header(bytes(images[-1].data))[1] == 320


def test_auto_falls_back_to_the_pattern_and_says_so(images, capfd):
    with running(make_camera(source="auto")):
        wait_for(lambda: images, "the pattern")
    assert "showing the test pattern instead of a camera: " in capfd.readouterr().err


def test_whole_numbers_will_do_where_numbers_are_asked_for():
    camera = make_camera(framerate=15, camera=1)
    assert camera.get_parameter("framerate").value == 15.0
    assert camera.get_parameter("camera").value == "1"
    camera.destroy_node()


@pytest.mark.parametrize(
    ("parameters", "frame"),
    [
        ({}, "camera_optical_frame"),
        ({"frame_id": "eye"}, "eye"),
        ({"frame_prefix": "r1/"}, "r1/camera_optical_frame"),
        (
            {"frame_prefix": "{robot_name}/", "frame_id": "eye", "robot_name": "marvin"},
            "marvin/eye",
        ),
    ],
)
def test_the_frame_is_what_it_is_asked_to_be(images, parameters, frame):
    with running(make_camera(**parameters)):
        wait_for(lambda: images, "pictures")
    assert images[-1].header.frame_id == frame


def test_so_they_will_when_they_are_set_later():
    camera = make_camera()
    for name, given, taken in [("framerate", 15, 15.0), ("camera", 1, "1"), ("camera", 2.0, "2.0")]:
        (result,) = camera.set_parameters([Parameter(name, value=given)])
        assert result.successful
        assert camera.get_parameter(name).value == taken
    for name, wrong in [("width", "wide"), ("autostart", 1), ("crop", [0.5])]:
        (result,) = camera.set_parameters([Parameter(name, value=wrong)])
        assert not result.successful
        assert "type" in result.reason
    camera.destroy_node()


def test_quality_and_rate_change_while_running_and_size_does_not(images):
    camera = make_camera()
    with running(camera):
        wait_for(lambda: len(images) >= 2, "pictures")
        large = len(images[-1].data)
        (result,) = camera.set_parameters([Parameter("jpeg_quality", value=10)])
        assert result.successful
        wait_for(lambda: len(images[-1].data) < large * 0.95, "smaller pictures")
        (result,) = camera.set_parameters([Parameter("framerate", value=100.0)])
        assert result.successful
        wait_for(lambda: gap(images) < 20_000_000, "pictures closer together")
        (result,) = camera.set_parameters([Parameter("width", value=640)])
        assert not result.successful
        assert "takes effect when the node is configured" in result.reason
        (result,) = camera.set_parameters([Parameter("jpeg_quality", value=0)])
        assert not result.successful
        assert camera.get_parameter("jpeg_quality").value == 10


def test_geometry_and_frame_change_while_running(images, node):
    infos: list[CameraInfo] = []
    node.create_subscription(CameraInfo, "/camera/camera_info", infos.append, BEST_EFFORT)
    with running(camera := make_camera(width=640, height=480)):
        wait_for_size(images, 640, 480)
        change(camera, rotation=90)
        wait_for_size(images, 480, 640)
        change(camera, crop=[0, 0, 320, 240], output_width=160, rotation=0)
        wait_for_size(images, 160, 120)
        wait_for(lambda: (infos[-1].width, infos[-1].height) == (160, 120), "the info of that")
        change(camera, frame_id="eye", frame_prefix="r1/")
        wait_for(lambda: images[-1].header.frame_id == "r1/eye", "the frame")
        before = {name: camera.get_parameter(name).value for name in ("crop", "rotation", "flip")}
        for wrong, why in [
            ({"crop": [600, 0, 320, 240]}, "reaches beyond the captured picture of 640x480"),
            ({"rotation": 45}, "choose 0, 90, 180 or 270"),
            ({"crop": [1, 2]}, "it takes four"),
            ({"frame_prefix": "{robot_name}/"}, "give robot_name, too"),
            ({"flip": "sideways"}, "choose one of none"),
        ]:
            (result,) = camera.set_parameters([Parameter(n, value=v) for n, v in wrong.items()])
            assert not result.successful
            assert why in result.reason
        assert {name: camera.get_parameter(name).value for name in before} == before
        wait_for_size(images, 160, 120)
        change(camera, crop=[0, 0, 0, 0], output_width=0)
        wait_for_size(images, 640, 480)


class Taken(Mailbox[PlanarFrame]):
    """Keeps all pictures that come."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[PlanarFrame] = []

    def put(self, item: PlanarFrame) -> bool:
        self.frames.append(item)
        return False


@pytest.fixture(params=["shared memory", "in process"])
def taken(request, node, monkeypatch) -> Iterator[list[PlanarFrame]]:
    """All pictures that come directly while the fixture lives."""
    taking(request.param, monkeypatch)
    feed = CameraFeed("camera", TOPIC)
    inlet = Inlet(feed, socket_name(node.context.get_domain_id(), os.geteuid(), TOPIC))
    with closing(inlet), feed.pictures.distributor.subscribed(Taken()) as mailbox:
        yield mailbox.frames


def test_directly_comes_what_subscribers_get(images, taken):
    """The same pictures, whatever is done to them: cropped, scaled, mirrored, turned."""
    camera = make_camera(width=640, height=480, jpeg_quality=95)
    with running(camera):
        for changes, size in (
            ({"rotation": 0}, (640, 480)),
            ({"crop": [101, 51, 301, 251]}, (301, 251)),
            ({"flip": "horizontal"}, (301, 251)),
            ({"flip": "vertical", "output_width": 161}, (161, 134)),
            ({"flip": "both", "rotation": 90, "output_width": 0}, (251, 301)),
            ({"flip": "none", "rotation": 270, "crop": [0, 0, 320, 200]}, (200, 320)),
            ({"rotation": 180, "output_width": 160, "output_height": 120}, (160, 120)),
        ):
            change(camera, **changes)
            images.clear()
            taken.clear()
            jpeg, frame = wait_for(partial(find_pair, images, taken, size), f"both, {changes}")
            assert_alike(jpeg, frame)


def find_pair(images, taken, size: tuple[int, int]) -> tuple[bytes, PlanarFrame] | None:
    """Return a picture of this size as it came either way; not one that was under way just now."""
    frames = {each.times.captured: each for each in taken if (each.width, each.height) == size}
    found = [image for image in images if stamp(image) in frames]
    return (bytes(found[-1].data), frames[stamp(found[-1])]) if len(found) > 2 else None


def assert_alike(jpeg: bytes, frame: PlanarFrame) -> None:
    """See that planes are what another decoder makes of a JPEG."""
    decoded = PIL.Image.open(io.BytesIO(jpeg))
    assert decoded.size == (frame.width, frame.height)
    decoded.draft("YCbCr", None)
    whole = np.asarray(decoded.convert("YCbCr")).astype(int)
    sizes = [(frame.height, frame.width), *[((frame.height + 1) // 2, (frame.width + 1) // 2)] * 2]
    octets = np.frombuffer(frame.data.packet, np.uint8)
    planes = np.split(octets, np.cumsum([h * w for h, w in sizes])[:2])
    for number, (plane, shape) in enumerate(zip(planes, sizes, strict=True)):
        seen = whole[:, :, number] if number == 0 else whole[::2, ::2, number]
        assert np.abs(plane.reshape(shape) - seen).mean() < 3, f"plane {number}"


def test_what_changes_while_a_stream_is_opened_again_holds(images):
    """A server may take seconds for that."""
    second, go_on = threading.Event(), threading.Event()
    with Numbered("mjpeg", 10.0) as made, ExitStack() as running_until_now:
        show, first = multipart(made), []

        def answer(response: Response) -> None:
            if not first:
                first.append(response)
            else:
                second.set()
                go_on.wait()
            show(response)

        running_until_now.callback(go_on.set)
        url = running_until_now.enter_context(http(answer))
        with running(camera := make_camera(source=url)):
            wait_for(lambda: images, "a picture")
            height, width, *_ = simplejpeg.decode_jpeg_header(bytes(images[-1].data))
            first[0].end()
            wait_for(second.is_set, "the second request")
            change(camera, rotation=90, frame_id="eye")
            go_on.set()
            wait_for_size(images, height, width)
            wait_for(lambda: images[-1].header.frame_id == "eye", "the frame")


def change(camera: CameraNode, **changes) -> None:
    parameters = [Parameter(name, value=value) for name, value in changes.items()]
    result = camera.set_parameters_atomically(parameters)
    assert result.successful, result.reason


def wait_for_size(images, width: int, height: int) -> None:
    """Wait for a picture of this size that came since now."""
    images.clear()

    def is_there() -> bool:
        if not images:
            return False
        found = simplejpeg.decode_jpeg_header(bytes(images[-1].data))
        return found[:2] == (height, width)

    wait_for(is_there, f"a picture of {width}x{height}")


def test_stamps_may_be_the_nodes_own_time(images, node):
    with (
        SimulatedTime(node) as simulated,
        running(make_camera(use_sim_time=True, use_node_time=True)),
    ):
        wait_for(lambda: images, "pictures")
        wait_for(lambda: stamp(images[-1]) > 0, "a stamp of simulated time")
        assert stamp(images[-1]) <= simulated.now()


def stamp(image) -> int:
    return image.header.stamp.sec * 10**9 + image.header.stamp.nanosec


def gap(images) -> float:
    """Nanoseconds between the last two pictures' stamps."""
    stamps = [i.header.stamp.sec * 10**9 + i.header.stamp.nanosec for i in images[-2:]]
    return float(np.diff(stamps)[0])


def test_every_parameter_describes_itself(node):
    with running(make_camera()):
        client = client_of(node, DescribeParameters, "/camera/describe_parameters")
        names = ["width", "jpeg_quality", "flip", "framerate", "camera_info_url"]
        future = client.call_async(DescribeParameters.Request(names=names))
        wait_for(future.done, "the descriptions")
    width, quality, flip, framerate, _ = descriptors = future.result().descriptors
    assert all(len(descriptor.description) > 20 for descriptor in descriptors)
    assert (width.integer_range[0].from_value, width.integer_range[0].to_value) == (16, 8192)
    assert "when the node is configured" in width.description
    assert "at any time" in quality.description
    assert "horizontal" in flip.additional_constraints
    assert framerate.floating_point_range[0].to_value == 240


def test_the_lifecycle_stops_and_starts_the_pictures(node, images):
    camera = make_camera()
    threads = threading.active_count()
    with running(camera, up=False):
        lifecycle = Lifecycle(node, "camera")
        for _ in range(3):
            assert lifecycle.change(Lifecycle.CONFIGURE)
            assert not images
            assert lifecycle.change(Lifecycle.ACTIVATE)
            wait_for(lambda: images, "pictures")
            assert lifecycle.change(Lifecycle.DEACTIVATE)
            before = threading.active_count()
            assert lifecycle.change(Lifecycle.CLEANUP)
            assert threading.active_count() == before
            wait_for(lambda: not node.get_publishers_info_by_topic(TOPIC), "no publisher")
            images.clear()
    assert threading.active_count() == threads


def test_an_impossible_transition_is_refused_and_the_node_lives(node, images):
    camera = make_camera()
    with running(camera):
        lifecycle = Lifecycle(node, "camera")
        assert not lifecycle.change(Lifecycle.CONFIGURE)
        assert not lifecycle.change(Lifecycle.ACTIVATE)
        assert not lifecycle.change(99)
        assert camera.state_label == "active"
        images.clear()
        wait_for(lambda: images, "pictures, still")
