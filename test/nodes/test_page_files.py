# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The page's files over HTTP."""

import pytest

from pi_webrtc_streamer.page import FOLDER, FOR_DRIVING, NAMES, TYPES
from pi_webrtc_streamer.settings.teleop import TeleopSettings
from support.serving import serving


async def test_each_file_is_served_as_what_it_is(session):
    async with serving(teleop=TeleopSettings(enabled=True)) as (url, _):
        for name in sorted(NAMES):
            async with session.get(f"{url}static/{name}") as response:
                assert response.status == 200
                assert response.content_type == TYPES[f".{name.rpartition('.')[2]}"]
                assert response.charset == "utf-8"
                assert await response.read() == (FOLDER / name).read_bytes()


async def test_where_nobody_can_drive_nothing_of_it_is_served(session):
    assert {"drive/protocol.js", "style/drive.css"} <= FOR_DRIVING
    async with serving() as (url, _):
        for name in sorted(FOR_DRIVING):
            async with session.get(f"{url}static/{name}") as response:
                assert response.status == 404


@pytest.mark.parametrize("path", ["", "static/app.js", "static/tile/tile.js"])
async def test_what_a_browser_has_it_does_not_get_again(session, path):
    async with serving() as (url, _):
        async with session.get(url + path) as response:
            assert response.headers["Cache-Control"] == "no-cache", "it is to ask each time"
            tag = response.headers["ETag"]
        async with session.get(url + path, headers={"If-None-Match": f'"other", {tag}'}) as again:
            assert again.status == 304
            assert again.headers["ETag"] == tag
            assert await again.read() == b""
        async with session.get(url + path, headers={"If-None-Match": '"other"'}) as anew:
            assert anew.status == 200


async def test_a_template_is_no_file_of_the_page(session):
    async with serving() as (url, _), session.get(f"{url}static/login.html") as response:
        assert response.status == 404
