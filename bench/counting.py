# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Viewers that count frames and decode nothing, so that many fit beside what they measure.

The one place of the benchmark that touches private parts of aiortc and aioice: media packets are
taken off where they come out of the socket. Of their headers, which SRTP leaves in the clear, the
marker bit tells a frame's end; every so often one is decrypted, to see that it is what it claims.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
import pylibsrtp
from aioice.ice import StunProtocol
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.codecs import is_rtx
from aiortc.rtcrtpreceiver import StreamStatistics
from yarl import URL

SDP = {"Content-Type": "application/sdp"}
CLOCK_RATE = 90_000
DECRYPT_EVERY = 64  # packets
FIRST_FRAME_WITHIN = 20.0  # seconds
FIRST_MEDIA_BYTE = range(128, 192)  # RFC 7983
RTCP_TYPES = range(192, 224)  # RFC 5761


class Connect(Protocol):
    """Signalling of one kind of server."""

    async def __call__(
        self, session: aiohttp.ClientSession, connection: RTCPeerConnection
    ) -> str | None:
        """Connect; returns the address that ends the session on DELETE, if there is one."""
        ...


@dataclass
class _Header:
    """As much of an RTP packet as aiortc's statistics want."""

    sequence_number: int
    timestamp: int


class Viewer:
    """One connection and its count of frames."""

    def __init__(self) -> None:
        self.frames = 0
        self.octets = 0
        self.undecryptable = 0
        self.resource: str | None = None
        self._packets = 0
        self._first = asyncio.Event()
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._receiver: Any = None
        self._rtx_types: set[int] = set()
        self._streams: dict[int, StreamStatistics] = {}

    async def connect(self, session: aiohttp.ClientSession, connect: Connect) -> None:
        """Connect and wait for the first frame."""
        self.resource = await connect(session, self.connection)
        (transceiver,) = self.connection.getTransceivers()
        receiver: Any = transceiver.receiver
        self._receiver = receiver
        ice = receiver.transport.transport
        ice._connection.counting_viewer = self
        await asyncio.wait_for(self._first.wait(), FIRST_FRAME_WITHIN)

    def on_packet(self, data: bytes) -> None:
        """Count a media packet."""
        receiver = self._receiver
        self._packets += 1
        self.octets += len(data)
        if not self._packets % DECRYPT_EVERY:
            try:
                receiver.transport._rx_srtp.unprotect(data)
            except pylibsrtp.Error:
                self.undecryptable += 1
        ssrc = int.from_bytes(data[8:12], "big")
        if ssrc not in self._streams:
            self._begin(ssrc)
        # aiortc's receiver reports are made of these.
        self._streams[ssrc].add(
            _Header(int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:8], "big"))
        )
        if data[1] & 0x80 and data[1] & 0x7F not in self._rtx_types:
            self.frames += 1
            self._first.set()

    async def close(self, session: aiohttp.ClientSession | None = None) -> None:
        """End the connection, politely if there is a session to do it with."""
        if session is not None and self.resource is not None:
            async with session.delete(self.resource):
                pass
        await self.connection.close()

    def _begin(self, ssrc: int) -> None:
        receiver = self._receiver
        if not self._streams:
            self._streams = receiver._RTCRtpReceiver__remote_streams
            codecs = receiver._RTCRtpReceiver__codecs
            self._rtx_types = {number for number, codec in codecs.items() if is_rtx(codec)}
        self._streams[ssrc] = StreamStatistics(CLOCK_RATE)


def take_packets_early() -> None:
    """Put the count in the place of aioice's and aiortc's way of a media packet."""
    original = StunProtocol.datagram_received

    def datagram_received(self: StunProtocol, data: bytes, address: Any) -> None:
        viewer = getattr(self.receiver, "counting_viewer", None)
        if viewer and data[0] in FIRST_MEDIA_BYTE and data[1] not in RTCP_TYPES:
            viewer.on_packet(data)
        else:
            original(self, data, address)

    StunProtocol.datagram_received = datagram_received


def receive(connection: RTCPeerConnection, codec: str = "h264") -> None:
    """Ask for video in one codec alone."""
    transceiver = connection.addTransceiver("video", direction="recvonly")
    codecs = RTCRtpReceiver.getCapabilities("video").codecs
    transceiver.setCodecPreferences(
        [each for each in codecs if each.mimeType.lower() in (f"video/{codec}", "video/rtx")]
    )


def by_whep(url: str, camera: str = "camera", codec: str = "h264") -> Connect:
    """Connect to our bridge."""

    async def connect(session: aiohttp.ClientSession, connection: RTCPeerConnection) -> str:
        receive(connection, codec)
        await connection.setLocalDescription()
        offer = connection.localDescription.sdp
        async with session.post(f"{url}whep/{camera}", data=offer, headers=SDP) as response:
            response.raise_for_status()
            answer = RTCSessionDescription(await response.text(), "answer")
        await connection.setRemoteDescription(answer)
        return str(response.url.join(URL(response.headers["Location"])))

    return connect


def by_aiortc_example(url: str) -> Connect:
    """Connect to the aiortc rival."""

    async def connect(session: aiohttp.ClientSession, connection: RTCPeerConnection) -> None:
        receive(connection)
        await connection.setLocalDescription()
        offer = connection.localDescription
        async with session.post(
            f"{url}offer", json={"sdp": offer.sdp, "type": offer.type}
        ) as response:
            answer = RTCSessionDescription(**await response.json())
        await connection.setRemoteDescription(answer)

    return connect


def by_gstreamer(url: str) -> Connect:
    """Connect to the GStreamer rival."""

    async def connect(session: aiohttp.ClientSession, connection: RTCPeerConnection) -> str:
        async with session.post(f"{url}session") as response:
            begun = await response.json()
        # GStreamer is to begin the DTLS handshake: with aiortc's first message it does not get on.
        offer = begun["sdp"].replace("a=setup:actpass", "a=setup:active")
        await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await connection.setLocalDescription()
        resource = f"{url}session/{begun['id']}"
        async with session.post(resource, data=connection.localDescription.sdp):
            return resource

    return connect


SIGNALLING = {"whep": by_whep, "aiortc": by_aiortc_example, "gstreamer": by_gstreamer}
