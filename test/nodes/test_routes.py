# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Every route of the HTTP server: who gets nothing from it, and what each answer has."""

import asyncio
import re

import pytest
import yarl
from aiohttp import web

from pi_webrtc_streamer.settings.teleop import TeleopSettings
from support.access import VIEW
from support.serving import AUTH, PEOPLE, bearer, serving


def routes(app: web.Application) -> list[tuple[str, str]]:
    """Return the method and an address of each route."""
    found = []
    for route in app.router.routes():
        info = route.resource.get_info()
        path = info.get("path") or info["formatter"].replace("{file}", "app.js")
        found.append((route.method, re.sub(r"\{\w+\}", "camera", path)))
    return found


async def test_no_route_answers_without_a_token(session):
    async with serving(**AUTH, teleop=TeleopSettings(enabled=True)) as (url, app):
        found = routes(app)
        some = [
            ("GET", "/"),
            ("POST", "/whep/camera"),
            ("GET", "/static/app.js"),
            ("GET", "/clock"),
        ]
        assert {*some, ("POST", "/teleop"), ("GET", "/teleop/socket")} <= set(found)
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
