# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What viewers and drivers have in common: a peer connection from its offer to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCDtlsTransport,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)

from ..media import live
from .aiortc_parts.dtls import DtlsHandshake, ice_connection
from .candidates import CandidateFilter
from .errors import MalformedOffer, NoAddress, TooManyViewers
from .gathering import Gathering
from .offer import CANDIDATE
from .path import Path
from .settings import ViewerSettings
from .shared_port import SharedPort

logger = logging.getLogger(__name__)

# From which a peer's checks came, or which it named. More are somebody who wants this machine to
# check others, or its memory.
MOST_ADDRESSES = 64
NO_ADDRESS = (
    "this machine has no network address that a viewer could reach (loopback is none); connect it "
    "to a network, or configure a TURN server"
)


class Peer:
    """A peer connection over one transport, which the derived class gives to :meth:`_use`.

    Given back by :meth:`close`; until then :meth:`watch` waits for the end, of which
    :attr:`why_gone` then says why.
    """

    path: Path  # of the transport; set by the derived class

    def __init__(self, who: str, settings: ViewerSettings, port: SharedPort | None) -> None:
        self._who = who  # for the log
        self._port = port
        self._warnings = settings.warnings
        self._connect_timeout = settings.connect_timeout
        self._candidates = CandidateFilter()
        self._connection = RTCPeerConnection(
            RTCConfiguration(
                iceServers=[
                    RTCIceServer(server.urls, server.username, server.credential)
                    for server in settings.ice_servers
                ],
                bundlePolicy=RTCBundlePolicy.MAX_BUNDLE,
            )
        )
        live.peers.add(self._connection)
        self._dtls = DtlsHandshake(self._connection)
        self._state_changed = asyncio.Event()
        self._connection.on("connectionstatechange", self._state_changed.set)
        self.why_gone: str | None = None
        self.left = False  # whether the peer, or its network, has ended the connection

    def _use(self, transport: RTCDtlsTransport) -> None:
        """Watch the transport's handshake, and find its addresses."""
        self._dtls.watch(transport)
        self._gathering = Gathering(ice_connection(transport), self._warnings, self._port)

    async def _negotiate(self, offer: str) -> str:
        """Return the answer to an offer that has been checked, with every candidate."""
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            self._before_answer()
            await self._connection.setLocalDescription()
        except OSError as error:  # no file descriptor is left, above all
            raise TooManyViewers(f"the bridge has no room: {error.strerror}") from error
        except Exception as error:  # aiortc raises many kinds for what it cannot negotiate
            raise MalformedOffer(f"the offer cannot be negotiated: {error}") from error
        answer: str = self._connection.localDescription.sdp
        if CANDIDATE not in answer:
            trouble = "" if self._port is None else self._port.trouble
            raise NoAddress(trouble or NO_ADDRESS)
        return answer

    def _before_answer(self) -> None:
        """Change what aiortc would answer."""

    @property
    def state(self) -> str:
        """The peer connection's state: new, connecting, connected, failed or closed."""
        state: str = self._connection.connectionState
        return state

    def states(self) -> dict[str, str]:
        """Return the connection's states by the names that WebRTC's API has for them."""
        return {
            "connection": self._connection.connectionState,
            "ice_connection": self._connection.iceConnectionState,
            "ice_gathering": self._connection.iceGatheringState,
            "signaling": self._connection.signalingState,
        }

    async def watch(self, on_connected: Callable[[], object]) -> None:
        """Wait until the peer is gone, or is to go; say so when it is connected."""
        try:
            await asyncio.wait_for(self._reached("connected"), self._connect_timeout)
        except asyncio.TimeoutError:
            self.end(self._why_not_connected())
        on_connected()
        if self.why_gone is None and self.state == "connected":
            logger.info("%s connected", self._who)
            await self._reached("failed", "closed")
        self.left = self.why_gone is None and not self._dtls.failure
        self.end(self._dtls.failure or f"its connection is {self.state}")

    def _why_not_connected(self) -> str:
        why = f"it did not connect within {self._connect_timeout:g} s"
        return f"{why}: its DTLS handshake got no further" if self._dtls.under_way else why

    def trouble(self, now: float) -> str | None:
        """Say why the peer should be disconnected, or None if it is well."""
        if self.path.addresses > MOST_ADDRESSES:
            return f"it has more than {MOST_ADDRESSES} addresses"
        return None

    def end(self, why: str) -> None:
        """Make :meth:`watch` return; the first reason holds."""
        self.why_gone = self.why_gone or why
        self._state_changed.set()

    async def close(self) -> None:
        """Give everything back; safe to call twice."""
        self.path.cancel_checks()
        await self._gathering.close()
        await self._connection.close()

    async def _reached(self, *states: str) -> None:
        while self.why_gone is None and self.state not in (*states, "failed", "closed"):
            self._state_changed.clear()
            await self._state_changed.wait()
