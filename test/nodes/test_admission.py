"""Who may come in, over HTTP: every route, both roles, cookies, TLS, and what the log tells."""

import asyncio
import re
import ssl
from contextlib import asynccontextmanager

import aiohttp
import pytest
import yarl
from aiohttp import web
from rcl_interfaces.msg import Log

from pi_webrtc_streamer.access.entrance import Visit
from pi_webrtc_streamer.access.roles import Role
from pi_webrtc_streamer.bridge import Bridge
from pi_webrtc_streamer.lifecycle import TransitionCallbackReturn
from pi_webrtc_streamer.settings.bridge import BridgeSettings
from pi_webrtc_streamer.web.access import make_access, page_url
from pi_webrtc_streamer.web.admission import requires, visitor_role
from pi_webrtc_streamer.web.server import listen, make_app
from support.nodes import Publisher, grey_jpeg, make_bridge, running
from support.waiting import until
from support.whep import SDP, watching

VIEW, DRIVE = "watch-only-0123", "drive-too-4567"
AUTH = {"auth": "token", "token_view": VIEW, "token_drive": DRIVE}
PEOPLE = {"Accept": "text/html,*/*"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@requires(Role.DRIVE)
async def move(request: web.Request) -> web.Response:
    """What teleoperation will be."""
    return web.Response(text=str(visitor_role(request)))


async def fail(request: web.Request) -> web.Response:
    raise LookupError("on purpose")


@asynccontextmanager
async def serving(**settings):
    """Serve a bridge without ROS, and a route that takes the role drive."""
    settings = BridgeSettings(**settings)
    with listen("127.0.0.1", 0) as listener:
        access = make_access(settings, listener.getsockname(), print, print, {})
        app = make_app(Bridge(settings, {}, lambda topic: []), access)
        app.router.add_route("*", "/test/move", move)
        app.router.add_post("/test/fail", fail)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        try:
            yield access.url, app
        finally:
            await runner.cleanup()


@pytest.fixture
async def session():
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


# Every route


def routes(app: web.Application) -> list[tuple[str, str]]:
    """Return the method and an address of each route."""
    found = []
    for route in app.router.routes():
        info = route.resource.get_info()
        path = info.get("path") or info["formatter"].replace("{file}", "app.js")
        found.append((route.method, re.sub(r"\{\w+\}", "camera", path)))
    return found


async def test_no_route_answers_without_a_token(session):
    async with serving(**AUTH) as (url, app):
        found = routes(app)
        assert {("GET", "/"), ("POST", "/whep/camera"), ("GET", "/static/app.js")} <= set(found)
        exceptions = {("GET", "/health"): 503, ("HEAD", "/health"): 503, ("POST", "/"): 415}
        for method, path in found:
            method = "PUT" if method == "*" else method
            for headers in ({}, PEOPLE):
                async with session.request(method, url + path[1:], headers=headers) as response:
                    expected = exceptions.get((method, path), 401)
                    assert response.status == expected, (method, path)
                    assert ("WWW-Authenticate" in response.headers) is (expected == 401)
        async with session.get(f"{url}health") as response:
            assert await response.json() == {"status": "inactive"}, "nothing of the cameras"
        for path in ("nowhere", "static/", "static/nothing.js", "static/../server.py"):
            async with session.get(url + path) as response:
                assert response.status == 401
                assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_every_answer_has_the_headers(session):
    async with serving(**AUTH) as (url, _):
        for path, token in (("", VIEW), ("", "wrong"), ("cameras", VIEW), ("x", VIEW), ("x", "")):
            async with session.get(url + path, headers=bearer(token) | PEOPLE) as response:
                headers = response.headers
                assert headers["Server"] == "pi_webrtc_streamer"
                assert headers["X-Content-Type-Options"] == "nosniff"
                assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
                assert headers["Referrer-Policy"] in ("no-referrer", "same-origin")
                policy = headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy
                assert "frame-ancestors 'none'" in policy
                assert "unsafe" not in policy


@pytest.mark.parametrize("request_line", [b"BLAH", b"GET / HTTP/1.1 x", b"GET / HTTP/9.9"])
async def test_not_even_what_is_no_http_gets_a_version(request_line):
    async with serving() as (url, _):
        port = int(url.split(":")[2].strip("/"))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_line + b"\r\n\r\n")
        answer = await reader.read()
        writer.close()
        assert b" 400 " in answer
        assert b"Server: pi_webrtc_streamer\r\n" in answer
        assert b"aiohttp" not in answer.lower()
        assert b"python" not in answer.lower()


@pytest.mark.parametrize(
    "name",
    ["..%2fserver.py", "a" * 5000, "/etc/passwd", "app.js%00", ""],
    ids=["above", "long", "root", "NUL", "folder"],
)
async def test_no_other_file_is_served(session, capfd, name):
    async with serving() as (url, _):
        address = yarl.URL(f"{url}static/{name}", encoded=True)
        async with session.get(address) as response:
            assert response.status == 404
        async with session.get(f"{url}static/app.js") as response:
            assert response.status == 200
    assert capfd.readouterr().err == ""


# Roles


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


async def test_nobody_is_told_whose_session_is_which(node):
    """Who knows the address of a session may end it."""
    bridge = make_bridge(legacy=True)
    with running(bridge), Publisher(node, grey_jpeg()):
        async with watching(bridge.url) as viewer:
            await viewer.next_frame()
            session = viewer.resource.rpartition("/")[2]
            for path in ("stats", "cameras", "health", "api/status", "api/stats", "api/cameras"):
                async with viewer.session.get(bridge.url + path) as response:
                    assert response.status == 200
                    assert session not in await response.text(), path


