# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Somebody else's camera node, in a process of its own: publishes the picture of four colours.

::

    python picture_publisher.py TOPIC WIDTHxHEIGHT [PERIOD...] [--raw] [--reliable]

It publishes after each of the PERIODs, in seconds, and begins anew with the first of them. A line
on its standard input has other periods from then on.
"""

from __future__ import annotations

import argparse
import array
import io
import select
import sys
import time
from itertools import cycle

import PIL.Image
import rclpy
from quadrants import quadrants
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image


def message(width: int, height: int, raw: bool) -> CompressedImage | Image:
    picture = quadrants(width, height)
    if not raw:
        jpeg = io.BytesIO()
        # As few bytes as can be: best effort, of many DDS loses some on a busy machine.
        PIL.Image.fromarray(picture).save(jpeg, "JPEG", quality=90, optimize=True)
        return CompressedImage(format="jpeg", data=array.array("B", jpeg.getvalue()))
    data = array.array("B", picture.tobytes())
    return Image(height=height, width=width, encoding="rgb8", step=3 * width, data=data)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("topic")
    parser.add_argument("size")
    parser.add_argument("periods", nargs="*", type=float, default=[0.1])
    parser.add_argument("--raw", action="store_true")
    parser.add_argument("--reliable", action="store_true")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    reliability = ReliabilityPolicy.RELIABLE if options.reliable else ReliabilityPolicy.BEST_EFFORT
    rclpy.init()
    node = Node("picture_publisher")
    what = message(width, height, options.raw)
    qos = QoSProfile(depth=1, reliability=reliability)
    publisher = node.create_publisher(type(what), options.topic, qos)
    print("publishing", flush=True)
    periods = cycle(options.periods)
    due = time.monotonic()
    while True:
        due += next(periods)
        readable, _, _ = select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))
        if readable:
            line = sys.stdin.readline()
            if not line:
                return  # whoever wanted the pictures has gone
            periods, due = cycle([float(each) for each in line.split()]), time.monotonic()
            continue
        seconds, nanoseconds = divmod(time.time_ns(), 10**9)
        what.header.stamp.sec, what.header.stamp.nanosec = seconds, nanoseconds
        publisher.publish(what)


if __name__ == "__main__":
    main()
