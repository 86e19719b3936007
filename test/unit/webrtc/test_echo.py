# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Round trips by ICE's own checks, between two of aioice's connections."""

import asyncio
import logging
import time

from pi_webrtc_streamer.webrtc.echo import FORGOTTEN, Echo
from support.ice import connected
from support.waiting import until


class Answers(list[tuple[float, float]]):
    """Collects round trips, and when they were asked for."""

    def take(self, round_trip: float, asked: float) -> None:
        self.append((round_trip, asked))


async def test_questions_are_answered_and_leave_nothing():
    answers = Answers()
    echo = Echo()
    async with connected() as (connection, _):
        pair = connection._nominated[1]
        before = dict(pair.protocol.transactions)
        times = [time.monotonic() for _ in range(3)]
        for begun in times:
            echo.ask(connection, pair, begun, answers.take)
        assert echo.asked_since(times[-1] - 1)
        await until(lambda: len(answers) == len(times), "answers")
        ended = time.monotonic()
        assert sorted(asked for _, asked in answers) == times
        assert all(0 < round_trip <= ended - asked for round_trip, asked in answers)
        assert pair.protocol.transactions == before
        assert not echo.asked_since(times[0] - 1)


async def test_questions_without_an_answer_are_forgotten():
    echo = Echo()
    async with connected() as (connection, other):
        pair = connection._nominated[1]
        await other.close()
        before = len(pair.protocol.transactions)
        for later in (0.0, 0.1, 0.2):
            echo.ask(connection, pair, 1000.0 + later, Answers().take)
        assert len(pair.protocol.transactions) == before + 3
        assert echo.asked_since(1000.1)
        assert not echo.asked_since(1000.2)
        echo.ask(connection, pair, 1000.15 + FORGOTTEN, Answers().take)
        assert len(pair.protocol.transactions) == before + 2
        echo.close()
        echo.close()
        assert len(pair.protocol.transactions) == before


async def test_nothing_is_asked_over_what_is_closed(caplog):
    echo = Echo()
    async with connected() as (connection, _):
        pair = connection._nominated[1]
    assert pair.protocol.transport.is_closing()
    await asyncio.sleep(0)  # for the socket to be closed
    with caplog.at_level(logging.WARNING):
        echo.ask(connection, pair, 0.0, Answers().take)
    assert not caplog.records
    assert not pair.protocol.transactions