# Cookies


async def test_a_token_in_the_address_becomes_a_cookie(session):
    async with serving(**AUTH) as (url, _):
        address = f"{url}?camera=front&token={VIEW}&codec=vp8"
        async with session.get(address, allow_redirects=False) as response:
            assert response.status == 303
            assert response.headers["Location"] == "/?camera=front&codec=vp8"
            assert response.headers["Cache-Control"] == "no-store"
            cookie = response.headers["Set-Cookie"]
            assert VIEW not in cookie
            for attribute in ("HttpOnly", "SameSite=Lax", "Path=/"):
                assert attribute in cookie
            assert "Secure" not in cookie
        async with session.get(f"{url}cameras") as response:
            assert (await response.json())["role"] == "view"
        own = {"Origin": url.strip("/")}
        async with session.post(f"{url}whep/camera", headers=SDP) as response:
            assert response.status == 403
            assert "Origin is missing" in (await response.json())["error"]
        async with session.post(f"{url}whep/camera", headers=SDP | own) as response:
            assert response.status == 404, "let in; there is no such camera"
        async with session.post(f"{url}test/move", headers=own) as response:
            assert response.status == 403
            assert "takes the role drive" in (await response.json())["error"]


async def test_the_form_takes_the_token_to_the_page_that_was_asked_for(session):
    async with serving(**AUTH) as (url, _):
        async with session.get(f'{url}?camera="><b>', headers=PEOPLE) as response:
            page = await response.text()
            assert response.status == 401
            assert 'role="alert"></p>' in page, "nothing has gone wrong yet"
            assert '"><b>' not in page
            action = re.search(r'action="([^"]*)"', page)[1]
        form = {"token": f" {DRIVE}\n"}
        async with session.post(url + action[1:], data=form, allow_redirects=False) as response:
            assert response.status == 303
            assert response.headers["Location"] == action
        async with session.get(f"{url}cameras") as response:
            assert (await response.json())["role"] == "drive"
        headers = PEOPLE | {"Origin": url.strip("/")}
        async with session.post(url, data={"token": "wrong"}, headers=headers) as response:
            assert response.status == 401
            assert "That token is not right" in await response.text()
        for bad in ({}, {"token": ""}):
            async with session.post(url, data=bad, headers=headers) as response:
                assert response.status in (401, 415)
        foreign = {"Origin": "https://evil.example"}
        async with session.post(url, data=form, headers=foreign) as response:
            assert response.status == 403


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("kind", "body", "status", "why"),
    [
        (f"{FORM}; charset=punycode", f"token={DRIVE}", 303, ""),
        (f"{FORM}; charset=nonsense", b"token=%C3%BC", 401, "that token is not right"),
        (FORM, b"token=\xff\xfe", 400, "no text in UTF-8"),
        (FORM, b"a=&" * 11, 400, "more than 10 fields"),
    ],
    ids=["another encoding", "no encoding", "no text", "many fields"],
)
async def test_a_form_is_utf_8_whatever_it_calls_itself(session, capfd, kind, body, status, why):
    async with serving(**AUTH) as (url, _):
        headers = {"Content-Type": kind}
        sending = session.post(url, data=body, headers=headers, allow_redirects=False)
        async with sending as response:
            assert response.status == status
            assert why in await response.text()
    assert capfd.readouterr().err == ""


async def test_nobody_is_led_elsewhere(session):
    async with serving(**AUTH) as (url, _):
        port = url.split(":")[2].strip("/")
        for path in ("//evil.example/", "/\\evil.example/", "///evil.example"):
            reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
            request = (
                f"GET {path}?token={VIEW} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            )
            writer.write(f"{request}\r\n".encode())
            answer = (await reader.read()).decode()
            writer.close()
            assert " 401 " in answer
            assert "Location" not in answer


async def test_wrong_tokens_are_slowed_down_everywhere(session):
    async with serving(**AUTH, trusted_proxies=["127.0.0.1"]) as (url, _):
        for number in range(5):
            address = (f"{url}?token=wrong", f"{url}health", url)[number % 3]
            async with session.get(address, headers=bearer("wrong") | PEOPLE) as response:
                assert response.status == 401
        async with session.get(f"{url}cameras", headers=bearer(VIEW)) as response:
            assert response.status == 429
            assert int(response.headers["Retry-After"]) >= 1
        async with session.get(f"{url}?token={VIEW}", headers=PEOPLE) as response:
            assert response.status == 429
            assert "Please wait" in await response.text()
        elsewhere = {"X-Forwarded-For": "192.0.2.7"}
        async with session.get(f"{url}cameras", headers=bearer(VIEW) | elsewhere) as response:
            assert response.status == 200


# Names and origins


async def test_names_that_are_not_ours_and_pages_from_elsewhere(session):
    async with serving(allowed_hosts=["robot.example.org"]) as (url, _):
        for headers, status in [
            ({"Host": "robot.example.org"}, 200),
            ({"Host": "evil.example"}, 421),
            ({"Origin": "https://evil.example"}, 403),
            ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
            ({"Sec-Fetch-Site": "same-origin"}, 200),
            ({"X-Forwarded-For": "192.0.2.7"}, 403),
            ({"X-Real-IP": "192.0.2.7"}, 403),
        ]:
            async with session.get(f"{url}cameras", headers=headers) as response:
                assert response.status == status, headers
        async with session.get(url, headers=PEOPLE | {"Host": "evil.example"}) as response:
            assert response.status == 421
            assert "allowed_hosts" in await response.text()


# What is told to whom


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


# TLS


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
