# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""One viewer: a peer connection from its offer to its end."""

from __future__ import annotations

import itertools
import secrets
import time

from aiortc.sdp import candidate_from_sdp

from ..link.rate_control import LinkEstimate, ceiling
from .candidates import CandidateError
from .capabilities import sending_preferences
from .errors import IceRestartError
from .offer import check_offer
from .peer import Peer
from .sender import JoinStream, StreamSender
from .settings import ViewerSettings
from .shared_port import SharedPort
from .trickle import Fragment, FragmentError

_numbers = itertools.count(1)


class Viewer(Peer):
    """A peer connection that shows one camera."""

    def __init__(
        self,
        camera: str,
        settings: ViewerSettings,
        join: JoinStream,
        port: SharedPort | None = None,
    ) -> None:
        super().__init__(f"viewer of {camera}", settings, port)
        self.id = secrets.token_urlsafe(12)  # who knows it may end the session
        self.number = str(next(_numbers))  # for everybody
        self.etag = f'"{secrets.token_hex(8)}"'
        self.camera = camera
        self._codecs = settings.codecs
        self._remote_ufrag: str | None = None
        self._mid = ""
        transceiver = self._connection.addTransceiver("video", direction="sendonly")
        transceiver.setCodecPreferences(sending_preferences(settings.codecs))
        self._use(transceiver.sender.transport)
        link = LinkEstimate(ceiling(settings.tiers[0]))
        self.sender = StreamSender(transceiver, join, link)
        self.path = self.sender.path

    async def answer(self, offer: str) -> str:
        """Return the answer to an offer, with every candidate.

        :raises OfferError: if the offer cannot be answered.
        :raises NoAddress: if there is no candidate that the viewer could try.
        :raises TooManyViewers: if the system has no room for a viewer.
        """
        checked = check_offer(offer, self._codecs, self._candidates)
        answer = await self._negotiate(checked.text)
        self._mid, self._remote_ufrag = checked.mid, checked.ufrag
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

    def trouble(self, now: float) -> str | None:
        """Say why the viewer should be disconnected, or None if it is well."""
        return super().trouble(now) or self.sender.trouble(now)

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

    def _before_answer(self) -> None:
        """Refuse what the viewer would send: aiortc would decode and keep it, for nobody."""
        for transceiver in self._connection.getTransceivers():
            if transceiver.direction != "sendonly":
                transceiver.direction = "inactive"
