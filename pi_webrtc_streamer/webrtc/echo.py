"""How full a viewer's link is, by what a question to it takes to be answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from aioice import stun
from aioice.ice import CandidatePair, Connection

LONGEST_WAIT = 0.5  # seconds after which an answer is taken for lost


class Echo:
    """Asks, when told to, by what ICE keeps its path alive with (RFC 7675): a STUN request.

    RTCP tells a round trip once a second, and a link's queue is full sooner. One question is under
    way at a time; ``on_answer`` gets its round trip in seconds. Lives in the event loop.
    """

    def __init__(self, on_answer: Callable[[float], object]) -> None:
        self._on_answer = on_answer
        self._asked: _Question | None = None

    def ask(self, connection: Connection, pair: CandidatePair, now: float) -> None:
        """Send a question over a pair, unless one is under way or the pair is closed."""
        transport: object = pair.protocol.transport  # that of a TURN server cannot say
        if isinstance(transport, asyncio.BaseTransport) and transport.is_closing():
            return
        if self._asked is not None:
            if now < self._asked.since + LONGEST_WAIT:
                return
            self.close()
        self._asked = _Question(connection, pair, now, self._take)

    def close(self) -> None:
        """Wait for no answer any more; safe to call twice."""
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.forget()

    def _take(self, round_trip: float) -> None:
        self.close()
        self._on_answer(round_trip)


class _Question:
    """Stands in the place of one of aioice's transactions, which would take a task each."""

    def __init__(
        self,
        connection: Connection,
        pair: CandidatePair,
        now: float,
        on_answer: Callable[[float], object],
    ) -> None:
        self.since = now
        self._on_answer = on_answer
        self._transactions = pair.protocol.transactions
        assert connection.remote_password is not None  # or there would be no pair
        request = connection.build_request(pair, nominate=False)
        request.add_message_integrity(connection.remote_password.encode())
        self._id = request.transaction_id
        self._transactions[self._id] = self  # type: ignore[assignment]
        pair.protocol.send_stun(request, pair.remote_addr)

    def response_received(self, message: stun.Message, addr: tuple[str, int]) -> None:
        """Take the answer, whatever it is; aioice calls this."""
        self._on_answer(time.monotonic() - self.since)

    def forget(self) -> None:
        """Take no answer."""
        self._transactions.pop(self._id, None)
