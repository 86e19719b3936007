# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""TCP connections to the HTTP port: how many there may be.

Not left to asyncio's server, which accepts whatever comes and repeats itself in the log while there
is no file descriptor left.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

from ..access.clients import client_of
from .connection import Connection, ConnectionLimits, answer
from .errors import RETRY_AFTER

logger = logging.getLogger(__name__)

ACCEPT_AGAIN_AFTER = 0.5  # seconds, where the system has no room for a connection
# A refusal stays until the client has read it: a connection that is closed while a request comes in
# is reset, and the answer lost. Of more at once, the others are closed without a word.
MOST_REFUSALS = 32
REFUSAL_STAYS = 1.0  # seconds


class Listener:
    """Accepts connections on a socket from :meth:`start` to :meth:`stop`, within limits.

    ``make_handler`` returns the protocol that serves a connection, which is one over TLS where
    ``tls`` is given. ``refused`` counts those for which there was no room.
    """

    def __init__(
        self,
        listening: socket.socket,
        make_handler: Callable[[], asyncio.Protocol],
        limits: ConnectionLimits,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._socket = listening
        self._tls = tls
        self._socket.setblocking(False)
        self._make_handler = make_handler
        self._limits = limits
        self._clients: Counter[str] = Counter()
        self._connecting: set[asyncio.Task[None]] = set()
        self._refusals: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self.refused = 0

    @property
    def connected(self) -> int:
        """How many connections there are."""
        return self._clients.total()

    def start(self) -> None:
        """Begin to accept."""
        self._pause = None
        asyncio.get_running_loop().add_reader(self._socket, self._accept)

    def stop(self) -> None:
        """Accept no more; what is connected goes on. Safe to call twice."""
        asyncio.get_running_loop().remove_reader(self._socket)
        if self._pause is not None:
            self._pause.cancel()

    async def end_tasks(self) -> None:
        """End what is neither served nor closed yet."""
        left = self._connecting | self._refusals
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)

    def _accept(self) -> None:
        try:
            connected, address = self._socket.accept()
        except (BlockingIOError, ConnectionError):
            return  # it was gone before it was accepted
        except OSError as error:
            logger.warning("no connection can be accepted now: %s", error.strerror)
            self.stop()
            loop = asyncio.get_running_loop()
            self._pause = loop.call_later(ACCEPT_AGAIN_AFTER, self.start)
            return
        connected.setblocking(False)
        client = client_of(address[0])
        refusal = self._refusal(client)
        if refusal is None:
            self._clients[client] += 1
            connection = Connection(
                self._make_handler(), self._limits, on_closed=partial(self._give_back, client)
            )
            _own(self._connect(connected, connection), self._connecting)
            return
        self.refused += 1
        if self._tls is None and len(self._refusals) < MOST_REFUSALS:
            _own(_refuse(connected, refusal), self._refusals)
        else:
            connected.close()

    def _refusal(self, client: str) -> bytes | None:
        limits = self._limits
        if self.connected >= limits.total:
            return answer(
                503, f"all {limits.total} connections are taken; try again later", RETRY_AFTER
            )
        if self._clients[client] >= limits.address:
            return answer(429, f"{client} has {limits.address} connections already", RETRY_AFTER)
        return None

    async def _connect(self, connected: socket.socket, connection: Connection) -> None:
        connecting = asyncio.get_running_loop().connect_accepted_socket(
            lambda: connection,
            connected,
            ssl=self._tls,
            ssl_handshake_timeout=None if self._tls is None else self._limits.request_timeout,
        )
        try:
            await asyncio.wait_for(connecting, self._limits.request_timeout)
        except BaseException as error:
            connection.abort()
            connection.close_once()
            if not isinstance(error, (OSError, asyncio.TimeoutError)):
                raise
            logger.debug("a connection failed: %s", error)

    def _give_back(self, client: str) -> None:
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]


async def _refuse(connected: socket.socket, refusal: bytes) -> None:
    """Say why, and close when the client has read it, or not in time."""
    loop = asyncio.get_running_loop()

    async def say() -> None:
        await loop.sock_sendall(connected, refusal)
        connected.shutdown(socket.SHUT_WR)
        while await loop.sock_recv(connected, 4096):
            pass

    with connected, suppress(OSError, asyncio.TimeoutError):
        await asyncio.wait_for(say(), REFUSAL_STAYS)


def _own(work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> None:
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
