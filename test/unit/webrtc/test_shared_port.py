# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whose a datagram is that comes to a socket shared by several viewers."""

from typing import Any

from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.webrtc.shared_port import CHECK_PASSED, Share, SharedSocket, is_stun

NAMES = ("ann", "bob", "eve")
ADDRESSES = [("192.0.2.7", port) for port in range(5000, 5004)]
PASSWORD = b"a password of 22 chars"
SRTP = b"\x80" * 100
DTLS = b"\x16\xfe\xfd" + bytes(50)


class Viewer:
    """Stands for a viewer's protocol: keeps what reaches it, and answers checks when told to."""

    def __init__(self, wire: "Wire", socket: SharedSocket, name: str) -> None:
        self.transactions: dict[bytes, Any] = {}
        self.got: list[bytes] = []
        self.share = Share(socket, self, name)
        self._wire = wire

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.got.append(data)

    def accept(self, addr: tuple[str, int]) -> None:
        """Answer a check that came from an address."""
        self.share.sendto(CHECK_PASSED + b"...", addr)


class Wire:
    """Takes what a socket sends."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Any]] = []

    def sendto(self, data: bytes, addr: Any) -> None:
        self.sent.append((data, addr))


def shared() -> tuple[SharedSocket, dict[str, Viewer]]:
    socket, wire = SharedSocket(), Wire()
    socket.connection_made(wire)
    return socket, {name: Viewer(wire, socket, name) for name in NAMES}


def check(name: str) -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = f"{name}:theirs"
    message.add_message_integrity(PASSWORD)
    return bytes(message)


def response(transaction: bytes) -> bytes:
    kinds = stun.Method.BINDING, stun.Class.RESPONSE
    return bytes(stun.Message(*kinds, transaction_id=transaction))


@given(st.sampled_from(NAMES), st.sampled_from(ADDRESSES))
def test_a_check_is_for_whom_it_names(name, address):
    socket, viewers = shared()
    socket.datagram_received(data := check(name), address)
    assert {each: viewer.got for each, viewer in viewers.items()} == {
        each: [data] if each == name else [] for each in NAMES
    }


steps = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(ADDRESSES)), max_size=12)


@given(steps, st.sampled_from(ADDRESSES), st.sampled_from([SRTP, DTLS]), st.sampled_from(NAMES))
def test_the_rest_is_for_who_accepted_the_last_check_from_there(accepted, address, data, leaver):
    socket, viewers = shared()
    for name, where in accepted:
        viewers[name].accept(where)
    socket.datagram_received(data, address)
    last = next((name for name, where in reversed(accepted) if where == address), None)
    assert [name for name, viewer in viewers.items() if viewer.got] == ([last] if last else [])

    socket.leave(viewers[leaver].share)
    before = list(viewers[leaver].got)
    for where in ADDRESSES:
        socket.datagram_received(data, where)
        socket.datagram_received(check(leaver), where)
    assert viewers[leaver].got == before, "nothing comes through to who has left"


@given(st.sampled_from(NAMES), st.binary(min_size=12, max_size=12), st.booleans())
def test_an_answer_is_for_who_asked(name, transaction, asked):
    socket, viewers = shared()
    if asked:
        viewers[name].transactions[transaction] = object()
    socket.datagram_received(data := response(transaction), ADDRESSES[0])
    for each, viewer in viewers.items():
        assert viewer.got == ([data] if asked and each == name else [])


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda rest: check("ann")[:24] + rest))
def test_nobodys_bytes_reach_nobody(data):
    socket, viewers = shared()
    socket.datagram_received(data, ADDRESSES[0])
    assert is_stun(data) or all(viewer.got == [] for viewer in viewers.values())
