"""One viewer: a peer connection from its offer to its end."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time

from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.sdp import SessionDescription, candidate_from_sdp

from ..media import live
from ..media.rate_control import LinkEstimate, ceiling
from .errors import IceRestartError, MalformedOffer
from .offer import check_offer, is_hidden
from .sender import JoinStream, StreamSender, sending_preferences
from .settings import ViewerSettings
from .trickle import Fragment, FragmentError

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT = 10.0  # seconds from the answer to a connection that carries pictures


class Viewer:
    """A peer connection that shows one camera.

    Made by :meth:`answer`, given back by :meth:`close`; in between :meth:`watch` waits for the end,
    of which :attr:`why_gone` then says why.
    """

    def __init__(self, camera: str, settings: ViewerSettings, join: JoinStream) -> None:
        self.id = secrets.token_urlsafe(12)
        self.etag = f'"{secrets.token_hex(8)}"'
        self.camera = camera
        self._codecs = settings.codecs
        self._remote_ufrag: str | None = None
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
        self._state_changed = asyncio.Event()
        self._connection.on("connectionstatechange", self._state_changed.set)
        self.why_gone: str | None = None
        transceiver = self._connection.addTransceiver("video", direction="sendonly")
        transceiver.setCodecPreferences(sending_preferences(settings.codecs))
        link = LinkEstimate(ceiling(settings.tiers[0]))
        self.sender = StreamSender(transceiver, join, link)

    async def answer(self, offer: str) -> str:
        """Return the answer to an offer, with every candidate.

        :raises OfferError: if the offer cannot be answered.
        """
        offer = check_offer(offer, self._codecs)
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            await self._connection.setLocalDescription()
        except Exception as error:  # aiortc raises many kinds for what it cannot negotiate
            raise MalformedOffer(f"the offer cannot be negotiated: {error}") from error
        ice = SessionDescription.parse(offer).media[0].ice
        self._remote_ufrag = ice.usernameFragment if ice is not None else None
        text: str = self._connection.localDescription.sdp
        return text

    async def add_candidates(self, fragment: Fragment) -> None:
        """Add candidates that trickle in.

        :raises IceRestartError: if the fragment belongs to other ICE credentials.
        :raises FragmentError: if a candidate is none.
        """
        if fragment.ufrag is not None and fragment.ufrag != self._remote_ufrag:
            raise IceRestartError("ICE restarts are not supported; open a new session")
        for candidate in fragment.candidates:
            words = candidate.line.split()
            if is_hidden(words):
                continue
            try:
                parsed = candidate_from_sdp(candidate.line.partition(":")[2])
                parsed.sdpMid = candidate.mid
                parsed.sdpMLineIndex = candidate.index or 0
                await self._connection.addIceCandidate(parsed)
            except (AssertionError, IndexError, ValueError) as error:
                raise FragmentError(f'"{candidate.line[:80]}" is no candidate') from error

    @property
    def state(self) -> str:
        """The peer connection's state: new, connecting, connected, failed or closed."""
        state: str = self._connection.connectionState
        return state

    async def watch(self) -> None:
        """Wait until the viewer is gone, or is to go."""
        try:
            await asyncio.wait_for(self._reached("connected"), CONNECT_TIMEOUT)
        except asyncio.TimeoutError:
            self.end(f"it did not connect within {CONNECT_TIMEOUT:g} s")
        if self.why_gone is None:
            logger.info("viewer of %s connected", self.camera)
            await self._reached("failed", "closed")
        self.end(f"its connection is {self.state}")

    def describe(self) -> dict[str, object]:
        """Return what ``/stats`` says of the viewer."""
        link = self.sender.link
        return {
            "camera": self.camera,
            "state": self.state,
            "sent": self.sender.units_sent,
            "dropped": self.sender.units_dropped,
            "loss": round(link.loss, 3),
            "round_trip": round(link.round_trip, 4),
            "capacity": round(link.capacity(time.monotonic())),
        }

    def end(self, why: str) -> None:
        """Make :meth:`watch` return; the first reason holds."""
        self.why_gone = self.why_gone or why
        self._state_changed.set()

    async def close(self) -> None:
        """Give everything back; safe to call twice."""
        await self._connection.close()

    async def _reached(self, *states: str) -> None:
        while self.why_gone is None and self.state not in (*states, "failed", "closed"):
            self._state_changed.clear()
            await self._state_changed.wait()
