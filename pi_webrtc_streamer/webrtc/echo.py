# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How full a viewer's link is, by what a question to it takes to be answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from aioice import stun
from aioice.ice import CandidatePair, Connection

from ..link.hold import OnAnswer

FORGOTTEN = 1.0  # seconds after which an answer counts no more


class Echo:
    """Asks by what ICE keeps its path alive with (RFC 7675): a STUN request.

    RTCP tells a round trip once a second, and a link's queue is full sooner. Lives in the event
    loop.
    """

    def __init__(self) -> None:
        self._asked: list[_Question] = []

    def ask(
        self, connection: Connection, pair: CandidatePair, now: float, on_answer: OnAnswer
    ) -> None:
        """Send a question over a pair, unless the pair is closed."""
        transport: object = pair.protocol.transport  # that of a TURN server cannot say
        if isinstance(transport, asyncio.BaseTransport) and transport.is_closing():
            return
        self._forget(now - FORGOTTEN)

        def take(question: _Question, round_trip: float) -> None:
            self._asked.remove(question)
            question.forget()
            on_answer(round_trip, question.since)

        self._asked.append(_Question(connection, pair, now, take))

    def asked_since(self, when: float) -> bool:
        """Whether a question of since then has no answer yet."""
        return bool(self._asked) and self._asked[-1].since > when

    def close(self) -> None:
        """Wait for no answer any more; safe to call twice."""
        while self._asked:
            self._asked.pop().forget()

    def _forget(self, before: float) -> None:
        while self._asked and self._asked[0].since < before:
            self._asked.pop(0).forget()


class _Question:
    """Stands in the place of one of aioice's transactions, which would take a task each."""

    def __init__(
        self,
        connection: Connection,
        pair: CandidatePair,
        now: float,
        on_answer: Callable[[_Question, float], object],
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
        self._on_answer(self, time.monotonic() - self.since)

    def forget(self) -> None:
        """Take no answer."""
        self._transactions.pop(self._id, None)
