# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Drivers: each has a connection of its own, by WebRTC or, where UDP is blocked, by WebSocket, and
is told over it, 20 times a second, how things stand.

Loads no aiortc: that comes with the first viewer, or with the first driver by WebRTC.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, Protocol

from ..runtime.async_owning import AsyncOwned, Scope
from ..runtime.faults import faults
from ..runtime.heap import release_heap
from ..runtime.owning import LONGEST_RELEASE, ReleaseError
from .errors import TooManyViewers
from .owners import Gone, Owners, ended
from .socket_line import Socket, SocketLine

if TYPE_CHECKING:
    from .late import LateViewers
    from .viewers import Viewers

logger = logging.getLogger(__name__)

STATUS_INTERVAL = 0.05  # seconds
ANSWER_TIMEOUT = 10.0  # seconds
MOST_DRIVERS = 8
MOST_CONNECTING = 4


class Cockpit(Protocol):
    """What drivers talk to. It is called in the event loop, and must be quick: the pictures wait.

    A session is one connection. A page that connects anew, with the same ``tab``, has two for a
    while: the older one leaves when the newer one is connected. ``now`` is ``time.monotonic()``.
    """

    def join(self, tab: str, name: str, address: str, now: float, slow: bool) -> str:
        """Return a new session's name, which nobody can guess; ``slow`` if it is by WebSocket.

        It may never connect.
        """
        ...

    def leave(self, session: str, now: float) -> None:
        """Take note that a session has ended, whatever ended it."""
        ...

    def receive(self, session: str, message: bytes, now: float) -> None:
        """Take a message of up to 64 bytes, whatever it says."""
        ...

    def status(self, session: str, now: float) -> bytes:
        """Return how things stand, for one session. It is asked only for what is sent at once."""
        ...


class Line(Protocol):
    """What carries a session's messages."""

    why_gone: str | None

    @property
    def ready(self) -> bool:
        """Whether a message would go at once."""
        ...

    async def send(self, message: bytes) -> bool:
        """Send a message; returns whether it went. Waits for nobody."""
        ...

    def trouble(self, now: float) -> str | None:
        """Say why it should be ended, or None if it is well."""
        ...

    def end(self, why: str) -> None:
        """End it; the first reason holds."""
        ...

    def describe(self) -> dict[str, object]:
        """Return what ``/stats`` says of it."""
        ...


class Seat:
    """A driver's connection, from its place to its end."""

    def __init__(self, tab: str) -> None:
        self.tab = tab
        self.id = ""  # what the cockpit has called it, once it has
        self.line: Line | None = None
        self.connected = False
        self.task = asyncio.current_task()  # which owns it
        self.over = asyncio.get_running_loop().create_future()  # when all is given back

    @property
    def why_gone(self) -> str | None:
        """Why it ends, None while it does not."""
        return self.line.why_gone if self.line is not None else None

    def end(self, why: str) -> None:
        """End it; the first reason holds."""
        if self.line is not None:
            self.line.end(why)


