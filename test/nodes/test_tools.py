# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tools that know only an address, or a name and a password: real ones, and what they may not."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from base64 import b64encode
from pathlib import Path

import av
import pytest

from support.access import DRIVE, VIEW
from support.nodes import Publisher, grey_jpeg, make_bridge, running
from support.serving import AUTH, bearer, serving
from support.waiting import wait_for
from support.whep import SDP

SNAPSHOT, STREAM = "cameras/camera/snapshot.jpg", "cameras/camera/stream.mjpg"
JPEG = b"\xff\xd8\xff"


def basic(token: str, user: str = "robot") -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{user}:{token}'.encode()).decode()}"}


@pytest.fixture
def bridge(node):
    bridge = make_bridge(**AUTH)
    with running(bridge), Publisher(node, grey_jpeg()):
        yield bridge


@pytest.mark.parametrize("path", [SNAPSHOT, STREAM])
@pytest.mark.parametrize(
    ("query", "headers"),
    [(f"?token={VIEW}", {}), ("", basic(VIEW)), ("", basic(VIEW, "")), ("", bearer(VIEW))],
)
async def test_a_token_shown_anyhow_gives_the_picture(bridge, session, path, query, headers):
    url = f"{bridge.url}{path}{query}"
    async with session.get(url, headers=headers, allow_redirects=False) as response:
        assert response.status == 200
        assert "Set-Cookie" not in response.headers
        assert JPEG in await response.content.readexactly(200)


# Each keeps pictures of a stream until it is ended; {} is the address.
PLAYERS = {
    "ffmpeg": "-loglevel error -i {} picture%d.png",
    "cvlc": "-q -I dummy --no-audio --vout dummy --video-filter scene --scene-format png "
    "--scene-path . --scene-ratio 1 {}",
}


@pytest.mark.parametrize("name", PLAYERS)
@pytest.mark.parametrize("how", ["query", "password"])
def test_real_players(bridge, name, how):
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"there is no {name} (tools/players)")
    url = f"{bridge.url}{STREAM}?token={VIEW}"
    if how == "password":
        url = f"{bridge.url.replace('://', f'://me:{VIEW}@')}{STREAM}"
    # VLC does not run as root.
    nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups" if os.geteuid() == 0 else ""
    command = [*nobody.split(), program, *PLAYERS[name].format(url).split()]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        environment = os.environ | {"HOME": folder}
        player = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL)
        try:
            # The last one may not be whole.
            wait_for(lambda: len(list(Path(folder).glob("*.png"))) > 5, "pictures")
        finally:
            player.kill()
            player.wait()
        with av.open(str(min(Path(folder).glob("*.png")))) as picture:
            frame = next(picture.decode(video=0))
    assert (frame.width, frame.height) == (640, 480)


@pytest.mark.parametrize("name", ["curl", "wget"])
@pytest.mark.parametrize("how", ["query", "password"])
async def test_real_programs(bridge, name, how):
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"there is no {name}")
    silently = {"curl": ["-sf"], "wget": ["-qO-"]}[name]
    password = {"curl": ["-u", f"me:{VIEW}"], "wget": ["--user=me", f"--password={VIEW}"]}[name]
    arguments, query = ([], f"?token={VIEW}") if how == "query" else (password, "")
    process = await asyncio.create_subprocess_exec(
        *(program, *silently, *arguments, f"{bridge.url}{SNAPSHOT}{query}"),
        stdout=asyncio.subprocess.PIPE,
    )
    picture, _ = await process.communicate()
    assert process.returncode == 0
    assert picture.startswith(JPEG)


@pytest.mark.parametrize("how", ["query", "password"])
async def test_ffmpegs_library_plays_the_stream(bridge, how):
    address = f"{bridge.url}{STREAM}"
    if how == "query":
        address += f"?token={VIEW}"
    else:
        address = address.replace("://", f"://me:{VIEW}@")

    def play() -> int:
        with av.open(address, format="mpjpeg", timeout=20) as container:
            frames = container.decode(video=0)
            return sum(next(frames).width for _ in range(3))

    assert await asyncio.to_thread(play) == 3 * 640


@pytest.mark.parametrize(
    ("query", "headers"),
    [("", {}), ("?token=wrong", {}), ("", basic("wrong")), ("", {"Authorization": "Basic %%%"})],
)
async def test_who_is_refused_is_told_how_to_show_a_token(bridge, session, query, headers):
    async with session.get(f"{bridge.url}{SNAPSHOT}{query}", headers=headers) as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"].startswith("Basic realm=")
        why = (await response.json())["error"]
        assert "?token=TOKEN, as the password of HTTP Basic" in why


async def test_pages_of_others_may_not_have_a_browser_show_it(bridge, session):
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        for query, shown in ((f"?token={VIEW}", {}), ("", basic(VIEW))):
            url = f"{bridge.url}{SNAPSHOT}{query}"
            async with session.get(url, headers=headers | shown) as response:
                assert response.status == 403


@pytest.mark.parametrize("path", [SNAPSHOT, STREAM])
async def test_pages_of_listed_sites_may_show_pictures(node, session, path):
    listed = "https://board.example"
    bridge = make_bridge(**AUTH, cors_origins=[listed])
    with running(bridge), Publisher(node, grey_jpeg()):
        url = f"{bridge.url}{path}"
        asking = {"Access-Control-Request-Method": "GET"}
        for origin, preflight, status in ((listed, 204, 200), ("https://evil.example", 403, 403)):
            headers = {"Origin": origin}
            allowed = origin if origin == listed else None
            async with session.options(url, headers=headers | asking) as response:
                assert response.status == preflight
                assert response.headers.get("Access-Control-Allow-Origin") == allowed
            for query, shown in ((f"?token={VIEW}", {}), ("", basic(VIEW))):
                async with session.get(url + query, headers=headers | shown) as response:
                    assert response.status == status
                    assert response.headers.get("Access-Control-Allow-Origin") == allowed
                    assert response.headers["Vary"] == "Origin"
                    if status == 403:
                        why = (await response.json())["error"]
                        assert "cors_origins lists whose pages may use WHEP and show" in why
            async with session.get(url, headers=headers) as response:
                assert response.status == (401 if allowed else 403)


async def test_nothing_else_takes_a_password(session):
    async with serving(**AUTH) as (url, _):
        own = {"Origin": url.strip("/")}
        for method, path in (("GET", "cameras"), ("POST", "test/move"), ("POST", "whep/camera")):
            headers = SDP | own | basic(DRIVE)
            async with session.request(method, f"{url}{path}", headers=headers) as response:
                assert response.status == 401, path


async def test_guesses_are_slowed_down_however_they_are_made(session):
    async with serving(**AUTH) as (url, _):
        for number in range(5):
            query, headers = (("?token=wrong", {}), ("", basic("wrong")))[number % 2]
            async with session.get(f"{url}{SNAPSHOT}{query}", headers=headers) as response:
                assert response.status == 401
        for query, headers in ((f"?token={VIEW}", {}), ("", basic(VIEW)), ("", bearer(VIEW))):
            async with session.get(f"{url}{SNAPSHOT}{query}", headers=headers) as response:
                assert response.status == 429
                assert int(response.headers["Retry-After"]) >= 1
