# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The camera's pictures as JPEG, for rivals: the newest one, from the topic that our bridge has."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CompressedImage

from bench.processes import TOPIC
from pi_webrtc_streamer.media.cdr import read_compressed_image
from pi_webrtc_streamer.ros.qos import newest_only


@contextmanager
def subscribed(on_jpeg: Callable[[memoryview], object]) -> Iterator[None]:
    """Call back, in a thread of its own, with every picture for the length of a context."""
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("rival")
    node.create_subscription(
        CompressedImage,
        TOPIC,
        lambda message: on_jpeg(read_compressed_image(message).data),
        newest_only(),
        raw=True,
    )
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    stopping = threading.Event()

    def spin() -> None:
        while not stopping.is_set():
            executor.spin_once(timeout_sec=0.2)

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(2)
        rclpy.try_shutdown()
