# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The predecessor's part of the bridge node: signalling ports, and what switches its cameras."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from aiohttp.web import Application
from rclpy.node import Node

from ..bridge import Bridge
from ..runtime.owning import Owned
from ..web.access import Access
from ..web.foreign import ForeignInterface
from ..web.ports import listen
from .settings import PredecessorSettings, parse_document
from .state import CameraSwitch, Predecessor

# Serves an application to those who connect to a socket; the text names it.
Serve: TypeAlias = Callable[[str, Application, socket.socket], object]


class PredecessorPorts:
    """What a bridge node holds for the predecessor's clients, from configure to cleanup.

    All that is taken goes onto the stack ``owned``, the node's.
    """

    def __init__(self, node: Node, owned: Owned, settings: PredecessorSettings) -> None:
        self._node = node
        self._owned = owned
        self._listening: dict[str, socket.socket] = {}
        ports = {
            name: node.get_parameter(f"{name}.signalling_port").value for name in settings.cameras
        }
        self.state = Predecessor(settings, {name: port for name, port in ports.items() if port})
        if settings.legacy:
            self.state.document = parse_document(settings.legacy_config)
            self.state.switches = self._take_switches()

    def listen(self) -> None:
        """Listen on each camera's signalling port.

        :raises PortError: if one cannot be listened on; it names the camera's parameter.
        """
        host = self.state.settings.host
        for name, port in self.state.ports.items():
            self._listening[name] = self._owned.take(
                f"the signalling port of {name}",
                partial(listen, host, port, f"{name}.signalling_port"),
                socket.socket.close,
            )

    def interface(self, bridge: Bridge) -> ForeignInterface:
        """Return what the HTTP port serves beside the bridge's own interface."""
        if not self.state.settings.legacy:
            return ForeignInterface()
        from .web.api import interface

        return interface(bridge, self.state)

    def serve(self, bridge: Bridge, access: Access, serve: Serve) -> None:
        """Serve each signalling port, and say in the log which there are."""
        if not self._listening:
            return
        from .web.signalling import make_signalling_app

        for name, listening in self._listening.items():
            app = make_signalling_app(bridge, self.state, access, name)
            serve(f"the signalling of {name}", app, listening)
        listed = ", ".join(f"{name} {port}" for name, port in self.state.ports.items())
        self._node.get_logger().info(f"signalling for the predecessor's clients on port: {listed}")

    def _take_switches(self) -> dict[str, CameraSwitch]:
        from .switch import NodeSwitch

        return {
            name: self._owned.take(
                f"what starts and stops {name}",
                partial(NodeSwitch, self._node, name),
                NodeSwitch.close,
            )
            for name in self.state.settings.cameras
        }
