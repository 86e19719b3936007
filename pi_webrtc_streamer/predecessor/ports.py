"""The predecessor's part of the bridge node: signalling ports, and what switches its cameras."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from functools import partial

from aiohttp.web import Application
from rclpy.node import Node

from ..bridge import Bridge
from ..runtime.owning import Owned
from ..settings.bridge import BridgeSettings
from ..web.access import Access
from ..web.server import listen
from .state import Predecessor, parse_document


def make_predecessor(
    node: Node, owned: Owned, settings: BridgeSettings, ports: Mapping[str, int]
) -> Predecessor:
    """Return what the predecessor's clients are told, and what they start and stop.

    ``ports`` has each camera's signalling port, 0 where it has none.
    """
    ports = {name: port for name, port in ports.items() if port}
    if not settings.legacy:
        return Predecessor(ports)
    from .switch import NodeSwitch

    switches = {
        name: owned.take(
            f"what starts and stops {name}", partial(NodeSwitch, node, name), NodeSwitch.close
        )
        for name in settings.cameras
    }
    return Predecessor(ports, switches, parse_document(settings.legacy_config))


def listen_for_signalling(
    owned: Owned, host: str, ports: Mapping[str, int]
) -> dict[str, socket.socket]:
    """Listen on each camera's signalling port.

    :raises PortError: if one cannot be listened on; it names the camera's parameter.
    """
    return {
        name: owned.take(
            f"the signalling port of {name}",
            partial(listen, host, port, f"{name}.signalling_port"),
            socket.socket.close,
        )
        for name, port in ports.items()
    }


def make_signalling_apps(bridge: Bridge, access: Access) -> dict[str, Application]:
    """Return the application that serves each signalling port, by its camera."""
    if not bridge.predecessor.ports:
        return {}
    from .web.signalling import make_signalling_app

    return {name: make_signalling_app(bridge, access, name) for name in bridge.predecessor.ports}
