"""What the bridge knows for the predecessor's clients, without ROS."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


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
    ``sockets`` the tasks that serve its clients, and ``document`` the file config.toml.
    """

    ports: Mapping[str, int] = field(default_factory=dict)
    switches: Mapping[str, CameraSwitch] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict)
    sockets: Mapping[str, set[asyncio.Task[object]]] = field(
        default_factory=lambda: defaultdict(set)
    )


def parse_document(text: str) -> dict[str, Any]:
    """Return the content of the parameter ``legacy_config``; nothing of what is empty.

    :raises ValueError: if it is no JSON object.
    """
    content = json.loads(text or "{}")
    if not isinstance(content, dict):
        raise ValueError("it is no JSON object")
    return content
