# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whom an address stands for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.access.clients import client_of


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1", "fe80::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("::1", "::1"),
        ("", ""),
    ],
)
def test_a_client_is_known_by_its_address(address, client):
    assert client_of(address) == client


@given(st.ip_addresses())
def test_every_address_has_a_client(address):
    assert client_of(str(address))
