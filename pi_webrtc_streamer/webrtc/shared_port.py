# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""One UDP port for all viewers, which a firewall or a container's host can open.

aioice opens a port for each viewer and address. With this, its protocols get a share each in one
socket for each address. Whose a datagram is says the user name of an ICE check (RFC 8445, 7.3), and
then the address that such a check came from: aioice answers only who knows the viewer's password.
This file, path.py and gathering.py alone touch what aioice keeps private.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import struct
from collections.abc import Iterable, MutableMapping
from ipaddress import ip_address
from typing import Any

from aioice import stun
from aioice.candidate import Candidate, candidate_foundation, candidate_priority
from aioice.ice import StunProtocol

logger = logging.getLogger(__name__)

BUFFER = 1 << 20  # bytes each way, of which the kernel gives what it allows
STUN_COOKIE = struct.pack("!I", 0x2112A442)  # RFC 8489, 5
CHECK_PASSED = b"\x01\x01"  # a success response to a binding request


class SharedPort:
    """The port, on each of this machine's addresses from when on one is asked for.

    ``elsewhere`` has addresses of others that pass the port on. ``warnings`` takes why it cannot be
    had at an address. Lives in the event loop.
    """

    def __init__(self, port: int, elsewhere: list[str], warnings: MutableMapping[str, str]) -> None:
        self._port = port
        self._elsewhere = elsewhere
        self._warnings = warnings
        self._sockets: dict[str, SharedSocket] = {}
        self._opening = asyncio.Lock()
        self.trouble = ""  # why it could not be had, the last time that it could not

    async def gather(
        self, connection: Any, component: int, addresses: list[str]
    ) -> list[Candidate]:
        """Give a connection a share at each address; returns its candidates, as aioice does."""
        # What aioice takes, 4 characters, may be another viewer's, too.
        connection._local_username = secrets.token_hex(8)
        self._close_idle(set(self._sockets).difference(addresses))
        shares = []
        for address in addresses:
            shared = await self._open(address)
            if shared is not None:
                protocol = StunProtocol(connection)
                protocol.connection_made(Share(shared, protocol, connection._local_username))
                protocol.local_candidate = _host_candidate(component, address, self._port)
                shares.append(protocol)
        connection._protocols += shares
        own = [protocol.local_candidate for protocol in shares]
        families = {ip_address(candidate.host).version for candidate in own}
        return own + [
            _host_candidate(component, address, self._port)
            for address in self._elsewhere
            if ip_address(address).version in families
        ]

    def close(self) -> None:
        """Give the port back at every address; the viewers are gone."""
        for shared in self._sockets.values():
            shared.transport.close()
        self._sockets.clear()

    async def _open(self, address: str) -> SharedSocket | None:
        async with self._opening:
            if address not in self._sockets:
                try:
                    self._sockets[address] = await _bind(address, self._port)
                except OSError as error:
                    self._warn(address, error.strerror or str(error))
                    return None
                self._warnings.pop(self._subject(address), None)
                self.trouble = ""
            return self._sockets[address]

    def _warn(self, address: str, why: str) -> None:
        self.trouble = f"UDP port {self._port} cannot be had (udp_port) at {address}: {why}"
        if self._subject(address) not in self._warnings:
            logger.warning("%s", self.trouble)
        self._warnings[self._subject(address)] = f"{self.trouble}."

    def _subject(self, address: str) -> str:
        return f"UDP port at {address}"

    def _close_idle(self, gone: Iterable[str]) -> None:
        """Close the sockets of addresses that this machine no longer has, once nobody has one."""
        for address in gone:
            if self._sockets[address].idle:
                self._sockets.pop(address).transport.close()


class SharedSocket(asyncio.DatagramProtocol):
    """A socket that several viewers have a share in."""

    transport: Any

    def __init__(self) -> None:
        self._by_name: dict[str, Share] = {}
        self._by_address: dict[tuple[Any, ...], Share] = {}

    @property
    def idle(self) -> bool:
        """Whether nobody has a share in it."""
        return not self._by_name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        share = self._whose_check(data) if is_stun(data) else self._by_address.get(addr[:2])
        if share is not None:
            share.protocol.datagram_received(data, addr)

    def connection_lost(self, exc: Exception | None) -> None:
        for share in list(self._by_name.values()):
            share.close()

    def error_received(self, exc: Exception) -> None:
        logger.debug("not sent: %s", exc)

    def enter(self, share: Share) -> None:
        """Let a viewer's checks through to it."""
        self._by_name[share.name] = share

    def claim(self, share: Share, addr: tuple[Any, ...]) -> None:
        """Take note whose everything from an address is."""
        self._by_address[addr[:2]] = share

    def leave(self, share: Share) -> None:
        """Let nothing through to a viewer any more."""
        self._by_name.pop(share.name, None)
        self._by_address = {a: other for a, other in self._by_address.items() if other is not share}

    def _whose_check(self, data: bytes) -> Share | None:
        try:
            message = stun.parse_message(data)
        except (ValueError, struct.error):  # the latter for an attribute that is too short
            return None
        if message.message_class == stun.Class.REQUEST:
            name, _, _ = message.attributes.get("USERNAME", "").partition(":")
            return self._by_name.get(name)
        asking = (
            share
            for share in self._by_name.values()
            if message.transaction_id in share.protocol.transactions
        )
        return next(asking, None)


class Share(asyncio.DatagramTransport):
    """What a viewer has of a shared socket, which it sends with as with one of its own."""

    def __init__(self, shared: SharedSocket, protocol: Any, name: str) -> None:
        super().__init__()
        self.protocol = protocol
        self.name = name
        self._shared = shared
        self._closing = False
        shared.enter(self)

    def sendto(self, data: bytes, addr: tuple[Any, ...] | None = None) -> None:  # type: ignore[override]
        if addr is not None and data[:2] == CHECK_PASSED:
            self._shared.claim(self, addr)
        self._shared.transport.sendto(data, addr)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._shared.transport.get_extra_info(name, default)

    def get_write_buffer_size(self) -> int:
        size: int = self._shared.transport.get_write_buffer_size()
        return size

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._shared.leave(self)
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()


async def _bind(address: str, port: int) -> SharedSocket:
    loop = asyncio.get_running_loop()
    where = (address, port)
    transport, shared = await loop.create_datagram_endpoint(SharedSocket, local_addr=where)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, option, BUFFER)
    return shared


def _host_candidate(component: int, host: str, port: int) -> Candidate:
    return Candidate(
        foundation=candidate_foundation("host", "udp", host),
        component=component,
        transport="udp",
        priority=candidate_priority(component, "host"),
        host=host,
        port=port,
        type="host",
    )


def is_stun(data: bytes) -> bool:
    return data[:1] < b"\x04" and data[4:8] == STUN_COOKIE
