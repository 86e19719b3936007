# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What aiortc_parts relies on in aiortc; if one of these fails, that folder needs a look."""

import asyncio
import inspect

import aiortc
from aiortc import RTCPeerConnection, RTCRtpSender, RTCSctpTransport, rtcdtlstransport
from aiortc.rtcrtpparameters import RTCRtpSendParameters

from pi_webrtc_streamer.webrtc.aiortc_parts.dtls import LARGEST_DATAGRAM

SUPPORTED = ("1.15.", "1.16.")


def test_the_version_is_one_that_the_sender_was_made_for():
    assert aiortc.__version__.startswith(SUPPORTED)


async def test_a_sender_has_what_is_taken_over():
    connection = RTCPeerConnection()
    sender = connection.addTransceiver("video", direction="sendonly").sender
    for method in ("send", "_run_rtp", "_retransmit"):
        assert asyncio.iscoroutinefunction(getattr(sender, method))
    assert callable(sender._send_keyframe)
    for event in ("rtp_started", "rtp_exited"):
        assert isinstance(getattr(sender, f"_RTCRtpSender__{event}"), asyncio.Event)
    for counter in ("ntp_timestamp", "rtp_timestamp", "packet_count", "octet_count"):
        assert getattr(sender, f"_RTCRtpSender__{counter}") == 0
    assert isinstance(sender._ssrc, int)
    assert isinstance(sender._rtx_ssrc, int)
    await connection.close()


def test_a_sender_calls_what_is_taken_over():
    start = inspect.getsource(RTCRtpSender.send)
    assert "self._run_rtp(parameters.codecs[0])" in start
    feedback = inspect.getsource(RTCRtpSender._handle_rtcp_packet)
    assert "self._retransmit(" in feedback
    assert "self._send_keyframe()" in feedback
    report = inspect.getsource(RTCRtpSender._run_rtcp)
    assert "ntp_timestamp=self.__ntp_timestamp" in report
    assert {"codecs", "headerExtensions", "muxId"} <= set(RTCRtpSendParameters().__dict__)


async def test_a_transport_has_what_is_sent_through():
    connection = RTCPeerConnection()
    transport = connection.addTransceiver("video").sender.transport
    assert transport._state is rtcdtlstransport.State.NEW
    assert hasattr(transport, "_tx_srtp")
    ice = transport.transport._connection
    assert ice._nominated == {}
    assert ice._remote_candidates == []
    assert ice._protocols == []
    assert ice._check_list == []
    ice._local_username = "chosen"
    assert ice.local_username == "chosen"
    assert ice._find_pair(None, None) is None
    assert "self.get_component_candidates(component" in inspect.getsource(ice.gather_candidates)
    assert type(ice._queue) is asyncio.Queue
    assert "self._queue.put_nowait((data, component))" in inspect.getsource(type(ice))
    assert "await self._handle_rtcp_data(data)" in inspect.getsource(rtcdtlstransport)
    assert "senders.get(packet.media_ssrc)" in inspect.getsource(
        rtcdtlstransport.RtpRouter.route_rtcp
    )
    await connection.close()


async def test_sctp_has_what_is_guarded_and_sent_through():
    connection = RTCPeerConnection()
    channel = connection.createDataChannel("drive", negotiated=True, id=0)
    sctp = connection.sctp
    assert asyncio.iscoroutinefunction(sctp._handle_data)
    assert sctp._rto == 3.0
    assert sctp._last_received_tsn is None
    assert not sctp._outbound_queue
    assert sctp._flight_size < sctp._cwnd
    assert sctp._data_channels == {0: channel}
    assert {"max_retransmits", "ordered"} <= set(inspect.signature(sctp._send).parameters)
    assert callable(sctp.transport._setup_srtp)
    assert not sctp._sack_needed
    assert not sctp._sack_misordered
    assert not sctp._sack_duplicates
    for method in (sctp._send_sack, sctp._send_chunk):
        assert asyncio.iscoroutinefunction(method)
    await connection.close()


def test_sctp_calls_what_is_guarded():
    """The guard stands before this, and is told what has come by the number that this keeps."""
    received = inspect.getsource(rtcdtlstransport.RTCDtlsTransport._recv_next)
    assert "await self._data_receiver._handle_data(data)" in received
    assert f"self._ssl.recv({LARGEST_DATAGRAM})" in received
    assert "except SSL.ZeroReturnError:\n                data = None" in received
    assert "and self._rx_srtp" in received
    handled = inspect.getsource(RTCSctpTransport._handle_data)
    assert "if self._sack_needed:\n            await self._send_sack()" in handled
    acknowledged = inspect.getsource(RTCSctpTransport._send_sack)
    assert "await self._send_chunk(sack)" in acknowledged
    assert "self._sack_needed = False" in acknowledged
    start = inspect.getsource(RTCSctpTransport.start)
    assert "self.__transport._register_data_receiver(self)" in start
    timer = inspect.getsource(RTCSctpTransport._t1_start)
    assert "self._loop.call_later(self._rto, self._t1_expired)" in timer
