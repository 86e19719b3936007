# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the bridge knows for the predecessor's clients, without ROS."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from .settings import PredecessorSettings

if TYPE_CHECKING:
    from .web.session import Session


class SwitchError(Exception):
    """A camera could not be started or stopped; the text says why and what to do."""


class CameraSwitch(Protocol):
    """Starts and stops a camera's node, from the event loop."""

    async def start(self) -> None:
        """Return when the camera is active.

        :raises SwitchError: if it does not become so.
        """

    async def stop(self) -> None:
        """Return when the camera has given its device back.

        :raises SwitchError: if it does not.
        """


@dataclass
class Predecessor:
    """``ports`` has each camera's signalling port, ``switches`` what starts and stops it,
    ``sockets`` the sessions of its clients, and ``document`` the file config.toml.
    """

    settings: PredecessorSettings
    ports: Mapping[str, int] = field(default_factory=dict)
    switches: Mapping[str, CameraSwitch] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict)
    sockets: Mapping[str, set[Session]] = field(default_factory=lambda: defaultdict(set))
