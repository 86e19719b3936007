# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How many viewers are served at once."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from pi_webrtc_streamer.access.clients import client_of
from pi_webrtc_streamer.webrtc.errors import TooManyFromAddress, TooManyViewers
from pi_webrtc_streamer.webrtc.places import PlaceLimits, Places

LIMITS = PlaceLimits(total=6, camera=4, address=3, connecting=2)


def test_each_limit_says_which_it_is():
    def places(**limits: int) -> Places:
        numbers = {"total": 9, "camera": 9, "address": 9, "connecting": 9, **limits}
        return Places(PlaceLimits(**numbers))

    for limits, error, why in [
        ({"total": 1}, TooManyViewers, "all 1 places for viewers are taken"),
        ({"camera": 1}, TooManyViewers, "all 1 places for viewers of front are taken"),
        ({"address": 1}, TooManyFromAddress, r"192\.0\.2\.7 has 1 viewers already"),
        ({"connecting": 1}, TooManyViewers, "1 viewers are about to connect"),
    ]:
        full = places(**limits)
        place = full.take("front", "192.0.2.7")
        with pytest.raises(error, match=why):
            full.take("front", "192.0.2.7")
        place.free()
        full.take("front", "192.0.2.7")


class AnyOrder(RuleBasedStateMachine):
    """Viewers come, connect and go in any order, and some twice."""

    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.places = Places(LIMITS)
        self.model = {}

    @rule(
        target=held,
        camera=st.sampled_from(["front", "rear"]),
        address=st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"]),
    )
    def take(self, camera, address):
        try:
            place = self.places.take(camera, address)
        except TooManyViewers:
            assert not self.has_room(camera, client_of(address))
            return None
        assert self.has_room(camera, client_of(address))
        self.model[place] = [camera, client_of(address), True]
        return place

    @rule(place=held)
    def connect(self, place):
        if place in self.model:
            place.connected()
            self.model[place][2] = False

    @rule(place=consumes(held), twice=st.booleans())
    def free(self, place, twice):
        if place is not None:
            place.free()
            if twice:
                place.free()
            self.model.pop(place, None)

    def has_room(self, camera, client) -> bool:
        held = list(self.model.values())
        return (
            len(held) < LIMITS.total
            and sum(each[0] == camera for each in held) < LIMITS.camera
            and sum(each[1] == client for each in held) < LIMITS.address
            and sum(each[2] for each in held) < LIMITS.connecting
        )

    @invariant()
    def counts_are_true(self):
        assert self.places.taken == len(self.model)
        assert self.places.connecting == sum(each[2] for each in self.model.values())


test_places_in_any_order = AnyOrder.TestCase
