"""Datagrams that wait to be read by a viewer's peer connection."""

from __future__ import annotations

import asyncio

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
