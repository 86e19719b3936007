# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Real nodes on a real executor, and a publisher of pictures."""

import array
import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from types import MappingProxyType

import numpy as np
import simplejpeg
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.client import Client
from rclpy.clock import Clock as RosClock
from rclpy.clock import ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.task import Future
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image

from pi_webrtc_streamer.bridge_node import BridgeNode
from pi_webrtc_streamer.camera.jpeg import encode_jpeg
from pi_webrtc_streamer.camera.planes import copy_planes
from pi_webrtc_streamer.camera.source import Picture
from pi_webrtc_streamer.direct.messages import socket_name
from pi_webrtc_streamer.direct.outlet import Outlet
from pi_webrtc_streamer.ros.lifecycle import OwningNode
from pi_webrtc_streamer.ros.process import owning, spinning

from .program import free_port
from .waiting import GIVE_UP_AFTER, wait_for

TOPIC = "/camera/image_raw/compressed"


@contextmanager
def running(*nodes: OwningNode, up: bool = True) -> Iterator[None]:
    """Bring nodes up, unless told not to, and spin them for the length of a context."""
    with owning(nodes):
        if up:
            for node in nodes:
                assert node.bring_up(), f"{node.get_name()} did not come up"
        with spinning(nodes):
            yield


def make_bridge(**parameters) -> BridgeNode:
    """Make a bridge on a free port, which shows no cameras but those that it is given."""
    overrides = {key.replace("__", "."): value for key, value in parameters.items()}
    return BridgeNode(overrides={"port": 0, "discover": "never", **overrides})


def every_part() -> dict[str, object]:
    """Return the parameters with which a bridge holds everything that it can hold."""
    parts: dict[str, object] = {
        "teleop__enabled": True,
        "teleop__head": "trajectory",
        "teleop__odometry_topic": "odom",
        "teleop__battery_topic": "battery_state",
    }
    if find_spec("pi_webrtc_streamer.predecessor") is not None:
        parts |= {"legacy": True, "camera__signalling_port": free_port()}
    return parts


