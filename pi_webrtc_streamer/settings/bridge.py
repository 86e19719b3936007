# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the bridge node can be told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias
from urllib.parse import urlsplit

from ..media.jpeg import MAX_PIXELS
from ..media.packetiser import IPV6_MTU
from .access import AccessSettings
from .addresses import LARGEST_PORT, is_ip_address
from .node import NodeSettings
from .schema import Setting, SettingsError, Value, group, setting
from .teleop import TeleopSettings

_CAMERA_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
TAKEN = {
    "bridge": "the node that shows them",
    "teleop": "what the parameters of driving begin with",
}
_ICE_SCHEMES = ("stun", "stuns", "turn", "turns")

# Declared as <camera>.<name> for each camera, with the default; {} in either is the camera's name.
OfEachCamera: TypeAlias = Mapping[str, tuple[Setting, Value]]
OF_EACH_CAMERA: OfEachCamera = {
    "topic": (
        Setting("Topic of camera {} (sensor_msgs/CompressedImage or sensor_msgs/Image)", live=True),
        "{}/image_raw/compressed",
    ),
}


@dataclass(frozen=True)
class BridgeSettings(AccessSettings, NodeSettings):
    """Parameters of the bridge node; those of :data:`OF_EACH_CAMERA` come beside them."""

    cameras: list[str] = setting(
        ["camera"], "Names of the cameras to show, in this order", live=True
    )
    discover: str = setting(
        "auto",
        "Whether cameras of other nodes are shown, too, as they come and go: always, never, or "
        "auto (where the bridge serves this machine alone, and cameras is not given)",
        choices=("auto", "always", "never"),
        live=True,
    )
    topic_patterns: list[str] = setting(
        [".*"],
        "Regular expressions, of which one matches the whole name of each topic that is discovered",
        live=True,
    )
    direct: str = setting(
        "auto",
        "Whether pictures for viewers are taken from a camera node on this machine without JPEG "
        "and DDS: auto (where it offers that), or off",
        choices=("auto", "off"),
    )
    host: str = setting(
        "127.0.0.1",
        "Address to serve on: 127.0.0.1 for this machine alone, 0.0.0.0 or :: for the network",
    )
    port: int = setting(
        8080,
        "TCP port of the page, WHEP and everything else on HTTP",
        minimum=0,
        maximum=LARGEST_PORT,
    )
    codecs: list[str] = setting(
        ["h264", "vp8"],
        "Codecs to offer, the preferred one first: h264, vp8",
        live=True,
    )
    bitrate: int = setting(
        2_500_000,
        "Highest bitrate of each encoded stream, in bit/s; a viewer's link may ask for less",
        minimum=50_000,
        maximum=100_000_000,
        live=True,
    )
    lowest_bitrate: int = setting(
        100_000,
        "Bitrate below which no stream goes, in bit/s",
        minimum=10_000,
        maximum=100_000_000,
        live=True,
    )
    tiers: int = setting(
        3,
        "Sizes in which a camera is encoded for viewers with weaker links: 1 full size alone, "
        "2 half size as well, 3 a quarter as well",
        minimum=1,
        maximum=3,
        live=True,
    )
    h264_encoder: str = setting(
        "auto",
        "H.264 encoder: auto takes the hardware's (h264_v4l2m2m) where a trial shows that it "
        "works, else libx264",
        choices=("auto", "libx264", "h264_v4l2m2m"),
    )
    encoder_threads: int = setting(
        0,
        "Threads of libx264 for each stream, each of which encodes a slice of the picture: 0 takes "
        "one for each core, up to 4; 1 costs the least CPU time and the most latency",
        minimum=0,
        maximum=16,
    )
    mtu: int = setting(
        IPV6_MTU,
        "Bytes of the largest IP packet that carries pictures; every network with IPv6 takes 1280",
        minimum=512,
        maximum=9000,
    )
    memory_warning: float = setting(
        0.0,
        "Resident memory in MB above which the log and /health warn; 0: never",
        minimum=0.0,
        maximum=1_000_000.0,
    )
    memory_check_interval: float = setting(
        30.0, "Seconds between two looks at the memory", minimum=1.0, maximum=86_400.0
    )
    framerate: float = setting(
        30.0,
        "Frame rate that the encoder's bitrate control expects, in frames/s",
        minimum=1.0,
        maximum=240.0,
    )
    stale_after: float = setting(
        0.3,
        "Age from which the page marks a picture as old, in seconds from its capture",
        minimum=0.05,
        maximum=10.0,
        live=True,
    )
    max_viewers: int = setting(
        50,
        "How many WebRTC viewers are served at once",
        minimum=1,
        maximum=1000,
        live=True,
    )
    max_viewers_per_camera: int = setting(
        50,
        "How many WebRTC viewers one camera has at once",
        minimum=1,
        maximum=1000,
        live=True,
    )
    max_viewers_per_address: int = setting(
        16,
        "How many WebRTC viewers one address has at once; behind a reverse proxy all have one, "
        "unless trusted_proxies names it",
        minimum=1,
        maximum=1000,
        live=True,
    )
    max_connecting: int = setting(
        32,
        "How many WebRTC viewers may be about to connect at once",
        minimum=1,
        maximum=1000,
        live=True,
    )
    connect_timeout: float = setting(
        10.0,
        "How long a WebRTC viewer may take to connect, in seconds from the answer to its offer",
        minimum=1.0,
        maximum=120.0,
        live=True,
    )
    max_jpeg_clients: int = setting(
        16,
        "How many clients are served stream.mjpg or wait for a snapshot.jpg at once",
        minimum=1,
        maximum=1000,
        live=True,
    )
    jpeg_client_timeout: float = setting(
        10.0,
        "How long a client of stream.mjpg may take for one picture, in seconds",
        minimum=1.0,
        maximum=600.0,
        live=True,
    )
    max_connections: int = setting(
        256, "How many TCP connections the HTTP port has at once", minimum=1, maximum=10_000
    )
    max_connections_per_address: int = setting(
        64,
        "How many TCP connections one address has to the HTTP port at once; behind a reverse proxy "
        "all have one",
        minimum=1,
        maximum=10_000,
    )
    request_timeout: float = setting(
        10.0,
        "How long a connection may take until its next request is there, in seconds: headers, and "
        "then the body, and the time in which it asks nothing",
        minimum=1.0,
        maximum=600.0,
    )
    max_header_size: int = setting(
        32_768,
        "Bytes of a request's first line and headers together",
        minimum=1024,
        maximum=1_048_576,
    )
    max_body_size: int = setting(
        65_536,
        "Bytes of a request's body; an offer has 3000 to 10,000",
        minimum=1024,
        maximum=16_777_216,
    )
    max_pixels: int = setting(
        MAX_PIXELS,
        "Pixels of the largest picture that is taken from a topic; a larger one is not decoded",
        minimum=256,
        maximum=268_435_456,
    )
    udp_port: int = setting(
        0,
        "UDP port of all WebRTC viewers, for a firewall or a container's host to open; 0: each "
        "viewer has ports of its own, which the system chooses",
        minimum=0,
        maximum=LARGEST_PORT,
    )
    udp_addresses: list[str] = setting(
        [""],
        "Further addresses at which viewers reach that port: those of a container's host, or of a "
        "router that passes the port on",
    )
    stun_urls: list[str] = setting(
        [""],
        "STUN servers (stun:host:port); none is asked unless it is named here, and no viewer waits "
        "for one that is silent",
        live=True,
    )
    turn_urls: list[str] = setting(
        [""],
        "TURN servers (turn:host:port?transport=udp)",
        live=True,
    )
    turn_username: str = setting(
        "",
        "User name for the TURN servers",
        live=True,
    )
    turn_password: str = setting(
        "",
        "Password for the TURN servers",
        secret=True,
        live=True,
    )
    teleop: TeleopSettings = group(TeleopSettings)

    @property
    def discovers(self) -> bool:
        """Whether cameras of other nodes are shown, too."""
        if self.discover == "auto":
            local = self.host in ("localhost", "::1") or self.host.startswith("127.")
            return local and self.cameras == ["camera"]
        return self.discover == "always"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_cameras(self.cameras)
        _check_patterns(self.topic_patterns)
        if self.lowest_bitrate > self.bitrate:
            raise SettingsError(
                f"lowest_bitrate is {self.lowest_bitrate}, which is above bitrate, {self.bitrate}"
            )
        unknown = [codec for codec in self.codecs if codec not in ("h264", "vp8")]
        if unknown or not self.codecs:
            raise SettingsError(f"codecs is {self.codecs}; name one or both of h264, vp8")
        _check_udp_addresses(self.udp_port, [each for each in self.udp_addresses if each])
        for url in [*self.stun_urls, *self.turn_urls]:
            if url and (url.partition(":")[0] not in _ICE_SCHEMES or not urlsplit(url).path):
                raise SettingsError(
                    f'"{url}" is no ICE server; write stun:host:port or turn:host:port'
                )


