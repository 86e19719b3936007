# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Datagrams that wait to be read by a viewer's peer connection."""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)

# A viewer sends some dozens a second. They wait in the time between ICE and DTLS, and where the
# event loop is late.
MOST_WAITING = 256


class DatagramQueue(asyncio.Queue[tuple[bytes, int] | None]):
    """Takes the place of aioice's queue, which takes whatever anybody sends to the port.

    One empty datagram would end the connection, and a flood of them fill the memory: the first are
    left out, and the others when there are too many. None, the end, always finds room.
    """

    def put_nowait(self, item: tuple[bytes, int] | None) -> None:
        """Let a datagram and its component wait, or drop it."""
        if item is None or (item[0] and self.qsize() < MOST_WAITING):
            super().put_nowait(item)


def dropping_malformed(
    take: Callable[[bytes, tuple[Any, ...]], None],
) -> Callable[[bytes, tuple[Any, ...]], None]:
    """Return what takes datagrams as aioice does, without those at which it fails.

    It reads attributes of STUN in the length that they should have, whatever they say.
    """

    def take_well_formed(data: bytes, addr: tuple[Any, ...]) -> None:
        try:
            take(data, addr)
        except struct.error as error:
            logger.debug("dropped a malformed datagram: %s", error)

    return take_well_formed