def grey_jpeg(width: int = 640, height: int = 480, luma: int = 100) -> bytes:
    """Return a JPEG of one grey."""
    y = np.full((height, width), luma, np.uint8)
    chroma = np.full(((height + 1) // 2, (width + 1) // 2), 128, np.uint8)
    return encode_jpeg(Picture(y, chroma, chroma, stamp=0), quality=90)


class _RepeatingPublisher:
    """Publishes :meth:`_message`, 30 times a second, in a thread of its own."""

    outlet: Outlet | None = None  # by which its pictures go directly, too

    def __init__(
        self,
        node: Node,
        message_type: type,
        topic: str,
        **qos,
    ) -> None:
        self.sent = 0
        self.stamps: list[int] = []  # nanoseconds
        self.clock_error = 0  # nanoseconds
        self.now: Callable[[], int] = time.time_ns  # on what the stamps are
        self._node = node
        profile = QoSProfile(depth=1, **{"reliability": ReliabilityPolicy.BEST_EFFORT, **qos})
        self._publisher = node.create_publisher(message_type, topic, profile)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._node.destroy_publisher(self._publisher)

    def _run(self) -> None:
        while not self._stop.wait(1 / 30):
            message = self._message()
            self.stamps.append(self.now() + self.clock_error)
            seconds, nanoseconds = divmod(self.stamps[-1], 10**9)
            message.header.stamp.sec, message.header.stamp.nanosec = seconds, nanoseconds
            self._send(message, self.stamps[-1])
            self.sent += 1

    def _send(self, message: CompressedImage | Image, stamp: int) -> None:
        self._publisher.publish(message)


class Publisher(_RepeatingPublisher):
    """Publishes whatever :attr:`data` holds, 30 times a second, in a thread of its own."""

    def __init__(self, node: Node, data: bytes, topic: str = TOPIC, **qos) -> None:
        self.data = data
        self.format = "jpeg"
        super().__init__(node, CompressedImage, topic, **qos)

    def _message(self) -> CompressedImage:
        return CompressedImage(format=self.format, data=array.array("B", self.data))


class OfferingPublisher(Publisher):
    """Does as our camera node: offers a grey JPEG's planes directly, besides publishing it.

    Its outlet is found by bridges that are on the same topic, in this process or in another one.
    """

    def __init__(self, node: Node, data: bytes, topic: str = TOPIC, **qos) -> None:
        domain = node.context.get_domain_id()
        self.outlet = Outlet(socket_name(domain, os.geteuid(), topic))
        super().__init__(node, data, topic, **qos)

    def __exit__(self, *of_the_context: object) -> None:
        super().__exit__(*of_the_context)
        self.outlet.close()

    def _message(self) -> CompressedImage:
        message = super()._message()
        y = simplejpeg.decode_jpeg(self.data, "GRAY")[:, :, 0]
        height, width = y.shape
        chroma = np.full(((height + 1) // 2, (width + 1) // 2), 128, np.uint8)
        self._planes = Picture(y, chroma, chroma, stamp=0)
        return message

    def _send(self, message: CompressedImage, stamp: int) -> None:
        planes = self._planes
        self.outlet.put(planes.width, planes.height, stamp, partial(copy_planes, planes))
        super()._send(message, stamp)


class SimulatedTime:
    """Publishes /clock, 100 times a second: time that begins at 0 and goes at some rate."""

    def __init__(self, node: Node, rate: float = 1.0) -> None:
        self._node = node
        self._rate = rate
        self._begun = time.monotonic_ns()
        self._publisher = node.create_publisher(Clock, "/clock", 1)
        self._timer = node.create_timer(
            0.01, self._tick, clock=RosClock(clock_type=ClockType.STEADY_TIME)
        )

    def now(self) -> int:
        """Return the simulated time in nanoseconds."""
        return round(self._rate * (time.monotonic_ns() - self._begun))

    def __enter__(self) -> "SimulatedTime":
        return self

    def __exit__(self, *_: object) -> None:
        self._node.destroy_timer(self._timer)
        self._node.destroy_publisher(self._publisher)

    def _tick(self) -> None:
        message = Clock()
        message.clock.sec, message.clock.nanosec = divmod(self.now(), 10**9)
        self._publisher.publish(message)


class ImagePublisher(_RepeatingPublisher):
    """Publishes the Image :attr:`image`, 30 times a second, in a thread of its own."""

    def __init__(self, node: Node, image: Image, topic: str = TOPIC, **qos) -> None:
        self.image = image
        super().__init__(node, Image, topic, **qos)

    def _message(self) -> Image:
        return self.image


def client_of(node: Node, kind: type, service: str) -> Client:
    """Return a client of a service that is there."""
    client = node.create_client(kind, service)
    assert client.wait_for_service(GIVE_UP_AFTER), f"there is no {service}"
    return client


class Lifecycle:
    """Changes another node's state through its services, as ``ros2 lifecycle`` does."""

    CONFIGURE = Transition.TRANSITION_CONFIGURE
    ACTIVATE = Transition.TRANSITION_ACTIVATE
    DEACTIVATE = Transition.TRANSITION_DEACTIVATE
    CLEANUP = Transition.TRANSITION_CLEANUP
    # what ros2 lifecycle set NODE shutdown requests, by the state that the node is in
    SHUTDOWN = MappingProxyType(
        {
            "unconfigured": Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
            "inactive": Transition.TRANSITION_INACTIVE_SHUTDOWN,
            "active": Transition.TRANSITION_ACTIVE_SHUTDOWN,
        }
    )

    def __init__(self, node: Node, name: str) -> None:
        self._client = client_of(node, ChangeState, f"/{name}/change_state")

    def change(self, transition: int) -> bool:
        """Request a transition and return whether it succeeded."""
        future = self.request(transition)
        wait_for(future.done, "an answer to change_state")
        return future.result().success

    async def change_soon(self, transition: int) -> bool:
        """The same in an event loop."""
        loop = asyncio.get_running_loop()
        answered = asyncio.Event()
        future = self.request(transition)
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(answered.set))
        await asyncio.wait_for(answered.wait(), GIVE_UP_AFTER)
        return future.result().success

    def request(self, transition: int) -> Future:
        """Request a transition."""
        request = ChangeState.Request()
        request.transition.id = transition
        return self._client.call_async(request)
