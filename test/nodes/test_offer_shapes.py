# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Offers of every shape, by a peer that then connects: the bridge finds it by what it has named."""

import asyncio
import re
from dataclasses import dataclass

import aiohttp
import pytest
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.nodes import Publisher, grey_jpeg, make_bridge, running
from support.waiting import GIVE_UP_AFTER
from support.whep import SDP, session_address

CANDIDATE = "a=candidate:"
END = "a=end-of-candidates"
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}
# Of nobody (RFC 5737): aioice gives up at once where it has no candidate at all.
NOBODY = "a=candidate:1 1 udp 1 192.0.2.99 9 typ host"
# Where the viewer's candidates stand, or come later.
PLACES = ("every section", "first section", "last section", "trickled", "mDNS", "none")


@dataclass(frozen=True)
class Shape:
    """What an offer looks like."""

    kinds: tuple[str, ...]
    bundle: bool
    place: str
    end: str  # where a=end-of-candidates stands

    @property
    def found(self) -> bool:
        """Whether the bridge can find the viewer, and need not be found."""
        return self.place not in ("mDNS", "none")


def can_be_taken(shape: Shape) -> bool:
    """Whether aiortc takes the answer: without a bundle, it wants codecs of refused sections, too.

    test/browser has Chromium for the rest.
    """
    return shape.bundle or shape.kinds == ("video",)


shapes = st.builds(
    Shape,
    st.lists(st.sampled_from(["video", "audio", "data"]), min_size=1, max_size=4)
    .filter(lambda kinds: "video" in kinds and kinds.count("data") < 2)
    .map(tuple),
    st.booleans(),
    st.sampled_from(PLACES),
    st.sampled_from(["sections", "session", "nowhere"]),
).filter(can_be_taken)


class Peer:
    """Offers in a shape, and waits for a picture."""

    def __init__(self, shape: Shape) -> None:
        policy = RTCBundlePolicy.MAX_BUNDLE if shape.bundle else RTCBundlePolicy.BALANCED
        self.connection = RTCPeerConnection(RTCConfiguration(bundlePolicy=policy))
        self._shape = shape
        self._video = None
        for kind in shape.kinds:
            if kind == "data":
                self.connection.createDataChannel("drive")
                continue
            transceiver = self.connection.addTransceiver(kind, direction="recvonly")
            if kind == "video" and self._video is None:
                self._video = transceiver

    async def offer(self) -> tuple[str, str]:
        """Return the offer, and the fragment with what comes later."""
        await self.connection.setLocalDescription()
        head, *sections = re.split(r"(?m)^(?=m=)", self.connection.localDescription.sdp)
        video = next(section for section in sections if section.startswith("m=video"))
        lines = [line for line in video.splitlines() if line.startswith(CANDIDATE)]
        assert lines
        if not self._shape.bundle:
            head = re.sub(r"a=group:BUNDLE.*\r\n", "", head)
        if self._shape.end == "session":
            head += f"{END}\r\n"
        offer = head + "".join(
            self._placed(section, number, len(sections)) for number, section in enumerate(sections)
        )
        ufrag = re.search(r"a=ice-ufrag:\S+", video)[0]
        later = [ufrag, *lines, END, ""] if self._shape.place == "trickled" else []
        return offer, "\r\n".join(later)

    def _placed(self, section: str, number: int, count: int) -> str:
        keeps = {
            "every section": True,
            "first section": number == 0 or not self._shape.bundle,
            "last section": number == count - 1 or not self._shape.bundle,
            "mDNS": True,
        }.get(self._shape.place, False)
        kept = []
        for line in section.splitlines():
            if line == END and self._shape.end != "sections":
                continue
            if line.startswith(CANDIDATE):
                if not keeps:
                    continue
                if self._shape.place == "mDNS":
                    words = line.split()
                    words[4] = "4a9c2f1e-8d7b-4c6a-9e3f-0123456789ab.local"
                    line = " ".join(words)
            kept.append(line)
        return "\r\n".join([*kept, ""])

    async def take(self, answer: str) -> None:
        answer = as_aiortc_reads_it(answer)
        if self._shape.found:
            # It tries nobody: only the checks of the bridge can bring them together.
            lines = [NOBODY if line.startswith(CANDIDATE) else line for line in answer.splitlines()]
            answer = "\r\n".join([*lines, ""])
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def see(self) -> None:
        frame = await asyncio.wait_for(self._video.receiver.track.recv(), GIVE_UP_AFTER)
        assert frame.width == 640


def as_aiortc_reads_it(answer: str) -> str:
    """Return an answer whose refused sections name the transport, too: they need not, but aiortc
    asks them for it.
    """
    head, *sections = re.split(r"(?m)^(?=m=)", answer)
    served = next(section for section in sections if "a=ice-ufrag" in section)
    lines = re.findall(r"(?m)^a=(?:ice|fingerprint|setup|rtcp-mux|candidate|end-of).*\r\n", served)
    return head + "".join(
        section if "a=ice-ufrag" in section else section + "".join(lines) for section in sections
    )


@pytest.fixture
def bridge(node):
    bridge = make_bridge(max_connecting=50)
    with running(bridge), Publisher(node, grey_jpeg()):
        yield bridge


@given(shapes)
@settings(
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_peer_connects_whatever_its_offer_looks_like(bridge, shape):
    asyncio.run(connect(bridge.url, shape))


async def connect(url: str, shape: Shape) -> None:

    peer = Peer(shape)
    async with aiohttp.ClientSession() as session:
        try:
            offer, later = await peer.offer()
            async with session.post(f"{url}whep/camera", data=offer, headers=SDP) as response:
                answer = await response.text()
                assert response.status == 201, answer
                resource = session_address(response)
            await peer.take(answer)
            if later:
                async with session.patch(resource, data=later, headers=FRAGMENT) as response:
                    assert response.status == 204, await response.text()
            await peer.see()
            async with session.delete(resource) as response:
                assert response.status == 200
        finally:
            await peer.connection.close()
