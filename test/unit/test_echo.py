"""Round trips by ICE's own checks, between two of aioice's connections."""

import asyncio
import logging
import time
from contextlib import asynccontextmanager

from aioice import Connection

from pi_webrtc_streamer.webrtc.echo import LONGEST_WAIT, Echo
from support.waiting import until


@asynccontextmanager
async def connected():
    """Yield a connection, and the pair over which it has found another one."""
    first, second = Connection(ice_controlling=True), Connection(ice_controlling=False)
    try:
        for here, there in ((first, second), (second, first)):
            await here.gather_candidates()
            there.remote_username = here.local_username
            there.remote_password = here.local_password
            for candidate in here.local_candidates:
                await there.add_remote_candidate(candidate)
            await there.add_remote_candidate(None)
        await asyncio.gather(first.connect(), second.connect())
        yield first, first._nominated[1]
    finally:
        await first.close()
        await second.close()


async def test_a_question_is_answered_and_leaves_nothing():
    answers: list[float] = []
    echo = Echo(answers.append)
    async with connected() as (connection, pair):
        before = dict(pair.protocol.transactions)
        for number in (1, 2):
            begun = time.monotonic()
            echo.ask(connection, pair, begun)
            await until(lambda number=number: len(answers) == number, "an answer")
            assert 0 < answers[-1] <= time.monotonic() - begun
        assert pair.protocol.transactions == before


async def test_one_question_is_under_way_at_a_time_until_it_is_taken_for_lost():
    answers: list[float] = []
    echo = Echo(answers.append)
    async with connected() as (connection, pair):
        before = len(pair.protocol.transactions)
        for later in (0.0, 0.1, LONGEST_WAIT + 0.1):
            echo.ask(connection, pair, 1000.0 + later)
            assert len(pair.protocol.transactions) == before + 1
        echo.close()
        echo.close()
        assert len(pair.protocol.transactions) == before


async def test_nothing_is_asked_over_what_is_closed(caplog):
    echo = Echo(lambda round_trip: None)
    async with connected() as (connection, pair):
        pass
    assert pair.protocol.transport.is_closing()
    await asyncio.sleep(0)  # for the socket to be closed
    with caplog.at_level(logging.WARNING):
        echo.ask(connection, pair, 0.0)
    assert not caplog.records
    assert not pair.protocol.transactions
