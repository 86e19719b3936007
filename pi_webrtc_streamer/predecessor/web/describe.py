# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the predecessor's clients are told of the bridge, in the predecessor's words."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping
from typing import Any

from ...bridge import Bridge
from ...telemetry.state import describe_cameras
from ...web.access import machine_addresses
from ...webrtc.late import LateViewers
from ..settings import PredecessorSettings
from ..state import Predecessor

Described = dict[str, Any]


def describe_status(bridge: Bridge, predecessor: Predecessor, web_port: int) -> Described:
    """Return the body of ``/api/status``."""
    return {
        "server": {"pi_ip": _address(predecessor.settings), "web_port": web_port, "running": True},
        "cameras": describe_all_cameras(bridge, predecessor),
        "webrtc": _describe_webrtc(bridge, predecessor),
    }


def describe_stats(bridge: Bridge, predecessor: Predecessor) -> Described:
    """Return the body of ``/api/stats``."""
    return {
        "timestamp": str(int(time.time())),
        "cameras": describe_all_cameras(bridge, predecessor),
        "webrtc": _describe_webrtc(bridge, predecessor),
    }


def describe_all_cameras(bridge: Bridge, predecessor: Predecessor) -> Described:
    """Return the body of ``/api/cameras``.

    ``initialized``: somebody publishes the camera's pictures. ``running``: and they come, or would
    if anybody watched.
    """
    cameras = describe_cameras(bridge)
    return {
        str(camera["name"]): _describe_camera(bridge, predecessor, camera) for camera in cameras
    }


def describe_config(bridge: Bridge, predecessor: Predecessor, web_port: int) -> Described:
    """Return the body of ``/api/config``: the whole configuration, with what is in force of it.

    There are no periodic key frames; ``keyframe_interval`` is what the file says, or 0.
    """
    settings, document = predecessor.settings, predecessor.document
    address = _address(settings)
    ports = {name: predecessor.ports.get(name, 0) for name in settings.cameras}
    in_force: dict[str, Described] = {
        "server": {"web_port": web_port, "bind_ip": settings.host, "pi_ip": address},
        "webrtc": {
            "enabled": any(ports.values()),
            "max_clients": settings.max_viewers_per_camera,
        },
        **{name: {"webrtc_port": port} for name, port in ports.items()},
    }
    return {
        **document,
        **{name: {**_section(document, name), **values} for name, values in in_force.items()},
        "codec": settings.codecs[0],
        "bitrate": settings.bitrate,
        "keyframe_interval": _first(document, "keyframe_interval", ("video", "encoding"), 0),
        "camera1_port": 0,
        "camera2_port": 0,
        **{f"{name}_port": port for name, port in ports.items()},
        "pi_ip": address,
    }


def describe_services(bridge: Bridge, predecessor: Predecessor) -> Described:
    """Return what ``/health`` says of the bridge's parts."""
    state = "inactive" if bridge.viewers is None else "running"
    now = datetime.datetime.now(datetime.timezone.utc)
    return {
        "timestamp": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "services": {
            "web_server": "running",
            "camera_manager": f"{state} ({len(bridge.feeds)} cameras)",
            "webrtc_servers": f"{state} ({len(predecessor.ports)} servers)",
        },
    }


def _describe_camera(
    bridge: Bridge, predecessor: Predecessor, camera: Mapping[str, Any]
) -> Described:
    section = _section(predecessor.document, camera["name"])
    initialized = bool(bridge.publisher_types(bridge.feeds[camera["name"]].topic))
    active = bridge.viewers is not None
    return {
        "id": camera["name"],
        "device_path": section.get("device") or "",
        "running": active and initialized and not camera["reason"],
        "initialized": initialized,
        "width": camera["width"] or section.get("width", 0),
        "height": camera["height"] or section.get("height", 0),
        "fps": section.get("fps", bridge.settings.framerate),
    }


def _describe_webrtc(bridge: Bridge, predecessor: Predecessor) -> Described:
    sockets, viewers = predecessor.sockets, bridge.viewers
    described = {}
    for name, port in predecessor.ports.items():
        peers = _describe_peers(viewers, name)
        described[name] = {
            "camera_id": name,
            "port": port,
            "is_streaming": any(peer["is_streaming"] for peer in peers.values()),
            "peer_count": len(peers),
            "client_count": len(sockets[name]),
            "peers": peers,
        }
    return described


def _describe_peers(viewers: LateViewers | None, camera: str) -> Described:
    """Describe whoever watches, by whichever way it came."""
    peers = viewers.peers(camera) if viewers is not None else {}
    return {
        number: {
            "id": number,
            **{f"{name}_state": state for name, state in states.items()},
            "is_streaming": states["connection"] == "connected",
        }
        for number, states in peers.items()
    }


def _address(settings: PredecessorSettings) -> str:
    """Return this machine's address: the one that is configured, or the first that others reach."""
    addresses = [ip for ip in machine_addresses() if ip not in ("127.0.0.1", "::1")]
    return settings.pi_ip or next(iter(addresses), "127.0.0.1")


def _section(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = document.get(name)
    return section if isinstance(section, Mapping) else {}


def _first(document: Mapping[str, Any], key: str, sections: tuple[str, ...], default: Any) -> Any:
    found = [_section(document, section).get(key) for section in sections]
    return next((value for value in found if value is not None), default)
