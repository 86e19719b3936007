# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the bridge node can be told for the predecessor's clients."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..settings import bridge
from ..settings.addresses import LARGEST_PORT, is_host
from ..settings.bridge import BridgeSettings, OfEachCamera, of_camera
from ..settings.schema import Setting, SettingsError, Value, setting

# As those of the bridge itself.
OF_EACH_CAMERA: OfEachCamera = {
    "signalling_port": (
        Setting(
            "TCP port on which the predecessor's clients ask for camera {} (WebSocket); 0: none",
            minimum=0,
            maximum=LARGEST_PORT,
        ),
        0,
    ),
}


@dataclass(frozen=True)
class PredecessorSettings(BridgeSettings):
    """Parameters of a bridge node that also serves the predecessor's clients."""

    legacy: bool = setting(
        False,
        "Serve the predecessor's /viewer and /api/* on the HTTP port, too, and lead / to /viewer",
    )
    pi_ip: str = setting(
        "",
        "This machine's address, or its name, as the predecessor's clients are told it; empty: it "
        "is found out",
    )
    legacy_config: str = setting(
        "",
        "The predecessor's config.toml as JSON, as its clients are told it (/api/config)",
    )
    websocket_max_message: int = setting(
        65_536,
        "Bytes of a message that the predecessor's clients send; an offer has 3000 to 10,000",
        minimum=1024,
        maximum=16_777_216,
    )
    websocket_messages_per_second: float = setting(
        50.0,
        "How many messages a second each of the predecessor's clients may send; as many as in 2 s "
        "may come at once",
        minimum=1.0,
        maximum=10_000.0,
    )
    websocket_idle_timeout: float = setting(
        600.0,
        "How long a client of the predecessor's that watches nothing may say nothing, in seconds; "
        "some pages connect long before somebody wants to see something",
        minimum=1.0,
        maximum=86_400.0,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pi_ip and not is_host(self.pi_ip):
            raise SettingsError(
                f'pi_ip is "{self.pi_ip}" (perhaps by the environment variable PI_IP); write an IP '
                "address or the name of a host"
            )
        try:
            parse_document(self.legacy_config)
        except (ValueError, RecursionError) as error:
            raise SettingsError(f"legacy_config cannot be read: {error}") from error

    @property
    def known_hosts(self) -> list[str]:
        """The further names of the bridge; clients that are told ``pi_ip`` come by it."""
        return [*super().known_hosts, self.pi_ip] if self.pi_ip else super().known_hosts


def settings_of_camera(name: str) -> dict[str, tuple[Setting, Value]]:
    """Return the settings that the bridge has for one camera, each with its default."""
    return bridge.settings_of_camera(name) | of_camera(name, OF_EACH_CAMERA)


def parse_document(text: str) -> dict[str, Any]:
    """Return the content of the parameter ``legacy_config``; nothing of what is empty.

    :raises ValueError: if it is no JSON object.
    """
    content = json.loads(text or "{}")
    if not isinstance(content, dict):
        raise ValueError("it is no JSON object")
    return content
