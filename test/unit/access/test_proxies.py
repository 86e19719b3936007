# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Of whom a reverse proxy speaks, and when it is believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.access.proxies import TrustedProxies


def test_only_trusted_proxies_are_believed():
    proxies = TrustedProxies(["127.0.0.1", "10.0.0.0/8"])
    assert proxies.client("192.0.2.7", ["198.51.100.1"]) == "192.0.2.7"
    assert proxies.client("127.0.0.1", ["198.51.100.1"]) == "198.51.100.1"
    assert proxies.client("::ffff:127.0.0.1", [" 198.51.100.1 "]) == "198.51.100.1"
    assert proxies.client("127.0.0.1", ["1.1.1.1", "198.51.100.1", "10.1.2.3"]) == "198.51.100.1"
    assert proxies.client("127.0.0.1", []) == "127.0.0.1"
    assert TrustedProxies([]).client("127.0.0.1", ["1.1.1.1"]) == "127.0.0.1"


@pytest.mark.parametrize(
    ("written", "client"),
    [
        ("192.0.2.7:4711", "192.0.2.7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("unknown", "unknown"),
    ],
)
def test_a_port_that_a_proxy_writes_makes_no_other_client(written, client):
    assert TrustedProxies(["127.0.0.1"]).client("127.0.0.1", [written]) == client


@given(st.lists(st.text(), max_size=5), st.ip_addresses())
def test_what_a_client_writes_itself_does_not_hide_it(written, client):
    proxies = TrustedProxies(["127.0.0.1"])
    if not proxies.trust(str(client)):
        assert proxies.client("127.0.0.1", [*written, str(client)]) == str(client)
