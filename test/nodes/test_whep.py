# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""WHEP over HTTP: what the draft and RFC 9725 ask for, and every refusal."""

import asyncio

import pytest
from aioice import stun
from aiortc import RTCPeerConnection

from pi_webrtc_streamer.bridge import Bridge
from pi_webrtc_streamer.settings.bridge import BridgeSettings
from support.nodes import Publisher, grey_jpeg, make_bridge, running
from support.whep import SDP, make_offer, watching

FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}
CANDIDATE = "candidate:1 1 udp 2122260223 192.0.2.7 61764 typ host"


@pytest.fixture
def bridge(node):
    bridge = make_bridge(max_viewers=2)
    with running(bridge), Publisher(node, grey_jpeg()):
        yield bridge


async def test_a_session_from_post_to_delete(bridge, session):
    async with watching(bridge.url) as viewer:
        assert viewer.resource.startswith(f"{bridge.url}whep/camera/")
        assert "a=candidate:" in viewer.answer
        assert "a=sendonly" in viewer.answer
        await viewer.next_frame()
        async with session.patch(
            viewer.resource,
            data=f"a=mid:0\r\na={CANDIDATE}\r\na=candidate:2 1 udp 1 abc.local 9 typ host\r\n",
            headers={**FRAGMENT, "If-Match": viewer.etag},
        ) as response:
            assert response.status == 204, await response.text()
            assert response.headers["ETag"] == viewer.etag
        async with session.delete(viewer.resource) as response:
            assert response.status == 200
        async with session.delete(viewer.resource) as response:
            assert response.status == 404
            assert "it said good-bye" in (await response.json())["error"]


async def test_a_viewer_that_hides_all_its_addresses_gets_ours(bridge, session):
    """As Firefox does that has gathered before it offers."""
    lines = (await make_offer()).splitlines()
    hidden = "a=candidate:1 1 udp 1 0a1b2c3d.local 9000 typ host"
    offer = "\r\n".join(hidden if line.startswith("a=candidate:") else line for line in lines)
    assert "a=end-of-candidates" in offer
    url = f"{bridge.url}whep/camera"
    async with session.post(url, data=f"{offer}\r\n", headers=SDP) as response:
        assert response.status == 201
        assert "a=candidate:" in await response.text()


async def test_created_has_location_and_etag(bridge, session):
    url = f"{bridge.url}whep/camera"
    async with session.post(url, data=await make_offer(), headers=SDP) as response:
        assert response.status == 201
        assert response.content_type == "application/sdp"
        assert response.headers["Location"].startswith("camera/")
        assert response.headers["ETag"].startswith('"')
        assert "Link" not in response.headers, "no ICE server is named unless configured"
        assert "aiohttp" not in response.headers["Server"]


class StunServer(asyncio.DatagramProtocol):
    """Answers binding requests, so that gathering need not wait for a time-out."""

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        request = stun.parse_message(data)
        response = stun.Message(
            message_method=request.message_method,
            message_class=stun.Class.RESPONSE,
            transaction_id=request.transaction_id,
        )
        response.attributes["XOR-MAPPED-ADDRESS"] = ("192.0.2.33", 40000)
        self.transport.sendto(bytes(response), address)


