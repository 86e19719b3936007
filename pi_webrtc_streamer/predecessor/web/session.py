# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A client of the predecessor's on its socket, from the first message to the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from ...bridge import Bridge
from ...runtime.async_owning import AsyncOwned
from ...runtime.rate_limit import RateLimit
from ...webrtc.errors import IceRestartError, OfferError, Unavailable
from ...webrtc.trickle import Fragment, FragmentError
from ..settings import PredecessorSettings
from .dialects import dialect_of_message, dialect_of_path
from .messages import Dialect, Malformed, Offer, Ping, Refused, candidates_of

if TYPE_CHECKING:
    from ...webrtc.viewer import Viewer

MOST_EARLY = 100  # candidates that come before the offer; a browser finds a dozen
LONGEST_REASON = 123  # bytes (RFC 6455, 5.5)
BURST = 2.0  # seconds' worth of messages that may come at once
GOOD_BYE = 0.3  # seconds that a client has to answer that the socket is closed
ENDED = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR)


class Hangup(Exception):
    """The client is told why, and the socket closed with a code (RFC 6455, 7.4.1)."""

    def __init__(self, code: WSCloseCode, why: str) -> None:
        super().__init__(why)
        self.code = code


class Session:
    """Serves a camera over a socket with :meth:`run`; one viewer at a time, given back by
    :meth:`close`. ``on_message`` is called with each message that comes.

    Made in the task that serves the socket, which :meth:`end` ends.
    """

    def __init__(
        self,
        bridge: Bridge,
        settings: PredecessorSettings,
        camera: str,
        address: str,
        socket: web.WebSocketResponse,
        path: str,
        on_message: Callable[[], object],
    ) -> None:
        self._bridge = bridge
        self._camera = camera
        self._address = address
        self._socket = socket
        self._task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        self._to_end: asyncio.Future[None] = loop.create_future()
        self._ended: asyncio.Future[None] = loop.create_future()  # and the client knows
        self._dialect: Dialect | None = None
        self._dialect_of_path = dialect_of_path(path)
        self._on_message = on_message
        self._patience = settings.websocket_idle_timeout
        self._fastest = settings.websocket_messages_per_second
        self._rate = RateLimit(self._fastest, max(1.0, BURST * self._fastest))
        self._early: list[Fragment] = []
        self._watching = AsyncOwned()  # holds one viewer at most
        self._viewer: Viewer | None = None
        self._owner: asyncio.Task[None] | None = None  # ends when the viewer is gone
        self._idle_since = time.monotonic()

    async def run(self) -> None:
        """Answer the client until it goes, or has to.

        :raises ConnectionError: if it goes without a word.
        """
        try:
            while (text := await self._next_text()) is not None:
                await self._take(text)
        except Hangup as hangup:
            await self._hang_up(hangup)
        finally:
            self._ended.set_result(None)

    async def end(self) -> None:
        """Tell the client that the bridge is deactivated, and end; called from another task.

        When the server goes, every connection goes, and that may be before all is given back that
        the session holds: the client is told first.
        """
        if not self._to_end.done():
            self._to_end.set_result(None)
        await asyncio.wait([self._ended], timeout=GOOD_BYE)
        with suppress(asyncio.TimeoutError, ConnectionError):  # it is busy with an offer, say
            await asyncio.wait_for(self._hang_up(_deactivated()), GOOD_BYE)
        if self._task is not None:
            self._task.cancel()

    async def _hang_up(self, hangup: Hangup) -> None:
        if not self._socket.closed:
            await self._socket.send_str(self._speaks().error(str(hangup)))
            await self._socket.close(code=hangup.code, message=_reason(str(hangup)))

    async def close(self) -> None:
        """End the viewer."""
        self._viewer = self._owner = None
        self._idle_since = time.monotonic()
        await self._watching.aclose()

    def _speaks(self) -> Dialect:
        return self._dialect or self._dialect_of_path

    async def _next_text(self) -> str | None:
        """Return the next message that says something, None at the end."""
        while True:
            message = await self._receive()
            if message is None:
                await self._let_go()
                continue
            if message.type in ENDED:
                return None
            self._on_message()
            self._idle_since = time.monotonic()
            self._count_message()
            if message.type is WSMsgType.PING:
                await self._socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                return str(message.data)
            elif message.type is WSMsgType.BINARY:
                return bytes(message.data).decode("utf-8", "replace")

    def _count_message(self) -> None:
        if not self._rate.allow(time.monotonic()):
            raise Hangup(
                WSCloseCode.POLICY_VIOLATION,
                f"more than {self._fastest:g} messages a second are too many",
            )

    async def _receive(self) -> WSMessage | None:
        """Return what comes next, None if the viewer ends first, or takes too long to come."""
        patience: float | None = None
        if self._viewer is None:
            patience = max(0.0, self._idle_since + self._patience - time.monotonic())
        elif self._owner is None:
            return None
        async with AsyncOwned() as owned:
            receiving = owned.take_async(
                "the wait for a message on a socket",
                lambda: asyncio.create_task(self._socket.receive()),
                _end,
            )
            awaited: list[asyncio.Future[Any]] = [receiving, self._to_end]
            if self._owner is not None:
                awaited.append(self._owner)
            await asyncio.wait(awaited, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        # Not sooner: a message may have come just before the wait for it was given up.
        return None if receiving.cancelled() else receiving.result()

    async def _let_go(self) -> None:
        """Hang up on a client without a viewer; one that has closed it may offer anew."""
        if self._to_end.done():
            raise _deactivated()
        viewer = self._viewer
        if viewer is None:
            raise Hangup(WSCloseCode.POLICY_VIOLATION, f"nothing came for {self._patience:g} s")
        if self._bridge.viewers is None:
            raise _deactivated()
        if not viewer.left:
            why = viewer.why_gone or "its task was cancelled"
            raise Hangup(WSCloseCode.TRY_AGAIN_LATER, f"the viewer is gone: {why}")
        await self.close()

    async def _take(self, text: str) -> None:
        self._dialect = self._dialect or dialect_of_message(text)
        event = self._speaks().read(text)
        if isinstance(event, Offer):
            await self._answer(event)
        elif isinstance(event, Fragment):
            await self._trickle(event)
        elif isinstance(event, Ping):
            await self._socket.send_str(self._speaks().pong())
        elif isinstance(event, Refused):
            await self._say_error(event.why)
        elif isinstance(event, Malformed):
            raise Hangup(WSCloseCode.INVALID_TEXT, event.why)

    async def _answer(self, offer: Offer) -> None:
        """Answer an offer; the viewer of the one before goes first, and leaves its place."""
        await self.close()
        viewers = self._bridge.viewers
        if viewers is None:
            raise Hangup(WSCloseCode.TRY_AGAIN_LATER, "the bridge is inactive; try again later")
        try:
            async with AsyncOwned() as owned:
                viewer, answer = await viewers.admit(self._camera, offer.sdp, self._address)
                owned.take_async(
                    "a socket's viewer",
                    lambda: viewer,
                    lambda viewer: viewers.remove(viewer, "its client left, or offered anew"),
                )
                self._watching = owned.pop_all()
        except Unavailable as error:
            raise Hangup(WSCloseCode.TRY_AGAIN_LATER, f"{error}; try again later") from error
        except OfferError as error:
            await self._say_error(str(error))
            return
        self._viewer, self._owner = viewer, viewers.owner(viewer)
        await self._socket.send_str(self._speaks().answer(answer))
        # They are in the answer; clients that show or wait for them get them as they did.
        for line, index in candidates_of(answer):
            await self._socket.send_str(self._speaks().candidate(line, index))
        early, self._early = self._early, []
        for fragment in early:
            await self._trickle(fragment)

    async def _trickle(self, fragment: Fragment) -> None:
        if self._viewer is not None:
            try:
                await self._viewer.add_candidates(fragment)
            except FragmentError as error:
                await self._say_error(str(error))
            except IceRestartError:
                pass  # it belongs to the offer before this one, and comes late
        elif len(self._early) < MOST_EARLY:
            self._early.append(fragment)
        else:
            await self._say_error(f"more than {MOST_EARLY} candidates came before an offer")

    async def _say_error(self, text: str) -> None:
        await self._socket.send_str(self._speaks().error(text))


def _deactivated() -> Hangup:
    return Hangup(WSCloseCode.GOING_AWAY, "the bridge is deactivated")


async def _end(task: asyncio.Task[WSMessage]) -> None:
    if not task.done():
        task.cancel()
        await asyncio.wait([task])


def _reason(text: str) -> bytes:
    return text.encode()[:LONGEST_REASON].decode(errors="ignore").encode()
