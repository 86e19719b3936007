# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""From a config.toml to the parameters of our nodes."""

from __future__ import annotations

from dataclasses import dataclass

from ...settings.addresses import LARGEST_PORT
from ...settings.bridge import BridgeSettings
from ...settings.schema import ConfigError, Value, settings_of
from .configuration import whole_configuration
from .document import CameraSection, Document, Section, parse_toml, read_document
from .findings import Findings
from .given import Given
from .keys import (
    CROP,
    DEFAULT_BITRATE,
    FIRST_BITRATE_IN_BITS,
    SMALLEST_SIDE,
)

FIRST_SIGNALLING_PORT = 5557
# What the predecessor counted to an RTP packet, and what IPv6, UDP and SRTP add (mtu, bytes).
AROUND_RTP = 40 + 8 + 16

# flip_method: flip, and rotation in degrees, clockwise.
FLIPS: dict[str, tuple[str, int]] = {
    "": ("none", 0),
    "vertical-flip": ("vertical", 0),
    "horizontal-flip": ("horizontal", 0),
    "rotate-90": ("none", 90),
    "rotate-180": ("none", 180),
    "rotate-270": ("none", 270),
}
# The first of them that speaks of codec or bitrate counts.
STREAM_SECTIONS = ("video", "encoding", "webrtc")


@dataclass(frozen=True)
class Translation:
    """Each node's parameters, cameras first, and what is to be said about the file."""

    nodes: dict[str, dict[str, Value]]
    warnings: list[str]
    infos: list[str]


def translate(text: str, path: str, given: Given | None = None) -> Translation:
    """Return what a config.toml, read from ``path``, means for our nodes.

    :raises ConfigError: if it cannot be used, with a line for each value that is wrong.
    """
    findings = Findings()
    content = parse_toml(text, path)
    document = read_document(content, findings)
    cameras = _cameras(document, findings)
    nodes = {_node(camera): _camera_parameters(camera, document, findings) for camera in cameras}
    bridge = _bridge_parameters(document, cameras, given or Given(), findings)
    if findings.errors:
        raise ConfigError("\n".join(f"{path}: {error}" for error in findings.errors))
    bridge["legacy_config"] = whole_configuration(content, document, bridge)
    nodes["bridge"] = bridge
    return Translation(
        nodes,
        [f"{path}: {text}" for text in findings.warnings],
        [f"{path}: {text}" for text in findings.infos],
    )


def _node(camera: CameraSection) -> str:
    return f"camera{camera.number}"


def _cameras(document: Document, findings: Findings) -> list[CameraSection]:
    """Return the cameras that are on."""
    cameras = [camera for camera in document.cameras if camera["width"] > 0]
    if not cameras:
        first = document.cameras[0]
        findings.wrong(
            first.name,
            "width",
            first["width"],
            f"at least {SMALLEST_SIDE} here or for another camera: every camera is off",
        )
    return cameras


def _camera_parameters(
    camera: CameraSection, document: Document, findings: Findings
) -> dict[str, Value]:
    flip, rotation = FLIPS[camera.flip_method]
    width, height = _target_size(camera, findings)
    if rotation % 180:  # ours is the size before the turn, the file's the one that is sent
        width, height = height, width
    parameters: dict[str, Value] = {
        "source": "auto",
        "camera": camera["device"] or str(camera.number - 1),
        "width": camera["width"],
        "height": camera["height"],
        "framerate": float(camera["fps"]),
        "output_width": width,
        "output_height": height,
        "flip": flip,
        "rotation": rotation,
    }
    crop = _crop(camera, findings)
    if crop is not None:
        parameters["crop"] = crop
    return parameters | _of_every_node(document)


def _target_size(camera: CameraSection, findings: Findings) -> tuple[int, int]:
    size = camera["target_width"], camera["target_height"]
    if not camera.go:
        if "scaling_enabled" in camera:
            findings.inform(
                f"[{camera.name}] scaling_enabled has no meaning in this spelling of the section: "
                "the target size counts in any case"
            )
        return size
    if any(size) and not camera["scaling_enabled"]:
        findings.inform(f"[{camera.name}] is not scaled, because scaling_enabled is not true")
        return 0, 0
    return size


def _crop(camera: CameraSection, findings: Findings) -> list[int] | None:
    """Return the part to keep, None for all of it; a side of 0 reaches to the picture's edge."""
    given = camera["crop"]
    if not any(given):
        return None
    x, y, width, height = given
    wide, high = camera["width"], camera["height"]
    crop = [x, y, width or wide - x, height or high - y]
    if min(crop[2:]) < SMALLEST_SIDE or x + crop[2] > wide or y + crop[3] > high:
        findings.wrong(
            camera.name,
            "crop",
            dict(zip(CROP, given, strict=True)),
            f"a part of the captured picture of {wide}x{high}, "
            f"{SMALLEST_SIDE} pixels or more in width and height",
        )
    return crop


