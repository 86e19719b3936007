# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Viewers with DTLS of other kinds, and what is said where there is nothing in common."""

import datetime

import pytest
from aiortc import RTCCertificate, RTCSessionDescription
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from support.nodes import Publisher, grey_jpeg, make_bridge, running
from support.waiting import until
from support.whep import SDP, WhepViewer, session_address


class OtherCertificate(RTCCertificate):
    """A certificate with its own idea of cipher suites."""

    suites = b"ALL"

    def _create_ssl_context(self, srtp_profiles):
        context = super()._create_ssl_context(srtp_profiles)
        context.set_cipher_list(self.suites)
        return context


def certificate(kind: str, suites: bytes) -> OtherCertificate:
    if kind == "RSA":
        key = rsa.generate_private_key(65537, 2048)
    else:
        key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "viewer")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    certificate = OtherCertificate(key, made)
    certificate.suites = suites
    return certificate


def with_certificate(viewer: WhepViewer, certificate: RTCCertificate) -> WhepViewer:
    viewer.connection._RTCPeerConnection__certificates = [certificate]
    return viewer


@pytest.fixture
def bridge(node):
    bridge = make_bridge()
    with running(bridge), Publisher(node, grey_jpeg(320, 240)):
        yield bridge


@pytest.mark.parametrize("role", ["actpass", "active"])
@pytest.mark.parametrize(
    ("kind", "suites"),
    [
        ("RSA", b"ECDHE-RSA-AES128-GCM-SHA256"),
        ("RSA", b"ECDHE-RSA-AES256-SHA"),
        ("RSA", b"HIGH:!aNULL"),  # as GStreamer
        ("ECDSA", b"ECDHE-ECDSA-CHACHA20-POLY1305"),
    ],
)
async def test_viewers_of_any_kind_see_pictures(bridge, session, kind, suites, role):
    if role == "active":  # then the bridge's own certificate decides, which is ECDSA
        suites += b":ECDHE-ECDSA-AES128-GCM-SHA256"
    viewer = with_certificate(
        WhepViewer(session, f"{bridge.url}whep/camera"), certificate(kind, suites)
    )
    try:
        offer = (await viewer.offer()).replace("a=setup:actpass", f"a=setup:{role}")
        async with session.post(f"{bridge.url}whep/camera", data=offer, headers=SDP) as response:
            assert response.status == 201
            answer = RTCSessionDescription(await response.text(), "answer")
        await viewer.connection.setRemoteDescription(answer)
        await viewer.next_frame()
    finally:
        await viewer.connection.close()


async def test_without_a_suite_in_common_both_are_told(bridge, session, capfd):
    await see_failure(bridge, session, certificate("RSA", b"AES128-SHA"))
    log = capfd.readouterr().err
    assert "viewer of camera connected" not in log
    assert "gone: its DTLS handshake failed: " in log
    assert "handshake failure" in log


async def test_a_certificate_that_the_offer_did_not_name_is_refused(bridge, session, capfd):
    await see_failure(bridge, session, certificate("ECDSA", b"ALL"), fingerprint="00" * 32)
    log = capfd.readouterr().err
    assert "viewer of camera connected" not in log
    assert "its certificate is not the one that its offer has the fingerprint of" in log


async def see_failure(bridge, session, certificate, fingerprint: str = "") -> None:
    """Let a viewer try to connect; its session says why it could not."""
    viewer = with_certificate(WhepViewer(session, f"{bridge.url}whep/camera"), certificate)
    offer = await viewer.offer()
    if fingerprint:
        pairs = ":".join(fingerprint[i : i + 2] for i in range(0, len(fingerprint), 2))
        lines = [
            f"a=fingerprint:sha-256 {pairs}" if line.startswith("a=fingerprint:sha-256") else line
            for line in offer.splitlines()
            if not line.startswith(("a=fingerprint:sha-384", "a=fingerprint:sha-512"))
        ]
        offer = "\r\n".join([*lines, ""])
    try:
        async with session.post(f"{bridge.url}whep/camera", data=offer, headers=SDP) as response:
            assert response.status == 201
            where = session_address(response)
            answer = RTCSessionDescription(await response.text(), "answer")
        await viewer.connection.setRemoteDescription(answer)
        await until(lambda: not bridge._bridge.viewers.counts(), "its end")
        async with session.delete(where) as response:
            assert response.status == 404
            assert "its DTLS handshake failed" in (await response.json())["error"]
    finally:
        await viewer.connection.close()


async def test_a_viewer_that_never_sends_rtcp_stays(bridge, session):
    """As pion does by default: it is asked by ICE's checks whether it is there."""
    viewer = WhepViewer(session, f"{bridge.url}whep/camera")
    try:
        assert (await viewer.connect()).status == 201
        viewer.connection.getTransceivers()[0].receiver.transport._send_rtp = nothing
        for _ in range(8 * 30):
            await viewer.next_frame()
        assert bridge._bridge.viewers.counts() == {"camera": 1}
    finally:
        await viewer.connection.close()


async def nothing(data: bytes) -> None:
    """Send no RTCP."""
