# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who may come in, over HTTP: both roles, TLS, and what is told to whom."""

import re
import ssl

import aiohttp
import pytest
from rcl_interfaces.msg import Log

from pi_webrtc_streamer.access.entrance import Visit
from pi_webrtc_streamer.ros.lifecycle import TransitionCallbackReturn
from pi_webrtc_streamer.settings.bridge import BridgeSettings
from pi_webrtc_streamer.web.access import make_access, page_url
from support.access import DRIVE, VIEW
from support.nodes import Publisher, grey_jpeg, make_bridge, running
from support.serving import AUTH, bearer, serving
from support.waiting import until
from support.whep import watching


async def test_roles_in_the_answers_and_in_what_may_be_done(session):
    async with serving(**AUTH) as (url, _):
        for token, role, status in ((VIEW, "view", 403), (DRIVE, "drive", 200)):
            async with session.get(f"{url}cameras", headers=bearer(token)) as response:
                assert (await response.json())["role"] == role
            async with session.post(f"{url}test/move", headers=bearer(token)) as response:
                assert response.status == status
                assert (await response.text() == "drive") is (status == 200)
            async with session.get(f"{url}health", headers=bearer(token)) as response:
                assert (await response.json())["cameras"] == {}
    async with serving() as (url, _), session.post(f"{url}test/move") as response:
        assert await response.text() == "drive", "who is on this machine may do everything"


async def test_a_viewer_watches_with_a_bearer_token(node):
    bridge = make_bridge(**AUTH)
    with running(bridge), Publisher(node, grey_jpeg()):
        async with aiohttp.ClientSession() as session:
            for method in ("post", "options"):
                async with session.request(method, f"{bridge.url}whep/camera") as response:
                    assert response.status == 401
        async with watching(bridge.url, headers=bearer(VIEW)) as viewer:
            await viewer.next_frame()
            async with viewer.session.delete(viewer.resource) as response:
                assert response.status == 200


async def test_a_session_takes_no_token_of_who_knows_its_address(node, session):
    """As mediamtx's player trickles and says good-bye."""
    bridge = make_bridge(**AUTH)
    fragment = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*"}
    with running(bridge), Publisher(node, grey_jpeg()):
        async with watching(bridge.url, headers=bearer(VIEW)) as viewer:
            await viewer.next_frame()
            another = f"{bridge.url}whep/camera/AAAAAAAAAAAAAAAA"
            elsewhere = viewer.resource.replace("/camera/", "/nose/")
            for url, patched, deleted in (
                (another, 401, 401),
                (elsewhere, 401, 401),
                (viewer.resource, 204, 200),
                (viewer.resource, 401, 401),
            ):
                async with session.patch(url, data="a=mid:0", headers=fragment) as response:
                    assert response.status == patched, url
                async with session.delete(url) as response:
                    assert response.status == deleted, url
            async with viewer.session.delete(viewer.resource) as response:
                assert response.status == 404
            for foreign in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
                async with session.delete(viewer.resource, headers=foreign) as response:
                    assert response.status == 403


async def test_nobody_is_told_whose_session_is_which(node):
    """Who knows the address of a session may end it."""
    bridge = make_bridge()
    with running(bridge), Publisher(node, grey_jpeg()):
        async with watching(bridge.url) as viewer:
            await viewer.next_frame()
            session = viewer.resource.rpartition("/")[2]
            for path in ("stats", "cameras", "health"):
                async with viewer.session.get(bridge.url + path) as response:
                    assert response.status == 200
                    assert session not in await response.text(), path


def tokens_in(text: str) -> list[str]:
    return re.findall(r"token=([\w-]+)", text)


async def test_a_token_that_was_made_is_logged_once_and_not_for_ros(node, session, capfd):
    heard: list[str] = []
    node.create_subscription(Log, "/rosout", lambda log: heard.append(log.msg), 100)
    bridge = make_bridge(auth="token")
    with running(bridge):
        log = capfd.readouterr().err
        (token,) = tokens_in(log)
        assert bridge.link == f"{bridge.url}?token={token}"
        await until(lambda: any("active" in message for message in heard), "the log of the bridge")
        assert any("page: http" in message for message in heard)
        assert token not in "".join(heard)
        async with session.get(bridge.link, allow_redirects=False) as response:
            assert response.status == 303


