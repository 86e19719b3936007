"""One viewer: a peer connection from its offer to its end."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import time
from collections.abc import Callable

from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.sdp import candidate_from_sdp

from ..link.rate_control import LinkEstimate, ceiling
from ..media import live
from .aiortc_parts import DtlsHandshake, ice_connection
from .candidates import CandidateError, CandidateFilter
from .capabilities import sending_preferences
from .errors import IceRestartError, MalformedOffer, NoAddress, TooManyViewers
from .gathering import Gathering
from .offer import CANDIDATE, check_offer
from .sender import JoinStream, StreamSender
from .settings import ViewerSettings
from .shared_port import SharedPort
from .trickle import Fragment, FragmentError

logger = logging.getLogger(__name__)

# From which a viewer's checks came, or which it named. More are somebody who wants this machine to
# check others, or its memory.
MOST_ADDRESSES = 64
NO_ADDRESS = (
    "this machine has no network address that a viewer could reach (loopback is none); connect it "
    "to a network, or configure a TURN server"
)
_numbers = itertools.count(1)


class Viewer:
    """A peer connection that shows one camera.

    Made by :meth:`answer`, given back by :meth:`close`; in between :meth:`watch` waits for the end,
    of which :attr:`why_gone` then says why.
    """

    def __init__(
        self,
        camera: str,
        settings: ViewerSettings,
        join: JoinStream,
        port: SharedPort | None = None,
    ) -> None:
        self.id = secrets.token_urlsafe(12)  # who knows it may end the session
        self.number = str(next(_numbers))  # for everybody
        self.etag = f'"{secrets.token_hex(8)}"'
        self.camera = camera
        self._port = port
        self._codecs = settings.codecs
        self._connect_timeout = settings.connect_timeout
        self._candidates = CandidateFilter()
        self._remote_ufrag: str | None = None
        self._mid = ""
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
        self.left = False  # whether the viewer, or its network, has ended the connection
        transceiver = self._connection.addTransceiver("video", direction="sendonly")
        transceiver.setCodecPreferences(sending_preferences(settings.codecs))
        self._dtls.watch(transceiver)
        self._gathering = Gathering(ice_connection(transceiver), settings.warnings, port)
        link = LinkEstimate(ceiling(settings.tiers[0]))
        self.sender = StreamSender(transceiver, join, link)

    async def answer(self, offer: str) -> str:
        """Return the answer to an offer, with every candidate.

        :raises OfferError: if the offer cannot be answered.
        :raises NoAddress: if there is no candidate that the viewer could try.
        :raises TooManyViewers: if the system has no room for a viewer.
        """
        checked = check_offer(offer, self._codecs, self._candidates)
        try:
            description = RTCSessionDescription(checked.text, "offer")
            await self._connection.setRemoteDescription(description)
            self._take_nothing()
            await self._connection.setLocalDescription()
        except OSError as error:  # no file descriptor is left, above all
            raise TooManyViewers(f"the bridge has no room: {error.strerror}") from error
        except Exception as error:  # aiortc raises many kinds for what it cannot negotiate
            raise MalformedOffer(f"the offer cannot be negotiated: {error}") from error
        self._mid, self._remote_ufrag = checked.mid, checked.ufrag
        answer = self._connection.localDescription.sdp
        if CANDIDATE not in answer:
            trouble = "" if self._port is None else self._port.trouble
            raise NoAddress(trouble or NO_ADDRESS)
        return checked.complete(answer)

    async def add_candidates(self, fragment: Fragment) -> None:
        """Add candidates that trickle in.

        :raises IceRestartError: if the fragment belongs to other ICE credentials.
        :raises FragmentError: if a candidate is none.
        """
        if fragment.ufrag not in (None, self._remote_ufrag):
            raise IceRestartError("ICE restarts are not supported; open a new session")
        for candidate in fragment.candidates:
            try:
                if not self._candidates.takes(candidate.line):
                    continue
                parsed = candidate_from_sdp(candidate.line.partition(":")[2])
                parsed.sdpMid = self._mid  # whatever it says: there is one transport
                await self._connection.addIceCandidate(parsed)
            except (AssertionError, CandidateError, IndexError, ValueError) as error:
                raise FragmentError(f'"{candidate.line[:80]}" is no candidate') from error

    @property
    def state(self) -> str:
        """The peer connection's state: new, connecting, connected, failed or closed."""
        state: str = self._connection.connectionState
        return state

    async def watch(self, on_connected: Callable[[], object]) -> None:
        """Wait until the viewer is gone, or is to go; say so when it is connected."""
        try:
            await asyncio.wait_for(self._reached("connected"), self._connect_timeout)
        except asyncio.TimeoutError:
            self.end(self._why_not_connected())
        on_connected()
        if self.why_gone is None and self.state == "connected":
            logger.info("viewer of %s connected", self.camera)
            await self._reached("failed", "closed")
        self.left = self.why_gone is None and not self._dtls.failure
        self.end(self._dtls.failure or f"its connection is {self.state}")

    def _why_not_connected(self) -> str:
        why = f"it did not connect within {self._connect_timeout:g} s"
        return f"{why}: its DTLS handshake got no further" if self._dtls.under_way else why

    def trouble(self, now: float) -> str | None:
        """Say why the viewer should be disconnected, or None if it is well."""
        if self.sender.path.addresses > MOST_ADDRESSES:
            return f"it has more than {MOST_ADDRESSES} addresses"
        return self.sender.trouble(now)

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
            "probed": link.probe is not None,
            "repeats": link.repeats,
        }

    def states(self) -> dict[str, str]:
        """Return the connection's states by the names that WebRTC's API has for them."""
        return {
            "connection": self._connection.connectionState,
            "ice_connection": self._connection.iceConnectionState,
            "ice_gathering": self._connection.iceGatheringState,
            "signaling": self._connection.signalingState,
        }

    def end(self, why: str) -> None:
        """Make :meth:`watch` return; the first reason holds."""
        self.why_gone = self.why_gone or why
        self._state_changed.set()

    async def close(self) -> None:
        """Give everything back; safe to call twice."""
        self.sender.path.cancel_checks()
        await self._gathering.close()
        await self._connection.close()

    def _take_nothing(self) -> None:
        """Refuse what the viewer would send: aiortc would decode and keep it, for nobody."""
        for transceiver in self._connection.getTransceivers():
            if transceiver.direction != "sendonly":
                transceiver.direction = "inactive"

    async def _reached(self, *states: str) -> None:
        while self.why_gone is None and self.state not in (*states, "failed", "closed"):
            self._state_changed.clear()
            await self._state_changed.wait()
