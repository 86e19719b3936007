# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which hosts and origins are ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.access.hosts import (
    is_origin,
    machine_names,
    same_origin,
    split_authority,
)
from support.access import KNOWN

labels = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)
ports = st.none() | st.integers(0, 99999)


def with_port(host: str, port: int | None) -> str:
    return host if port is None else f"{host}:{port}"


@given(st.ip_addresses(), ports)
def test_every_address_is_a_right_host(address, port):
    host = f"[{address}]" if address.version == 6 else str(address)
    assert KNOWN.knows(with_port(host, port))


@given(labels, labels, ports)
def test_every_other_name_is_a_wrong_host(label, domain, port):
    assert not KNOWN.knows(with_port(f"{label}.{domain}", port)) or f"{label}.{domain}" in (
        "robot.local",
    )
    assert not KNOWN.knows(with_port(f"localhost.{domain}", port))
    assert not KNOWN.knows(with_port(f"127.0.0.1.{domain}", port))


@given(st.text())
def test_any_text_as_a_host_or_origin_is_judged(text):
    KNOWN.knows(text)
    is_origin(text)
    assert not same_origin(text, "robot:8080", secure=True) or text.startswith("https://")


@pytest.mark.parametrize("host", ["", "robot:", "robot:x", "a b", "[::1", "robot/x", "u@robot"])
def test_what_is_no_host_is_wrong(host):
    assert not KNOWN.knows(host)


def test_names_in_any_case_and_with_a_dot_at_the_end():
    assert KNOWN.knows("Robot.Local.:8080")
    assert machine_names("Pi.example.org") == {"localhost", "pi.example.org", "pi", "pi.local"}
    assert split_authority("[::1]:80") == ("[::1]", 80)


@given(labels, ports, st.sampled_from(["http", "https"]))
def test_a_page_of_the_bridge_is_recognised(host, port, scheme):
    authority = with_port(host, port)
    origin = f"{scheme}://{authority}"
    assert same_origin(origin, authority, secure=scheme == "https")
    assert not same_origin(f"{scheme}://x{authority}", authority, secure=False)
    assert not same_origin(f"{origin}.evil.example", authority, secure=False)
    assert same_origin(f"http://{authority}", authority, secure=True) is False


@pytest.mark.parametrize(
    ("origin", "authority", "secure", "same"),
    [
        ("http://robot:8080", "robot:8080", False, True),
        ("http://robot:9090", "robot:8080", False, False),
        ("http://robot", "robot:80", False, True),
        ("https://robot", "robot", False, True),  # a proxy has taken TLS off
        ("https://robot", "robot:443", True, True),
        ("null", "robot", False, False),
        ("file://", "robot", False, False),
    ],
)
def test_origins(origin, authority, secure, same):
    assert same_origin(origin, authority, secure=secure) is same