async def test_configured_ice_servers_are_asked_and_told_to_the_viewer(session):
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(StunServer, ("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    bridge = make_bridge(stun_urls=[f"stun:127.0.0.1:{port}"])
    with running(bridge):
        url = f"{bridge.url}whep/camera"
        async with session.post(url, data=await make_offer(), headers=SDP) as response:
            assert response.headers["Link"] == f'<stun:127.0.0.1:{port}>; rel="ice-server"'
            assert "192.0.2.33 40000 typ srflx" in await response.text()
        async with session.options(url) as response:
            assert response.headers["Link"] == f'<stun:127.0.0.1:{port}>; rel="ice-server"'
    transport.close()


def test_turn_servers_have_their_credentials():
    settings = BridgeSettings(
        turn_urls=["turn:t.example:3478"], turn_username="u", turn_password="p"
    )
    (server,) = Bridge(settings, {}, lambda topic: []).ice_servers
    assert (server.urls, server.username, server.credential) == (["turn:t.example:3478"], "u", "p")


async def test_the_limit_is_503_and_a_place_is_free_again_after_delete(bridge, session):
    url = f"{bridge.url}whep/camera"
    async with watching(bridge.url) as first, watching(bridge.url):
        async with session.post(url, data=await make_offer(), headers=SDP) as response:
            assert response.status == 503
            assert int(response.headers["Retry-After"]) >= 1
            assert "all 2 places" in (await response.json())["error"]
        await session.delete(first.resource)
        async with session.post(url, data=await make_offer(), headers=SDP) as response:
            assert response.status == 201


async def test_failed_offers_take_no_place(bridge, session):
    for _ in range(5):
        async with session.post(
            f"{bridge.url}whep/camera", data="nonsense", headers=SDP
        ) as response:
            assert response.status == 400
    async with watching(bridge.url), watching(bridge.url):
        pass


async def bad_post(name: str) -> tuple[str, dict[str, str], int, str]:
    offer = await make_offer()
    cases = {
        "no SDP": ("hello", SDP, 400, "does not begin with v="),
        "empty": ("", SDP, 400, "does not begin with v="),
        "binary": (b"\xff\xfe\0", SDP, 400, "the body is no"),
        "no video": (await make_offer("audio"), SDP, 422, "the offer has no video"),
        "sendonly": (await make_offer(direction="sendonly"), SDP, 422, "recvonly"),
        "no codec": (offer.replace("VP8/", "X/").replace("H264/", "X/"), SDP, 422, "no codec"),
        "no ICE": (offer.replace("a=ice-pwd", "a=x"), SDP, 400, "ICE user name"),
        "wrong type": (offer, {"Content-Type": "text/plain"}, 415, "send application/sdp"),
        "too large": ("v=0\r\n" + "a=x\r\n" * 20000, SDP, 413, "larger than 65536 bytes"),
    }
    return cases[name]


@pytest.mark.parametrize(
    "name",
    [
        "no SDP",
        "empty",
        "binary",
        "no video",
        "sendonly",
        "no codec",
        "no ICE",
        "wrong type",
        "too large",
    ],
)
async def test_a_bad_offer_is_refused_with_its_reason(bridge, session, name):
    data, headers, status, why = await bad_post(name)
    url = f"{bridge.url}whep/camera"
    async with session.post(url, data=data, headers=headers) as response:
        assert response.status == status
        assert why in (await response.json())["error"]


async def test_unknown_cameras_and_methods(bridge, session):
    async with session.post(f"{bridge.url}whep/nose", data="v=0", headers=SDP) as response:
        assert response.status == 404
        assert (await response.json())["error"] == 'there is no camera "nose"; there are camera'
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        async with session.request(method, f"{bridge.url}whep/camera") as response:
            assert response.status == 405
            assert "POST" in response.headers["Allow"]
    async with session.get(f"{bridge.url}nowhere") as response:
        assert response.status == 404
        assert (await response.json())["error"] == "there is no /nowhere here"


@pytest.mark.parametrize(
    "headers",
    [{}, {"If-Match": "*"}, {"If-Match": '"other"'}, {"If-Match": "ETAG"}],
)
async def test_candidates_of_the_session_are_taken_whatever_the_tag(bridge, session, headers):
    """As mediamtx's player sends them, with ``*``."""
    async with watching(bridge.url) as viewer:
        lines = viewer.connection.localDescription.sdp.splitlines()
        body = "\r\n".join(
            [line for line in lines if line.startswith(("a=ice-ufrag:", "a=ice-pwd:"))]
            + ["m=video 9 UDP/TLS/RTP/SAVPF 0", "a=mid:0", f"a={CANDIDATE}", ""]
        )
        headers = {k: v.replace("ETAG", viewer.etag) for k, v in {**FRAGMENT, **headers}.items()}
        async with session.patch(viewer.resource, data=body, headers=headers) as response:
            assert response.status == 204, await response.text()
            assert response.headers["ETag"] == viewer.etag


async def test_candidates_that_name_no_session_are_taken_with_any_tag(bridge, session):
    async with watching(bridge.url) as viewer:
        headers = FRAGMENT | {"If-Match": "*"}
        body = f"a={CANDIDATE}"
        async with session.patch(viewer.resource, data=body, headers=headers) as response:
            assert response.status == 204, await response.text()


@pytest.mark.parametrize(
    ("body", "headers", "status", "why"),
    [
        (f"a={CANDIDATE}", {}, 428, "If-Match is missing"),
        (f"a={CANDIDATE}", {"If-Match": '"other"'}, 412, "not the ETag"),
        ("a=ice-ufrag:new\r\na=ice-pwd:x", {"If-Match": "*"}, 422, "ICE restarts"),
        ("a=ice-ufrag:new\r\na=ice-pwd:x", {"If-Match": "ETAG"}, 422, "ICE restarts"),
        ("a=candidate:rubbish", {"If-Match": "ETAG"}, 400, "is no candidate"),
        ("what is this", {"If-Match": "ETAG"}, 400, "is no line"),
        ("x", {"If-Match": "ETAG", "Content-Type": "text/plain"}, 415, "send application/trickle"),
    ],
)
async def test_a_bad_fragment_is_refused_with_its_reason(
    bridge, session, body, headers, status, why
):
    async with watching(bridge.url) as viewer:
        headers = {k: v.replace("ETAG", viewer.etag) for k, v in {**FRAGMENT, **headers}.items()}
        async with session.patch(viewer.resource, data=body, headers=headers) as response:
            assert response.status == status
            assert why in (await response.json())["error"]
        await viewer.next_frame()


PREFLIGHT = {"Access-Control-Request-Method": "POST"}


async def test_other_sites_may_use_whep_where_that_is_allowed(session):
    bridge = make_bridge(cors_origins=["*"], auth="token", token_view="watch-only-0123")
    origin = {"Origin": "https://player.example"}
    with running(bridge):
        url = f"{bridge.url}whep/camera"
        async with session.options(url, headers=origin | PREFLIGHT) as response:
            assert response.status == 204, "a preflight has no token"
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            assert "POST" in response.headers["Access-Control-Allow-Methods"]
            assert "If-Match" in response.headers["Access-Control-Allow-Headers"]
            assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
        async with session.post(url, data="x", headers=SDP | origin) as response:
            assert response.status == 401
            assert response.headers["Access-Control-Allow-Origin"] == "*", "errors as well"
        origin["Authorization"] = "Bearer watch-only-0123"
        async with session.options(url, headers=origin) as response:
            assert response.headers["Accept-Post"] == "application/sdp"
        async with session.post(url, data=await make_offer(), headers=SDP | origin) as response:
            assert response.status == 201
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            assert "Access-Control-Allow-Credentials" not in response.headers
            assert "Location" in response.headers["Access-Control-Expose-Headers"]
        async with session.get(f"{bridge.url}cameras", headers=origin) as response:
            assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("listed", [["https://a.example"], [""]])
async def test_only_listed_origins_and_none_unless_they_are(session, listed):
    bridge = make_bridge(cors_origins=listed)
    with running(bridge):
        url = f"{bridge.url}whep/camera"
        for origin in ("https://a.example", "https://b.example"):
            allowed = origin if origin in listed else None
            headers = {"Origin": origin}
            async with session.options(url, headers=headers | PREFLIGHT) as response:
                assert response.status == (204 if allowed else 403)
                assert response.headers.get("Access-Control-Allow-Origin") == allowed
                assert response.headers["Vary"] == "Origin"
            async with session.post(url, data="x", headers=SDP | headers) as response:
                assert response.status == (400 if allowed else 403)
                assert response.headers.get("Access-Control-Allow-Origin") == allowed


async def test_an_offer_with_audio_and_data_is_answered(bridge, session):
    connection = RTCPeerConnection()
    connection.addTransceiver("audio", direction="recvonly")
    connection.addTransceiver("video", direction="recvonly")
    connection.createDataChannel("drive")
    await connection.setLocalDescription()
    url = f"{bridge.url}whep/camera"
    async with session.post(url, data=connection.localDescription.sdp, headers=SDP) as response:
        assert response.status == 201, await response.text()
        answer = await response.text()
        assert [line.split()[0] for line in answer.splitlines() if line[:2] == "m="] == [
            "m=audio",
            "m=video",
            "m=application",
        ]
    await connection.close()


async def test_playout_delay_is_negotiated_only_if_offered(bridge, session):
    uri = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
    offer = await make_offer()
    without = "\r\n".join(line for line in offer.splitlines() if uri not in line) + "\r\n"
    for text, expected in ((without, False), (offer, uri in offer)):
        async with session.post(f"{bridge.url}whep/camera", data=text, headers=SDP) as response:
            assert (uri in await response.text()) is expected
    await asyncio.sleep(0)
