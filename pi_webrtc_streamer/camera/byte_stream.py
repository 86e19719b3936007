# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Live streams that are bytes one after the other (HTTP, TCP, UDP), and when each byte came.

FFmpeg takes them apart, but does not say how long it kept what it read. Here each byte's arrival
is noted. So a picture's age is known, however much of it was read to find out what it is.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit, urlunsplit

from ..runtime.owning import Owned
from .arrival import ByteArrivals
from .stream_errors import PATIENCE

CHUNK = 65_536  # bytes; no datagram is longer
SOCKET_BUFFER = 4 << 20  # bytes asked for, so that a large picture fits; Linux may give fewer
PLAIN = "%/:?@!$&'()*+,;=~[]"  # what may stand in a path or query, and what is escaped already
TS_PACKET, TS_SYNC = 188, 0x47  # bytes; the first one (ISO/IEC 13818-1, 2.4.3.2)
PLAYLISTS = ("application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/mpegurl",
             "audio/x-mpegurl")  # fmt: skip


class ByteStream:
    """What FFmpeg reads from; owns what is read."""

    def __init__(self, receive: Callable[[int], bytes], owned: Owned) -> None:
        self._receive = receive
        self._rest = memoryview(b"")
        self._owned = owned
        self.arrivals = ByteArrivals()

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most so many; none at the end.

        :raises TimeoutError: if nothing comes for :data:`PATIENCE` seconds.
        :raises OSError: if the connection is lost.
        """
        part = self._next()[:size]
        self._rest = self._rest[len(part) :]
        return bytes(part)

    def is_mpegts(self) -> bool:
        """Whether what comes next is MPEG-TS, whose packets have a byte of their own at the start.

        It raises what :meth:`read` does.
        """
        return all(byte == TS_SYNC for byte in self._next()[: 2 * TS_PACKET : TS_PACKET])

    def close(self) -> None:
        """Close the connection; safe to call twice."""
        self._owned.close()

    def _next(self) -> memoryview:
        """Return what has come and was not read, and wait for it if there is nothing."""
        if not self._rest:
            self._rest = memoryview(self._receive(CHUNK))
            self.arrivals.add(len(self._rest), time.monotonic())
        return self._rest


class Answer(NamedTuple):
    """What an HTTP server sends: ``stream`` is None if it is a file, or a playlist of files.

    ``format`` is FFmpeg's name of the container, None if the bytes say it.
    """

    stream: ByteStream | None
    format: str | None = None


def ask_http(url: str) -> Answer:
    """Ask for a URL, and take it for live if it has no end that the server knows of.

    :raises OSError: if it cannot be had; urllib's HTTPError has the status.
    :raises http.client.HTTPException: if the server does not speak HTTP.
    """
    with Owned() as owned:
        response = owned.take("a video by HTTP", lambda: _get(url), lambda got: got.close())
        kind = response.headers.get_content_type()
        if kind.startswith("multipart/"):
            return Answer(ByteStream(response.read1, owned.pop_all()), "mpjpeg")
        listed = kind in PLAYLISTS or urlsplit(url).path.endswith((".m3u8", ".m3u"))
        if listed or response.length is not None:
            return Answer(None)
        return Answer(ByteStream(response.read1, owned.pop_all()))


def connect_tcp(url: str) -> ByteStream:
    """Connect to ``tcp://host:port``.

    :raises OSError: if nobody answers there.
    """
    parts = urlsplit(url)
    with Owned() as owned:
        connection = owned.take(
            "a video by TCP",
            lambda: socket.create_connection((parts.hostname, parts.port), PATIENCE),
            socket.socket.close,
        )
        return ByteStream(connection.recv, owned.pop_all())


def listen_udp(url: str) -> ByteStream:
    """Take what is sent to ``udp://[@][address]:port``, which may be a multicast group.

    ``?localaddr=`` names the address of the interface on which the group is joined.

    :raises OSError: if the address is not this machine's, or the port is taken.
    """
    parts = urlsplit(url)
    place = (parts.hostname or "", parts.port or 0)
    family, kind, protocol, _, address = socket.getaddrinfo(
        place[0] or "0.0.0.0", place[1], type=socket.SOCK_DGRAM
    )[0]
    with Owned() as owned:
        listener = owned.take(
            "a video by UDP", lambda: socket.socket(family, kind, protocol), socket.socket.close
        )
        listener.settimeout(PATIENCE)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
        if ip_address(address[0]).is_multicast:
            _join(listener, str(address[0]), parts)
        listener.bind(address)
        return ByteStream(listener.recv, owned.pop_all())


def _join(listener: socket.socket, group: str, parts: SplitResult) -> None:
    """Join a multicast group (RFC 1112; RFC 3493, 5.2), which others may listen to as well."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if listener.family == socket.AF_INET6:
        any_interface = bytes(4)
        packed = socket.inet_pton(socket.AF_INET6, group) + any_interface
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, packed)
        return
    local = parse_qs(parts.query).get("localaddr", ["0.0.0.0"])[0]
    packed = socket.inet_aton(group) + socket.inet_aton(local)
    listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, packed)


def _get(url: str):  # type: ignore[no-untyped-def]  # http.client's, which is loaded here
    """Ask for a URL, with its user and password if it comes to that (RFC 7617, RFC 7616)."""
    # What no other source needs: 3 MB of memory.
    import ssl
    from urllib import request

    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    path, query = quote(parts.path, PLAIN) or "/", quote(parts.query, PLAIN)
    bare = urlunsplit((parts.scheme, host, path, query, ""))
    passwords = request.HTTPPasswordMgrWithDefaultRealm()
    if parts.username is not None:
        user, password = unquote(parts.username), unquote(parts.password or "")
        passwords.add_password(None, f"{parts.scheme}://{host}/", user, password)
    # As FFmpeg has it: cameras have certificates of their own making.
    unchecked = ssl.create_default_context()
    unchecked.check_hostname = False
    unchecked.verify_mode = ssl.CERT_NONE
    opener = request.build_opener(
        request.HTTPSHandler(context=unchecked),
        request.HTTPBasicAuthHandler(passwords),
        request.HTTPDigestAuthHandler(passwords),
    )
    return opener.open(bare, timeout=PATIENCE)
