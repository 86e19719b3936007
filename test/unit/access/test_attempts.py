# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who shows wrong tokens has to wait, ever longer, and nobody else."""

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.access.attempts import (
    CAPACITY,
    FORGOTTEN_AFTER,
    FREE,
    LONGEST_WAIT,
    Attempts,
)
from pi_webrtc_streamer.access.roles import Role
from support.access import ADDRESS, VIEW, guarded, refusal, visit

times = st.lists(st.integers(0, 120).map(lambda quarters: quarters / 4), max_size=60)


def test_the_first_few_are_free_then_the_wait_doubles_up_to_a_minute():
    attempts, now, waits = Attempts(), 0.0, []
    for _ in range(FREE + 9):
        assert attempts.wait(ADDRESS, now) == 0
        attempts.failed(ADDRESS, now)
        waits.append(attempts.wait(ADDRESS, now))
        now += waits[-1]
    assert waits == [0] * (FREE - 1) + [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


@given(times)
def test_a_wait_is_bounded_and_ends_by_itself(pauses):
    attempts, now = Attempts(), 0.0
    for pause in pauses:
        now += pause
        before = attempts.wait(ADDRESS, now)
        attempts.failed(ADDRESS, now)
        after = attempts.wait(ADDRESS, now)
        assert 0 <= before <= LONGEST_WAIT
        assert before <= after <= LONGEST_WAIT
        assert attempts.wait(ADDRESS, now + after) == 0
    assert attempts.wait(ADDRESS, now + FORGOTTEN_AFTER) == 0


@given(times, st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_nobody_waits_for_another(pauses, guilty, innocent):
    attempts = Attempts()
    for now in pauses:
        attempts.failed(str(guilty), now)
    assert (attempts.wait(str(innocent), max(pauses, default=0)) == 0) or guilty == innocent


def test_a_subscriber_is_one_however_many_addresses_he_takes():
    attempts = Attempts()
    for number in range(FREE):
        attempts.failed(f"2001:db8::{number}", 0)
        attempts.failed(f"fe80::{number}%eth0", 0)
        attempts.failed(("192.0.2.7", "::ffff:192.0.2.7")[number % 2], 0)
    assert attempts.wait("2001:db8::99", 0) > 0
    assert attempts.wait(ADDRESS, 0) > 0
    assert attempts.wait("fe80::1%eth0", 0) == 0, "a neighbour has nothing to do with another"


def test_the_table_is_bounded_forgets_and_keeps_who_was_last():
    attempts = Attempts()
    for number in range(3 * CAPACITY):
        attempts.failed(str(ipaddress.IPv4Address(number)), number / 1000)
        assert len(attempts) <= CAPACITY
    assert attempts.failed(str(ipaddress.IPv4Address(3 * CAPACITY - 1)), 4) == 2
    assert attempts.failed(ADDRESS, 4 + FORGOTTEN_AFTER) == 1
    assert len(attempts) == 1


def test_a_right_token_makes_up_for_the_wrong_ones():
    entrance = guarded()
    for _ in range(3):
        for _ in range(FREE - 1):
            assert refusal(entrance, visit(bearer="wrong")) == 401
        assert entrance.admit(visit(bearer=VIEW), 0) == Role.VIEW