def settings_of_camera(name: str) -> dict[str, tuple[Setting, Value]]:
    """Return the settings that the bridge has for one camera, each with its default."""
    return of_camera(name, OF_EACH_CAMERA)


def of_camera(name: str, settings: OfEachCamera) -> dict[str, tuple[Setting, Value]]:
    """Return settings that each camera has as those of one camera."""
    return {
        f"{name}.{key}": (
            replace(about, description=about.description.format(name)),
            default.format(name) if isinstance(default, str) else default,
        )
        for key, (about, default) in settings.items()
    }


def _check_udp_addresses(port: int, addresses: list[str]) -> None:
    for address in addresses:
        if not is_ip_address(address):
            raise SettingsError(
                f'udp_addresses has "{address}"; write IP addresses, such as 192.168.1.20'
            )
    if addresses and not port:
        raise SettingsError(
            f"udp_addresses is {addresses}, but udp_port is 0; say which port is passed on"
        )


def _check_patterns(patterns: list[str]) -> None:
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise SettingsError(
                f'topic_patterns has "{pattern}", which is no regular expression: {error}'
            ) from error


def _check_cameras(cameras: list[str]) -> None:
    if not cameras:
        raise SettingsError("cameras is empty; name at least one")
    for name in cameras:
        if not _CAMERA_NAME.match(name):
            raise SettingsError(
                f'cameras has "{name}"; a name is made of letters, digits and _, a letter first'
            )
        if name in TAKEN:
            raise SettingsError(f'cameras has "{name}"; that is {TAKEN[name]}')
    if len(set(cameras)) < len(cameras):
        raise SettingsError(f"cameras is {cameras}; each name may stand only once")
