# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The way to one viewer, as ICE has found it: packets, and questions how long and how full it is.

This file, gathering.py and shared_port.py alone touch what aioice keeps private.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from ..link.hold import OnAnswer
from .burst import BurstSocket
from .datagrams import DatagramQueue
from .echo import Echo

logger = logging.getLogger(__name__)


class Path:
    """Sends over the pair of addresses that ICE has chosen, whichever that is now.

    Lives in the event loop.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._echo = Echo()
        self._burst: tuple[asyncio.DatagramTransport, BurstSocket] | None = None
        connection._queue = DatagramQueue()

    @property
    def addresses(self) -> int:
        """How many addresses the viewer has: those it named, and those it sent checks from."""
        return len(self._connection._remote_candidates)

    def ask(self, now: float, on_answer: OnAnswer) -> None:
        """Find out how long the way is, and how full the queue before it."""
        if (pair := self._pair) is not None:
            self._echo.ask(self._connection, pair, now, on_answer)

    def asked_since(self, when: float) -> bool:
        """Whether a question of since then has no answer yet."""
        return self._echo.asked_since(when)

    def send(self, packets: Sequence[bytes]) -> bool:
        """Send protected packets; returns False if the network does not take them now."""
        pair = self._pair
        if pair is None:
            return False
        transport: Any = pair.protocol.transport
        if transport.get_extra_info("socket") is None:  # TURN, which wraps each packet once more
            for packet in packets:
                transport.sendto(packet, pair.remote_addr)
            return True
        if transport.get_write_buffer_size() > 0:
            return False  # the link is stuck: newer pictures would wait behind older ones
        try:
            return self._burst_socket(transport).send(packets, pair.remote_addr)
        except OSError as error:  # a route that is gone for now; ICE notices if it stays away
            logger.debug("not sent: %s", error)
            return False

    @property
    def stuck(self) -> bool:
        """Whether what is sent now would have to wait on this machine."""
        if (pair := self._pair) is None:
            return True
        transport: Any = pair.protocol.transport
        of_turn = transport.get_extra_info("socket") is None  # which cannot say
        return not of_turn and transport.get_write_buffer_size() > 0

    def cancel_checks(self) -> None:
        """Let ICE look for no other path, before its sockets are closed.

        aioice 0.10, which Python 3.10 has, would still try to send over them.
        """
        for pair in self._connection._check_list:
            if pair.task is not None:
                pair.task.cancel()

    def close(self) -> None:
        """Give back what was opened to send and to ask; the connection is somebody else's."""
        try:
            self._echo.close()
        finally:
            self._close_burst_socket()

    @property
    def _pair(self) -> Any:
        """The pair of addresses that ICE has chosen, None while it has not."""
        return self._connection._nominated.get(1)

    def _burst_socket(self, transport: asyncio.DatagramTransport) -> BurstSocket:
        if self._burst is None or self._burst[0] is not transport:
            self._close_burst_socket()
            self._burst = transport, BurstSocket(transport.get_extra_info("socket"))
        return self._burst[1]

    def _close_burst_socket(self) -> None:
        if self._burst is not None:
            self._burst[1].close()
            self._burst = None