def _bridge_parameters(
    document: Document, cameras: list[CameraSection], given: Given, findings: Findings
) -> dict[str, Value]:
    server, webrtc = document["server"], document["webrtc"]
    clients = webrtc["max_clients"]
    bitrate = _bitrate(document, findings)
    parameters: dict[str, Value] = {
        "cameras": [_node(camera) for camera in cameras],
        "host": server["bind_ip"] or "0.0.0.0",
        "port": _web_port(document, given),
        "auth": "open",
        "legacy": True,
        "codecs": _codecs(document),
        "bitrate": bitrate,
        "lowest_bitrate": min(bitrate, settings_of(BridgeSettings)["lowest_bitrate"][1]),
        "framerate": max([1.0, *(float(camera["fps"]) for camera in cameras)]),
        "mtu": webrtc["mtu"] + AROUND_RTP,
        "max_viewers": min(clients * len(cameras), 1000),
        "max_viewers_per_camera": clients,
        "max_viewers_per_address": min(clients * len(cameras), 1000),
        "connect_timeout": webrtc["timeout"] / 1000,
        "memory_warning": _memory_warning(document, findings),
        "memory_check_interval": float(document["debug"]["memory_check_interval_seconds"]),
    }
    parameters |= _signalling_ports(document, cameras, given, findings)
    if given.pi_ip or server["pi_ip"]:
        parameters["pi_ip"] = given.pi_ip or server["pi_ip"]
    if webrtc["stun_server"]:
        parameters["stun_urls"] = [_stun_url(webrtc["stun_server"])]
    return parameters | _of_every_node(document)


def _web_port(document: Document, given: Given) -> int:
    port: int = document["server"]["web_port"]
    return port if given.web_port is None else given.web_port


def _of_every_node(document: Document) -> dict[str, Value]:
    return {
        "statistics_interval": float(document["logging"]["stats_log_interval_seconds"]),
        "shutdown_timeout": float(document["timeouts"]["shutdown_timeout_seconds"]),
    }


def _codecs(document: Document) -> list[str]:
    """Return the codec that is asked for, and behind it the other: not every browser has each."""
    said = [document[section]["codec"] for section in STREAM_SECTIONS]
    codec = next((codec.lower() for codec in said if codec), "h264")
    return [codec, "vp8" if codec == "h264" else "h264"]


def _bitrate(document: Document, findings: Findings) -> int:
    """Return the bitrate in bit/s, of the first section that says one."""
    for name in STREAM_SECTIONS:
        bitrate: int = document[name]["bitrate"] or 0
        if 0 < bitrate < FIRST_BITRATE_IN_BITS:
            findings.inform(
                f"[{document[name].name}] bitrate = {bitrate} is taken for kbit/s: "
                f"{1000 * bitrate} bit/s"
            )
            return 1000 * bitrate
        if bitrate:
            return bitrate
    return DEFAULT_BITRATE


def _memory_warning(document: Document, findings: Findings) -> float:
    debug, limit = document["debug"], float(document["limits"]["max_memory_usage_mb"])
    if not debug["enable_memory_monitoring"]:
        return 0.0
    if "enable_memory_monitoring" in debug and not limit:
        findings.inform(
            "memory is in the log's line of statistics; without [limits] max_memory_usage_mb "
            "nothing warns of it"
        )
    return limit


def _stun_url(server: str) -> str:
    """Return the address as browsers write it: GStreamer has // in it, and some leave stun: out."""
    scheme, colon, rest = server.partition(":")
    if colon and scheme in ("stun", "stuns"):
        return f"{scheme}:{rest.removeprefix('//')}"
    return f"stun:{server}"


def _signalling_ports(
    document: Document, cameras: list[CameraSection], given: Given, findings: Findings
) -> dict[str, Value]:
    """Return each camera's port, having seen that nothing else here has it."""
    ports: dict[str, Value] = {f"{_node(camera)}.signalling_port": 0 for camera in cameras}
    if not document["webrtc"]["enabled"]:
        return ports
    page = _web_port(document, given)
    taken = {page: "the page"} if page else {}
    for camera in cameras:
        port, section, key = _signalling_port(document["webrtc"], camera, given.base_port)
        if port in taken or port > LARGEST_PORT:
            others = ", ".join(f"{number} ({whose})" for number, whose in taken.items())
            findings.wrong(
                section,
                key,
                port,
                f"a port up to {LARGEST_PORT} for {_node(camera)}, another one than {others}",
            )
        if port:
            taken[port] = _node(camera)
        ports[f"{_node(camera)}.signalling_port"] = port
    return ports


def _signalling_port(
    webrtc: Section, camera: CameraSection, base: int | None
) -> tuple[int, str, str]:
    """Return a camera's port, and the section and key that say it: the command line, the camera's
    section, [webrtc], or the camera's number.
    """
    if base is not None:
        return base + camera.number - 1, "", "--base-port"
    key = "webrtc_port"
    if key not in camera and f"webrtc_port_{camera.number}" in webrtc:
        key = f"webrtc_port_{camera.number}"
        return webrtc[key], webrtc.name, key
    port = camera[key] if key in camera else FIRST_SIGNALLING_PORT + camera.number - 1
    return port, camera.name, key
