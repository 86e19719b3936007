# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A token shown once, in the address or the form, becomes a cookie."""

import asyncio
import re
from urllib.parse import urljoin

import pytest

from support.access import DRIVE, VIEW
from support.serving import AUTH, PEOPLE, bearer, serving
from support.whep import SDP


async def test_a_token_in_the_address_becomes_a_cookie(session):
    async with serving(**AUTH) as (url, _):
        address = f"{url}?camera=front&token={VIEW}&codec=vp8"
        async with session.get(address, allow_redirects=False) as response:
            assert response.status == 303
            assert response.headers["Location"] == "?camera=front&codec=vp8"
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
        async with session.get(f'{url}?camera=/"><b>', headers=PEOPLE) as response:
            page = await response.text()
            assert response.status == 401
            assert 'role="alert"></p>' in page, "nothing has gone wrong yet"
            assert '"><b>' not in page
            action = re.search(r'action="([^"]*)"', page)[1]
        form = {"token": f" {DRIVE}\n"}
        async with session.post(urljoin(url, action), data=form, allow_redirects=False) as response:
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


async def test_a_name_with_a_colon_is_no_scheme(session):
    async with serving(**AUTH) as (url, _):
        address = f"{url}static/https:evil.example?token={VIEW}"
        async with session.get(address, allow_redirects=False) as response:
            assert response.headers["Location"] == "./https:evil.example"


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
