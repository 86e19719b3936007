# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is fuzzed: each target takes any bytes, and fails on anything but what its parser documents.

The seeds are good inputs to begin from. This module needs no fuzzer: the tests run the corpus
through the targets as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .control_targets import command, commands, packets, sctp
from .device_targets import devices, files, media, v4l2
from .direct_targets import direct, directs
from .picture_targets import (
    compressed_image,
    compressed_images,
    compressed_picture,
    compressed_pictures,
    image,
    images,
    jpeg,
    jpegs,
)
from .predecessor_targets import config_toml, messages, signalling, tomls
from .session_targets import (
    datagram,
    datagrams,
    feedback,
    fragments,
    offer,
    offers,
    reports,
    trickle,
)
from .settings_targets import calibrations, camera_info, config, configs
from .web_targets import bytes_of_connections, connection, visit, visits


class Target(NamedTuple):
    """A parser to be fuzzed."""

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


TARGETS = {
    "connection": Target(connection, bytes_of_connections),
    "visit": Target(visit, visits),
    "compressed_image": Target(compressed_image, compressed_images),
    "compressed_picture": Target(compressed_picture, compressed_pictures),
    "image": Target(image, images),
    "jpeg": Target(jpeg, jpegs),
    "v4l2": Target(v4l2, devices),
    "media": Target(media, files),
    "direct": Target(direct, directs),
    "offer": Target(offer, offers),
    "trickle": Target(trickle, fragments),
    "feedback": Target(feedback, reports),
    "datagram": Target(datagram, datagrams),
    "sctp": Target(sctp, packets),
    "command": Target(command, commands),
    "camera_info": Target(camera_info, calibrations),
    "config": Target(config, configs),
    "config_toml": Target(config_toml, tomls),
    "signalling": Target(signalling, messages),
}