async def test_tokens_that_were_given_are_not_told(capfd):
    bridge = make_bridge(**AUTH)
    with running(bridge):
        assert bridge.link == bridge.url
        async with aiohttp.ClientSession() as session:
            for path in ("cameras", "stats", "health", ""):
                async with session.get(bridge.url + path, headers=bearer(VIEW)) as response:
                    text = await response.text()
                    assert VIEW not in text
                    assert DRIVE not in text
        log = capfd.readouterr().err
        assert (
            "a token is needed: see the parameter token_view and the parameter token_drive" in log
        )
        assert VIEW not in log
        assert DRIVE not in log


async def test_a_token_in_an_address_is_not_logged(session, caplog):
    async with serving(**AUTH) as (url, _):
        address = f"{url}test/fail?token={DRIVE}"
        async with session.post(address, headers=bearer(DRIVE)) as response:
            assert response.status == 500
    assert "POST /test/fail failed" in caplog.text
    assert DRIVE not in caplog.text


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ({"token_view": "secret"}, "the token of view has less than 8 characters"),
        ({"token_drive": 12345678}, "token_drive takes text: put it in quotes"),
        ({"token_file": "/proc/secret-file"}, "token_file /proc/secret-file cannot be used"),
        ({"auth": "off"}, 'auth is "off"; choose one of auto, token, open, none'),
        ({"tls": "files"}, "tls is files, and tls_certificate is missing"),
        ({"tls": "files", "tls_certificate": "/no", "tls_key": "/no"}, "/no cannot be read"),
    ],
)
def test_what_cannot_be_used_is_named(capfd, parameters, why):
    bridge = make_bridge(**parameters)
    try:
        assert bridge.trigger_configure() == TransitionCallbackReturn.FAILURE
    finally:
        bridge.destroy_node()
    log = capfd.readouterr().err
    assert why in log
    assert "12345678" not in log


@pytest.mark.parametrize(
    ("settings", "address", "needed", "warned"),
    [
        ({}, "127.0.0.1", False, False),
        ({"host": "::1"}, "::1", False, False),
        ({"host": "0.0.0.0"}, "0.0.0.0", True, False),
        ({"host": "192.0.2.7"}, "192.0.2.7", True, False),
        ({"host": "0.0.0.0", "auth": "none"}, "0.0.0.0", False, True),
        ({"auth": "none"}, "127.0.0.1", False, False),
        ({"auth": "token"}, "127.0.0.1", True, False),
        ({"token_view": VIEW}, "127.0.0.1", True, False),
        ({"host": "0.0.0.0", "auth": "open"}, "0.0.0.0", False, True),
        ({"host": "0.0.0.0", "auth": "open", "token_view": VIEW}, "0.0.0.0", True, False),
    ],
)
def test_when_a_token_is_needed(settings, address, needed, warned):
    told, warnings = [], []
    settings = BridgeSettings(**settings)
    access = make_access(settings, (address, 8080), told.append, warnings.append, {})
    visit = Visit("GET", "192.0.2.99", "localhost")
    assert (access.entrance.admit(visit, 0) is None) is needed
    assert (access.link != access.url) is (needed and not settings.token_view)
    assert bool(warnings) is warned
    assert all("whoever reaches" in warning for warning in warnings)


def test_the_address_of_the_page():
    addresses = ["127.0.0.1", "192.0.2.7", "2001:db8::1"]
    assert page_url("http", "127.0.0.1", 80, addresses) == "http://127.0.0.1:80/"
    assert page_url("https", "0.0.0.0", 8443, addresses) == "https://192.0.2.7:8443/"
    assert page_url("http", "::1", 8080, addresses) == "http://[::1]:8080/"
    assert page_url("http", "::", 8080, ["127.0.0.1"]) == "http://127.0.0.1:8080/"


async def test_self_signed_tls(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("ROS_HOME", str(tmp_path))
    fingerprints = set()
    for _ in range(2):
        bridge = make_bridge(tls="self-signed", auth="token")
        with running(bridge):
            assert bridge.url.startswith("https://127.0.0.1:")
            kept = tmp_path / "pi_webrtc_streamer" / "self-signed.pem"
            trusting = ssl.create_default_context(cadata=kept.read_text())
            async with aiohttp.ClientSession() as session:
                link = session.get(bridge.link, ssl=trusting, allow_redirects=False)
                async with link as response:
                    assert "Secure" in response.headers["Set-Cookie"]
                    assert response.headers["Set-Cookie"].startswith("__Host-")
                    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        log = capfd.readouterr().err
        fingerprints.update(re.findall("fingerprint of the certificate: ([0-9A-F:]{95})", log))
    assert len(fingerprints) == 1, "it is kept"
