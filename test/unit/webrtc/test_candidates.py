# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which candidates are checked: never somebody else's service, and never many."""

import contextlib
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.webrtc.candidates import (
    LOWEST_PORT,
    MOST_CANDIDATES,
    CandidateError,
    CandidateFilter,
    is_other_machine,
)


def line(address: str = "192.0.2.7", port: object = 61764, component=1, transport="udp") -> str:
    return f"candidate:1 {component} {transport} 2122260223 {address} {port} typ host generation 0"


@pytest.mark.parametrize(
    "address", ["192.0.2.7", "10.0.0.1", "169.254.1.1", "2001:db8::7", "fe80::1", "fd00::1"]
)
def test_other_machines_are_taken(address):
    assert CandidateFilter().takes(line(address))
    assert CandidateFilter().takes(line(address, transport="UDP"))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.1.2.3",
        "::1",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "::",
        "224.0.0.251",
        "239.255.255.250",
        "ff02::fb",
        "255.255.255.255",
        "240.0.0.1",
        "fe80::1%eth0",
        "0a1b2c3d.local",
        "example.org",
        "",
        "١٢٧.0.0.1",
    ],
)
def test_this_machine_everybody_and_names_are_not(address):
    assert not is_other_machine(address)
    with contextlib.suppress(CandidateError):  # no address at all leaves too few words
        assert not CandidateFilter().takes(line(address))


@pytest.mark.parametrize("port", [0, 22, 53, LOWEST_PORT - 1, 65536, 99999])
def test_services_and_impossible_ports_are_not(port):
    assert not CandidateFilter().takes(line(port=port))


@pytest.mark.parametrize("port", ["", "x", "-1", "1e4", "٩٠٠٠", "9" * 5000])
def test_what_is_no_port_is_no_candidate(port):
    with pytest.raises(CandidateError):
        CandidateFilter().takes(line(port=port))


def test_only_udp_for_rtp_and_rtcp_together():
    assert not CandidateFilter().takes(line(transport="tcp"))
    assert not CandidateFilter().takes(line(component=2))


@given(
    st.lists(
        st.tuples(
            st.one_of(st.ip_addresses().map(str), st.just("192.0.2.7")), st.integers(1, 65535)
        ),
        max_size=200,
    )
)
def test_a_viewer_has_a_bounded_number_of_places(places):
    candidates = CandidateFilter()
    taken = {place for place in places if candidates.takes(line(*place))}
    assert len(taken) <= MOST_CANDIDATES
    for address, port in taken:
        assert port >= LOWEST_PORT
        assert candidates.takes(line(address, port)), "the same one again costs nothing"


@given(st.text(max_size=200))
def test_any_text_is_taken_or_is_no_candidate(text):
    with contextlib.suppress(CandidateError):
        CandidateFilter().takes("candidate:" + text)


@given(st.ip_addresses())
def test_every_address_is_judged(address):
    if is_other_machine(str(address)):
        assert not address.is_multicast
        assert not address.is_loopback
        assert address not in (IPv4Address(0), IPv6Address(0), IPv4Address(2**32 - 1))
