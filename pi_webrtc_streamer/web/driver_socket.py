# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A driver's WebSocket (RFC 6455), as :mod:`..webrtc.socket_line` wants it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from aiohttp import WSCloseCode, WSMsgType, web

from ..runtime.async_owning import AsyncOwned
from ..runtime.faults import faults
from ..runtime.owning import ReleaseError
from ..webrtc.sctp_guard import LARGEST_MESSAGE
from .connection import let_talk

logger = logging.getLogger(__name__)

HEARTBEAT = 10.0  # seconds between pings; who answers none for half as long is hung up on
GOOD_BYE = 0.3  # seconds


class DriverSocket:
    """The socket of one request. It is opened by the greeting, so that a refusal is HTTP's."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self.response = web.WebSocketResponse(
            timeout=GOOD_BYE,
            heartbeat=HEARTBEAT,
            autoping=False,  # a ping counts as a message
            compress=False,
            max_msg_size=LARGEST_MESSAGE,
        )

    async def serve(self, run: Callable[[], Awaitable[object]]) -> None:
        """Close the socket after something that uses it."""
        try:
            async with AsyncOwned() as owned:
                owned.take_async("a driver's socket", lambda: self, DriverSocket._close)
                await run()
        except ConnectionError:
            pass  # the driver has gone, which is how a socket ends
        except ReleaseError:
            pass  # which has been logged
        except Exception as error:
            if not self.response.prepared:
                raise
            # Not for errors_as_json, which would answer by HTTP on a socket.
            faults.report(logger, "a driver was lost", error)

    async def greet(self, session: str) -> None:
        """Open the socket, and tell the driver its session's name."""
        await self.response.prepare(self._request)
        let_talk(self._request, LARGEST_MESSAGE)
        await self.response.send_str(json.dumps({"session": session}))

    async def send(self, message: bytes) -> None:
        """Send a binary message."""
        await self.response.send_bytes(message)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Return the binary messages that come; text ends the socket, as what is too large does."""
        async for message in self.response:
            let_talk(self._request, LARGEST_MESSAGE)
            if message.type is WSMsgType.BINARY:
                yield message.data
            elif message.type is WSMsgType.PING:
                await self.response.pong(message.data)
            elif message.type is not WSMsgType.PONG:
                break

    @property
    def full(self) -> bool:
        """Whether some of what was sent still waits on this machine."""
        transport = self._request.transport
        return transport is None or transport.get_write_buffer_size() > 0

    async def _close(self) -> None:
        if not self.response.prepared:
            return
        with suppress(asyncio.TimeoutError, ConnectionError):
            closing = self.response.close(
                code=WSCloseCode.GOING_AWAY, message=b"the bridge hangs up"
            )
            await asyncio.wait_for(closing, GOOD_BYE)
        transport = self._request.transport
        if transport is None:
            return
        if transport.get_write_buffer_size():
            transport.abort()  # it reads nothing
        else:
            transport.close()
