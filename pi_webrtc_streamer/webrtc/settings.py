# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is the same for all viewers of a bridge."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass

from ..media.tiers import Tier


@dataclass(frozen=True)
class IceServer:
    """A STUN or TURN server; aiortc's own class would bring all of aiortc."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


@dataclass(frozen=True)
class ViewerSettings:
    """``codecs`` in the order of preference; no ICE server is asked unless it is named.

    ``connect_timeout`` is in seconds, from the answer to a connection that carries pictures.
    ``warnings`` takes what a viewer found out that concerns all, by subject. ``udp_port`` is 0 if
    each viewer has ports of its own; ``udp_addresses`` are others' that lead to it.
    """

    codecs: list[str]
    ice_servers: list[IceServer]
    tiers: tuple[Tier, ...]
    connect_timeout: float
    warnings: MutableMapping[str, str]
    udp_port: int
    udp_addresses: list[str]