class Controllers:
    """Admits drivers and owns their connections until they are gone; lives in the event loop.

    Who drives is for the ``cockpit`` to say. ``viewers`` have the settings of connections, and the
    UDP port if there is one for all; they are to be closed after the drivers.
    """

    def __init__(self, cockpit: Cockpit, viewers: LateViewers) -> None:
        self._cockpit = cockpit
        self._viewers = viewers
        self._owners: Owners[tuple[str, str]] = Owners()
        self._places: set[Seat] = set()
        self._seats: dict[str, Seat] = {}  # those whom the cockpit knows
        self._statuses: asyncio.Task[None] | None = None
        self._gone = Gone()
        self._closed = False

    async def admit(self, offer: str, tab: str, name: str, address: str) -> tuple[str, str]:
        """Answer an offer of one data channel; returns the session and the answer.

        :raises TooManyViewers: if there is no place for a driver.
        :raises OfferError: if the offer cannot be answered.
        :raises NoAddress: if this machine has none for the driver.
        :raises AnswerTimeout: if that takes too long.
        """
        viewers = await self._viewers.loaded()
        own = partial(self._own, viewers, offer, tab, name, address)
        answered = await self._owners.answer(own, ANSWER_TIMEOUT)
        self._tell_statuses()
        return answered

    async def serve_socket(self, socket: Socket, tab: str, name: str, address: str) -> None:
        """Serve a driver over a WebSocket until either side ends it.

        :raises TooManyViewers: if there is no place for a driver; the socket was not touched.
        """
        try:
            async with AsyncOwned() as owned:
                seat = owned.take("a driver's place", partial(self._take_place, tab), self._free)
                line = seat.line = SocketLine(socket)
                owned.take("a driver's seat", partial(self._join, seat, name, address), self._leave)
                await socket.greet(seat.id)
                self._connected(seat)
                self._tell_statuses()
                await line.run(partial(self._receive, seat))
        except ReleaseError:
            pass  # which has been logged

    def has(self, session: str) -> bool:
        """Whether there is a session of this name."""
        return session in self._seats

    async def remove(self, session: str, why: str) -> None:
        """End a session, if there is one of this name; returns when all it held is given back."""
        if (gone := self._seats.get(session)) is not None:
            gone.end(why)
            await _over([gone])

    def why_gone(self, session: str) -> str | None:
        """Say why a session is gone, for some time after it went; None if it is unknown."""
        return self._gone.why(session)

    def describe(self) -> list[dict[str, object]]:
        """Return what ``/stats`` says of drivers."""
        return [
            {"connected": seat.connected, **seat.line.describe()}
            for seat in self._seats.values()
            if seat.line is not None
        ]

    async def close(self) -> None:
        """End every session; whoever still comes is refused."""
        self._closed = True
        if self._statuses is not None:
            self._statuses.cancel()
            await ended([self._statuses])
        for seat in self._places:
            seat.end("the bridge is deactivated")
            if not seat.id and seat.task is not None:
                seat.task.cancel()  # its offer has not been answered yet
        await ended(self._owners.tasks)
        await _over(self._places)

    async def _own(
        self,
        viewers: Viewers,
        offer: str,
        tab: str,
        name: str,
        address: str,
        answered: asyncio.Future[tuple[str, str]],
    ) -> None:
        """Own all that a driver by WebRTC holds; one task for each."""
        from .control import ControlPeer  # the docstring says why not before

        try:
            async with AsyncOwned() as owned:
                seat = owned.take("a driver's place", partial(self._take_place, tab), self._free)
                owned.take_async("what was started for a driver", Scope, Scope.close)
                peer = seat.line = owned.take_async(
                    "a driver's peer connection",
                    lambda: ControlPeer(f"driver {name!r}", viewers.settings, viewers.port),
                    ControlPeer.close,
                )
                answer = await peer.answer(offer)
                owned.take("a driver's seat", partial(self._join, seat, name, address), self._leave)
                peer.on_message = partial(self._receive, seat)
                answered.set_result((seat.id, answer))
                await peer.watch(partial(self._connected, seat))
        except ReleaseError:
            pass  # which has been logged
        except Exception as error:
            if not answered.done():
                raise  # for admit() to say
            faults.report(logger, "a driver was lost", error)

    def _take_place(self, tab: str) -> Seat:
        """Take a place; what the same page has begun before, and is not yet connected, ends.

        :raises TooManyViewers: if there is none.
        """
        if self._closed:
            raise TooManyViewers("the bridge has been deactivated")
        for seat in self._places:
            if seat.tab == tab and not seat.connected:
                seat.end("its page has begun anew")
        if len(self._places) >= MOST_DRIVERS:
            raise TooManyViewers(f"all {MOST_DRIVERS} places for drivers are taken")
        connecting = [each for each in self._places if not (each.connected or each.why_gone)]
        if len(connecting) >= MOST_CONNECTING:
            raise TooManyViewers(f"{MOST_CONNECTING} drivers are about to connect")
        seat = Seat(tab)
        self._places.add(seat)
        return seat

    def _free(self, seat: Seat) -> None:
        self._places.discard(seat)
        seat.over.set_result(None)

    def _join(self, seat: Seat, name: str, address: str) -> Seat:
        slow = isinstance(seat.line, SocketLine)
        seat.id = self._cockpit.join(seat.tab, name, address, time.monotonic(), slow)
        self._seats[seat.id] = seat
        return seat

    def _leave(self, seat: Seat) -> None:
        del self._seats[seat.id]
        why = seat.why_gone or "its task was cancelled"
        self._gone.note(seat.id, why)
        logger.info("driver gone: %s", why)
        self._cockpit.leave(seat.id, time.monotonic())

    def _connected(self, seat: Seat) -> None:
        """Take note that a driver is connected, or never will be; its page needs no other."""
        if seat.why_gone is not None:
            return
        seat.connected = True
        for other in self._places:
            if other.tab == seat.tab and other is not seat:
                other.end("its page has connected anew")

    def _receive(self, seat: Seat, message: bytes) -> None:
        if self._seats.get(seat.id) is not seat:
            return  # it has left, and its connection is still being closed
        try:
            self._cockpit.receive(seat.id, message, time.monotonic())
        except Exception as error:
            # A fault of ours must not end the connection that STOP comes over.
            faults.report(logger, "a driver's message could not be taken", error)

    def _tell_statuses(self) -> None:
        """Begin to; not in a driver's own task, with whose :class:`Scope` it would end."""
        if self._statuses is None and not self._closed:
            self._statuses = asyncio.create_task(self._send_statuses())

    async def _send_statuses(self) -> None:
        """Tell every driver how things stand until the last one is gone."""
        try:
            due = time.monotonic()
            while self._seats:
                for seat in tuple(self._seats.values()):
                    await self._send_status(seat)
                due = next_due(due, time.monotonic(), STATUS_INTERVAL)
                await asyncio.sleep(due - time.monotonic())
        finally:
            self._statuses = None
        release_heap()

    async def _send_status(self, seat: Seat) -> None:
        line, now = seat.line, time.monotonic()
        if line is None or self._seats.get(seat.id) is not seat:
            return
        try:
            if (trouble := line.trouble(now)) is not None:
                seat.end(trouble)
            elif line.ready:
                await line.send(self._cockpit.status(seat.id, now))
        except Exception as error:
            # A fault of ours must not keep the others from being told.
            faults.report(logger, "a driver could not be told how things stand", error)


def next_due(due: float, now: float, interval: float) -> float:
    """Return when a schedule is due next, which was due at ``due``; what was missed is left out."""
    missed = max(0, math.floor((now - due) / interval))
    return due + (missed + 1) * interval


async def _over(seats: Collection[Seat]) -> None:
    """Wait until seats that were told to end have given everything back."""
    if waits := [seat.over for seat in seats]:
        await asyncio.wait(waits, timeout=LONGEST_RELEASE)
