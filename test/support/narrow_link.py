# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A narrow link: what the bridge sends to a viewer has to queue before it."""

import asyncio
import re
from collections.abc import Callable
from typing import cast

CANDIDATE = re.compile(r"(a=candidate:\S+ 1 udp \d+) (\S+) (\d+) (typ host.*\r\n)")
ANY_CANDIDATE = re.compile(r"a=(?:candidate:.*|end-of-candidates)\r\n")
LONGEST_QUEUE = 0.6  # seconds

Address = tuple[str, int]


class NarrowLink:
    """Two sockets, one for each side; ``rate`` bit/s pass from the bridge to the viewer.

    The viewer finds it ``at`` an address and port, if it is not to be any.
    """

    def __init__(self, rate: float, at: Address | None = None) -> None:
        self.rate = rate
        self._at = at
        self._free_at = 0.0
        self._bridge: Address | None = None
        self._viewer: Address | None = None
        self._near_bridge = _Side(self._take_from_bridge)
        self._near_viewer = _Side(self._take_from_viewer)

    @staticmethod
    def hide(offer: str) -> str:
        """Return an offer that does not say where the viewer is."""
        return ANY_CANDIDATE.sub("", offer)

    async def lead(self, answer: str) -> str:
        """Return an answer that leads to this link instead of the bridge."""
        found = CANDIDATE.search(answer)
        assert found is not None, answer
        head, host, port, tail = found.groups()
        self._bridge = host, int(port)
        loop = asyncio.get_running_loop()
        for side, at in (
            (self._near_bridge, (host, 0)),
            (self._near_viewer, self._at or (host, 0)),
        ):
            await loop.create_datagram_endpoint(lambda side=side: side, at)
        own_host, own_port = self._near_viewer.transport.get_extra_info("sockname")
        candidate = f"{head} {own_host} {own_port} {tail}a=end-of-candidates\r\n"
        return ANY_CANDIDATE.sub("", answer) + candidate

    def close(self) -> None:
        """Give the sockets back; what is under way is lost."""
        for side in (self._near_bridge, self._near_viewer):
            if side.transport is not None:
                side.transport.close()

    def _take_from_viewer(self, data: bytes, address: Address) -> None:
        self._viewer = address
        self._near_bridge.send(data, self._bridge)

    def _take_from_bridge(self, data: bytes, address: Address) -> None:
        loop = asyncio.get_running_loop()
        begins = max(loop.time(), self._free_at)
        if begins < loop.time() + LONGEST_QUEUE:
            self._free_at = begins + 8 * len(data) / self.rate
            loop.call_at(self._free_at, self._near_viewer.send, data, self._viewer)


class _Side(asyncio.DatagramProtocol):
    def __init__(self, take: Callable[[bytes, Address], None]) -> None:
        self.datagram_received = take
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def send(self, data: bytes, address: Address | None) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.sendto(data, address)
