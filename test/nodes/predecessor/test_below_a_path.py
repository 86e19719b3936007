# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The predecessor's clients and pages, below a path of nginx as docs/security.md has it."""

import aiohttp
import pytest

from support import reverse_proxy
from support.access import VIEW
from support.predecessor.clients import DIALECTS, connected
from support.program import Program, free_port
from support.reverse_proxy import NAME, PATH, SOCKET_PATH

FILE = """
[server]
web_port = {web}
pi_ip = "{name}"

[camera1]
width = 320
height = 240

[webrtc]
webrtc_port_1 = {signalling}
"""
THERE = {"headers": {"Host": NAME}, "ssl": False}


@pytest.fixture(scope="module")
def robot(tmp_path_factory):
    """A robot with its old file; yields the port of nginx."""
    folder, web, signalling = tmp_path_factory.mktemp("robot"), free_port(), free_port()
    file, tokens = folder / "config.toml", folder / "tokens"
    file.write_text(FILE.format(web=web, name=NAME, signalling=signalling))
    tokens.write_text(f"view = {VIEW}\n")
    tokens.chmod(0o600)
    access = ("--host", "127.0.0.1", "--auth", "token", "--token-file", str(tokens))
    arguments = ("--config", str(file), "--source", "pattern", *access)
    with (
        reverse_proxy.nginx(folder, web, signalling) as https,
        Program("pi-webrtc-streamer", *arguments) as program,
    ):
        program.wait_for_output("Open http")
        yield https


async def test_the_pages(robot):
    url = f"https://127.0.0.1:{robot}/{PATH}"
    async with aiohttp.ClientSession() as session:
        leading = session.get(f"{url}?a=/b&token={VIEW}", allow_redirects=False, **THERE)
        async with leading as response:
            assert (response.status, response.headers["Location"]) == (303, "?a=/b")
        async with session.get(f"{url}api/status?token={VIEW}", **THERE) as response:
            assert list((await response.json())["cameras"]) == ["camera1"]
        bearer = {"Authorization": f"Bearer {VIEW}", **THERE["headers"]}
        async with session.get(f"{url}?a=/b", headers=bearer, ssl=False) as response:
            assert (response.status, response.url.path_qs) == (200, f"/{PATH}viewer?a=/b")
            assert "static/start.js" in await response.text()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_sockets(robot, dialect):
    below = f"/{SOCKET_PATH}".rstrip("/")
    async with connected(dialect, robot, f"?token={VIEW}", "wss", below, **THERE) as client:
        await client.watch()
        assert (await client.next_frame()).width == 320
