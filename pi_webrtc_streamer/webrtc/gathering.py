# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Addresses from STUN and TURN servers, for which no viewer waits long.

aioice alone would hold an answer back until the last server has answered, or for 5 s. This file,
path.py and shared_port.py alone touch what it keeps private.
"""

from __future__ import annotations

import asyncio
import inspect
import ipaddress
import logging
from collections.abc import Coroutine, MutableMapping
from functools import partial
from typing import Any

from aioice.candidate import Candidate
from aioice.ice import (
    CandidatePair,
    StunProtocol,
    relayed_candidate,
    server_reflexive_candidate,
)

from .datagrams import dropping_malformed
from .shared_port import SharedPort

logger = logging.getLogger(__name__)

LONGEST_WAIT = 0.3  # seconds that an answer waits for servers
GIVE_UP_AFTER = 5.0  # seconds, from when on a server is said not to answer

# aioice 0.10, which Python 3.10 has, never hides it.
_RELAY_OPTIONS = (
    {"hide_related_address": False}
    if "hide_related_address" in inspect.signature(relayed_candidate).parameters
    else {}
)


class Gathering:
    """Finds the candidates of one viewer's connection, in the place of aioice's own way.

    What a server says too late for the answer is used all the same: from a relay, the viewer's
    addresses are checked, and by such a check the viewer learns of it. A server that does not
    answer is in ``warnings``, by its name, until it does. Lives in the event loop.
    """

    def __init__(
        self,
        connection: Any,
        warnings: MutableMapping[str, str],
        port: SharedPort | None = None,
    ) -> None:
        self._connection = connection
        self._warnings = warnings
        self._found: list[Candidate] = []
        self._answered = False
        self._tasks: list[asyncio.Task[None]] = []
        self._stun, connection.stun_server = connection.stun_server, None
        self._turn, connection.turn_server = connection.turn_server, None
        self._gather_hosts = connection.get_component_candidates
        if port is not None:
            self._gather_hosts = partial(port.gather, connection)
        connection.get_component_candidates = self._gather

    async def close(self) -> None:
        """Ask no server any more."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _gather(self, component: int, addresses: list[str]) -> list[Candidate]:
        candidates: list[Candidate] = await self._gather_hosts(component, addresses)
        for protocol in self._connection._protocols:
            protocol.datagram_received = dropping_malformed(protocol.datagram_received)
        if self._stun is not None:
            self._ask("STUN server {}:{}".format(*self._stun), self._ask_stun())
        if self._turn is not None:
            asking = asyncio.wait_for(self._ask_turn(component), GIVE_UP_AFTER)
            self._ask("TURN server {}:{}".format(*self._turn), asking)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LONGEST_WAIT)
        self._answered = True
        return candidates + self._found

    def _ask(self, server: str, asking: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(self._note_outcome(server, asking)))

    async def _note_outcome(self, server: str, asking: Coroutine[Any, Any, None]) -> None:
        """Warn of a server that gives no address, once until it does."""
        try:
            await asking
        except Exception as error:  # of the network, of TLS, of what a server says
            slow = isinstance(error, asyncio.TimeoutError)
            why = f"it did not answer in {GIVE_UP_AFTER:g} s" if slow else _in_words(error)
            if server not in self._warnings:
                logger.warning("the %s gives no address: %s", server, why)
            self._warnings[server] = f"The {server} gives no address: {why}."
        else:
            if self._warnings.pop(server, None) is not None:
                logger.info("the %s gives addresses again", server)

    async def _ask_stun(self) -> None:
        """Ask from each address that has IPv4; one that can reach the server is enough."""
        hosts = [
            protocol
            for protocol in self._connection._protocols
            if ipaddress.ip_address(protocol.local_candidate.host).version == 4
        ]
        asking = [asyncio.wait_for(self._ask_stun_from(each), GIVE_UP_AFTER) for each in hosts]
        errors = await asyncio.gather(*asking, return_exceptions=True)
        if None not in errors:
            raise next(filter(None, errors), OSError("this machine has no IPv4 address"))

    async def _ask_stun_from(self, protocol: Any) -> None:
        candidate, _ = await server_reflexive_candidate(protocol, self._stun)
        self._found.append(candidate)

    async def _ask_turn(self, component: int) -> None:
        connection = self._connection
        candidate, protocol = await relayed_candidate(
            component=component,
            protocol_factory=lambda: StunProtocol(connection),
            turn_server=self._turn,
            turn_username=connection.turn_username,
            turn_password=connection.turn_password,
            turn_ssl=connection.turn_ssl,
            turn_transport=connection.turn_transport,
            **_RELAY_OPTIONS,
        )
        self._found.append(candidate)
        connection._protocols.append(protocol)
        if self._answered:
            self._check_from(protocol)

    def _check_from(self, protocol: Any) -> None:
        """Check the viewer's addresses from a relay; those yet to come, aioice will."""
        connection = self._connection
        connection._check_list += [
            CandidatePair(protocol, remote)
            for remote in connection._remote_candidates
            if protocol.local_candidate.can_pair_with(remote)
            and not connection._find_pair(protocol, remote)
        ]
        connection.sort_check_list()


def _in_words(error: Exception) -> str:
    return str(error) or type(error).__name__
