# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Places for viewers: in all, of a camera, from an address, and not yet connected. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ..access.clients import client_of
from .errors import TooManyFromAddress, TooManyViewers


@dataclass(frozen=True)
class PlaceLimits:
    """How many viewers are served at once.

    ``connecting`` are those that were answered and have not connected: each holds sockets and does
    cryptography for somebody who may not exist.
    """

    total: int
    camera: int
    address: int
    connecting: int


class Place:
    """One viewer's place, until :meth:`free`."""

    def __init__(self, places: Places, camera: str, client: str) -> None:
        self._places = places
        self._camera = camera
        self._client = client
        self._connecting = True
        self._free = False

    def connected(self) -> None:
        """Note that the viewer has connected; safe to call twice."""
        if self._connecting:
            self._connecting = False
            self._places.connecting -= 1

    def free(self) -> None:
        """Give the place back; safe to call twice."""
        if not self._free:
            self._free = True
            self.connected()
            self._places.give_back(self._camera, self._client)


class Places:
    """Gives out places while there are any; whoever has one keeps it when there are fewer."""

    def __init__(self, limits: PlaceLimits) -> None:
        self.limits = limits
        self._cameras: Counter[str] = Counter()
        self._clients: Counter[str] = Counter()
        self.taken = 0
        self.connecting = 0

    def take(self, camera: str, address: str) -> Place:
        """Take a place for a viewer of a camera from an IP address.

        :raises TooManyFromAddress: if the address has its share.
        :raises TooManyViewers: if there is no place for anybody.
        """
        limits, client = self.limits, client_of(address)
        if self.taken >= limits.total:
            raise TooManyViewers(f"all {limits.total} places for viewers are taken")
        if self._cameras[camera] >= limits.camera:
            raise TooManyViewers(f"all {limits.camera} places for viewers of {camera} are taken")
        if self._clients[client] >= limits.address:
            raise TooManyFromAddress(f"{client} has {limits.address} viewers already")
        if self.connecting >= limits.connecting:
            raise TooManyViewers(f"{limits.connecting} viewers are about to connect")
        self.taken += 1
        self.connecting += 1
        self._cameras[camera] += 1
        self._clients[client] += 1
        return Place(self, camera, client)

    def give_back(self, camera: str, client: str) -> None:
        """Take a place back; for :class:`Place`."""
        self.taken -= 1
        for counter, key in ((self._cameras, camera), (self._clients, client)):
            counter[key] -= 1
            if not counter[key]:
                del counter[key]
