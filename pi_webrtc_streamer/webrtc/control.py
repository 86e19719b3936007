# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A driver's connection: a peer connection of its own, with one data channel."""

from __future__ import annotations

from collections.abc import Callable

from .aiortc_parts.channel import DriverChannel
from .aiortc_parts.dtls import ice_connection
from .control_offer import check_control_offer
from .path import Path
from .peer import Peer
from .settings import ViewerSettings
from .shared_port import SharedPort

# A tab that is closed may end without a word, which ICE notices after half a minute. Whoever is
# there acknowledges 20 messages a second.
LONGEST_SILENCE = 10.0  # seconds
STATES = {"open": "connected", "connecting": "connecting"}  # of a channel whose transport is up


class ControlPeer(Peer):
    """A peer connection with one data channel, which no picture has to share.

    ``on_message`` is called in the event loop with each binary message of up to
    :data:`~.sctp_guard.LARGEST_MESSAGE` bytes.
    """

    on_message: Callable[[bytes], object] = staticmethod(lambda message: None)

    def __init__(self, who: str, settings: ViewerSettings, port: SharedPort | None = None) -> None:
        super().__init__(who, settings, port)
        self._channel = DriverChannel(
            self._connection,
            lambda message: self.on_message(message),
            self._state_changed.set,
            self.end,
        )
        self.path = Path(ice_connection(self._channel.transport))
        self._use(self._channel.transport)

    async def answer(self, offer: str) -> str:
        """Return the answer to an offer, with every candidate.

        :raises OfferError: if the offer cannot be answered.
        :raises NoAddress: if there is no candidate that the driver could try.
        :raises TooManyViewers: if the system has no room for a driver.
        """
        return await self._negotiate(check_control_offer(offer, self._candidates))

    @property
    def state(self) -> str:
        """Its state: new, connecting, connected (the channel is open), failed or closed."""
        state = super().state
        return STATES.get(self._channel.state, "closed") if state == "connected" else state

    def trouble(self, now: float) -> str | None:
        """Say why the driver should be disconnected, or None if it is well."""
        heard = self._channel.heard
        if heard is not None and now - heard > LONGEST_SILENCE:
            return f"nothing was heard from it for {LONGEST_SILENCE:g} s"
        return super().trouble(now)

    def describe(self) -> dict[str, object]:
        """Return what ``/stats`` says of it; ``refused`` counts packets by the reason why."""
        return {"state": self.state, "refused": dict(self._channel.guard.refused)}

    @property
    def ready(self) -> bool:
        """Whether a message would go at once."""
        return self.state == "connected" and self._channel.ready and not self.path.stuck

    async def send(self, message: bytes) -> bool:
        """Send a message that goes at once; returns False if it cannot, and then it never goes."""
        return self.ready and await self._channel.send(message)
