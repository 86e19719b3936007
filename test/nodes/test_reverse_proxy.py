# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The bridge behind nginx, both as docs/security.md has them; test/browser has Chromium before it.

The clients have loopback addresses, none of which is a trusted proxy's.
"""

import array
import asyncio
import re
import socket
import ssl
import time
from ipaddress import ip_address
from pathlib import Path

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage

from pi_webrtc_streamer.page import FOLDER, NAMES
from pi_webrtc_streamer.teleop.messages import parse_status
from support import reverse_proxy
from support.nodes import TOPIC, Publisher, grey_jpeg
from support.program import Program, free_port
from support.reverse_proxy import NAME, ORIGIN, PATH, URL
from support.waiting import until
from support.whep import SDP, watching

LIMITS = ("max_viewers:=2", "max_viewers_per_address:=1")
PEOPLE = {"Accept": "text/html,*/*"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}
CANDIDATE = "a=candidate:1 1 udp 2122260223 192.0.2.7 61764 typ host"
ONE, TWO, THREE, GUESSER = (f"127.0.0.{host}" for host in (2, 3, 4, 5))  # clients


class Robot(AbstractResolver):
    """Finds nginx by every name."""

    def __init__(self, port: int) -> None:
        self._found = {"host": "127.0.0.1", "port": port, "proto": 0, "flags": 0}

    async def resolve(self, host, port=0, family=socket.AF_INET):
        return [{"hostname": host, "family": socket.AF_INET, **self._found}]

    async def close(self):
        pass


class Site:
    """A bridge behind nginx, as clients at different addresses find it."""

    url: str  # set for each test

    def __init__(self, folder: Path, https: int, bridge: Program) -> None:
        self.bridge = bridge
        self.tokens = reverse_proxy.tokens(folder)
        self.token = self.tokens["view"]
        self.bearer = {"Authorization": f"Bearer {self.token}"}
        self._certificate = folder / "robot.pem"
        self._https = https

    def connector(self, address: str) -> aiohttp.TCPConnector:
        trusting = ssl.create_default_context(cafile=self._certificate)
        return aiohttp.TCPConnector(
            resolver=Robot(self._https), ssl=trusting, local_addr=(address, 0)
        )

    def visitor(self, address: str) -> aiohttp.ClientSession:
        """Somebody without a token."""
        return aiohttp.ClientSession(connector=self.connector(address))

    def member(self, address: str) -> aiohttp.ClientSession:
        """Somebody who may watch."""
        return aiohttp.ClientSession(connector=self.connector(address), headers=self.bearer)

    def watching(self, address: str):
        """Somebody who does watch."""
        return watching(self.url, headers=self.bearer, connector=self.connector(address))


@pytest.fixture(scope="module")
def whole_site(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("site"), free_port()
    parameters = (f"port:={port}", "autostart:=true", "teleop.enabled:=true", *LIMITS)
    with (
        reverse_proxy.nginx(folder, port) as https,
        Program(
            "bridge_node",
            *("--ros-args", "--params-file", str(reverse_proxy.bridge_parameters(folder))),
            *(argument for each in parameters for argument in ("-p", each)),
            environment={"HOME": str(folder)},
        ) as program,
    ):
        program.wait_for_output("active")
        yield Site(folder, https, program)


@pytest.fixture(params=["", PATH], ids=["at the root", "below a path"])
def site(whole_site, request):
    whole_site.url = f"{URL}{request.param}"
    return whole_site


async def test_the_page_and_its_files(site):
    async with site.visitor(ONE) as session:
        async with session.get(site.url, headers=PEOPLE) as response:
            assert response.status == 401
            assert "This robot asks for a token" in await response.text()
        async with session.get(f"{site.url}health") as response:
            assert await response.json() == {"status": "ok"}
    async with site.member(ONE) as session:
        for name in sorted(NAMES):
            async with session.get(f"{site.url}static/{name}") as response:
                assert await response.read() == (FOLDER / name).read_bytes()
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
                assert not re.search(r"\d", response.headers["Server"]), "no version"


async def test_a_cookie_for_a_token_and_which_pages_may_use_it(site):
    async with site.visitor(ONE) as session:
        form, own = {"token": site.token}, {"Origin": ORIGIN}
        posting = session.post(site.url, data=form, headers=own, allow_redirects=False)
        async with posting as response:
            assert response.status == 303
            assert response.headers["Location"] == "./"
            cookie = response.headers["Set-Cookie"]
            assert cookie.startswith("__Host-")
            for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
                assert f"; {attribute}" in cookie
        async with session.get(f"{site.url}cameras") as response:
            assert (await response.json())["role"] == "view"
        for origin, status in (
            (ORIGIN, 400),  # let in, with what is no offer
            (f"http://{NAME}", 403),
            (f"{ORIGIN}:8080", 403),
            ("https://evil.example", 403),
        ):
            headers = SDP | {"Origin": origin}
            async with session.post(
                f"{site.url}whep/camera", data="x", headers=headers
            ) as response:
                assert response.status == status, origin


async def test_a_driver_by_websocket(site):
    async with site.visitor(ONE) as session:
        url, own = f"{site.url}teleop/socket?name=Ada", {"Origin": ORIGIN}
        for headers, status in [
            (own, 401),
            ({**own, **site.bearer}, 403),
            ({"Origin": "https://evil.example", **site.bearer}, 403),
        ]:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(url, headers=headers)
            assert refused.value.status == status
        bearer = {"Authorization": f"Bearer {site.tokens['drive']}"}
        async with session.ws_connect(url, headers=bearer | own) as socket:
            assert (await socket.receive_json())["session"]
            assert parse_status(await socket.receive_bytes()).heartbeat == 1
        async with session.post(f"{site.url}teleop/stop", headers=bearer) as response:
            assert (await response.json())["reason"] == f"Stopped by {ONE}."


async def test_another_name_is_refused(site):
    headers = {"Host": "evil.example"}
    async with site.member(ONE) as session, session.get(site.url, headers=headers) as response:
        assert response.status == 421
        assert "allowed_hosts" in (await response.json())["error"]


async def test_a_session_from_offer_to_end(site, node):
    with Publisher(node, grey_jpeg()):
        async with site.watching(ONE) as viewer:
            await viewer.next_frame()
            lines = [line for line in viewer.answer.splitlines() if "a=candidate:" in line]
            addresses = [ip_address(line.split()[4]) for line in lines]
            assert addresses
            assert not any(address.is_loopback for address in addresses), "past nginx"
            assert viewer.resource.startswith(f"{site.url}whep/camera/")
            async with viewer.session.patch(
                viewer.resource,
                data=f"a=mid:0\r\n{CANDIDATE}\r\n",
                headers=FRAGMENT | {"If-Match": viewer.etag},
            ) as response:
                assert response.status == 204, await response.text()
                assert response.headers["ETag"] == viewer.etag
            for status in (200, 404):
                async with viewer.session.delete(viewer.resource) as response:
                    assert response.status == status


async def test_limits_of_each_client_and_of_all(site, node):
    async def refused(session: aiohttp.ClientSession, status: int) -> None:
        async with session.post(f"{site.url}whep/camera", data=offer, headers=SDP) as response:
            assert response.status == status
            assert response.headers["Retry-After"] == "1"
            assert "viewer" in (await response.json())["error"]

    with Publisher(node, grey_jpeg()):
        async with site.watching(ONE) as first, site.member(THREE) as third:
            offer = await first.offer()
            await refused(first.session, 429)
            async with site.watching(TWO) as second:
                await second.next_frame()
                await refused(third, 503)


@pytest.mark.parametrize("size", [70_000, 1_000_000])
async def test_a_body_that_is_too_large(site, size):
    async with site.member(ONE) as session:
        body = b"a" * size
        async with session.post(f"{site.url}whep/camera", data=body, headers=SDP) as response:
            assert response.status == 413
            assert "65536 bytes" in (await response.json())["error"]


async def test_no_picture_in_time(site, node):
    url = f"{site.url}cameras/camera/snapshot.jpg"
    async with site.member(ONE) as session, session.get(url) as response:
        assert response.status == 503
        assert response.headers["Retry-After"] == "1"
        assert "publishes" in (await response.json())["error"]


async def test_wrong_tokens_are_counted_for_each_client_whatever_it_says(site):
    async with site.visitor(GUESSER) as guesser, site.member(ONE) as other:
        for number in range(50):
            headers = {"Authorization": "Bearer wrong", "X-Forwarded-For": f"192.0.2.{number}"}
            async with guesser.get(f"{site.url}cameras", headers=headers) as response:
                if response.status == 429:
                    break
                assert response.status == 401
        assert response.status == 429
        assert int(response.headers["Retry-After"]) >= 1
        for headers in ({}, {"X-Forwarded-For": GUESSER}):
            async with other.get(f"{site.url}cameras", headers=headers) as response:
                assert response.status == 200
    site.bridge.wait_for_output(f"5 wrong tokens in a row from {GUESSER}")


async def test_every_picture_of_a_stream_comes_whole_though_none_follows(site, node):
    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    publisher = node.create_publisher(CompressedImage, TOPIC, best_effort)
    message = CompressedImage(format="jpeg", data=array.array("B", grey_jpeg()))
    began = int(time.time())

    def publish(number: int) -> None:
        message.header.stamp.sec = began + number
        publisher.publish(message)

    seen: set[int] = set()

    async def read_parts(content: aiohttp.StreamReader) -> None:
        while True:
            seen.add(await read_part(content) - began)

    url = f"{site.url}cameras/camera/stream.mjpg"
    async with site.member(ONE) as session, session.get(url) as response:
        assert response.status == 200
        reading = asyncio.create_task(read_parts(response.content))
        try:
            # The bridge has to find the publisher first.
            await until(lambda: publish(0) or seen, "the first picture")
            for number in range(1, 5):
                publish(number)
                await until(lambda number=number: number in seen, f"picture {number}")
        finally:
            reading.cancel()
    node.destroy_publisher(publisher)


async def read_part(content: aiohttp.StreamReader) -> int:
    """Return the time, in seconds, of a stream's next picture, when all of that has come."""
    headers: dict[str, str] = {}
    while (line := await content.readline()) != b"\r\n" or not headers:
        name, colon, value = line.decode().partition(":")
        if colon:
            headers[name] = value.strip()
    await content.readexactly(int(headers["Content-Length"]))
    return int(headers["X-Timestamp"].partition(".")[0])
