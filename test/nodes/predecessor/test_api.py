# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the predecessor served by HTTP, with a camera in a process of its own."""

import asyncio
import json
import time
from contextlib import AsyncExitStack, contextmanager

import aiohttp
import pytest

from support.cameras import get_stats
from support.nodes import Publisher, grey_jpeg, make_bridge, running
from support.predecessor.clients import connected
from support.program import Program, free_port, node
from support.whep import watching

VIEW, DRIVE = "watch-only-0123", "drive-too-4567"
ELSEWHERE = {"Origin": "http://elsewhere.example"}
CONFIG = {
    "server": {"web_port": 8080, "pi_ip": "192.0.2.7"},
    "camera1": {"device": "/dev/video0", "width": 320, "height": 240, "fps": 15},
    "video": {"codec": "h264", "keyframe_interval": 60},
    "webrtc": {"max_clients": 4},
}


@contextmanager
def legacy_bridge(**parameters):
    """A bridge that serves the predecessor's interface, and its signalling port."""
    port = free_port()
    bridge = make_bridge(
        cameras=["camera1"],
        legacy=True,
        legacy_config=json.dumps(CONFIG),
        camera1__signalling_port=port,
        # Directly, pictures may come before DDS has found the node, whose state is told here.
        direct="off",
        **{"auth": "open", "pi_ip": "192.0.2.7", "bitrate": 1_000_000, **parameters},
    )
    with running(bridge):
        yield bridge, port


@contextmanager
def camera(*parameters: str, ready: str = "active"):
    """A camera in a process of its own, which ends properly: else DDS misses it after 20 s."""
    with node("camera_node", *parameters, name="camera1") as program:
        program.wait_for_output(ready)
        yield
        assert program.end() == 0


@pytest.fixture
def bridge():
    with legacy_bridge() as (bridge, _):
        yield bridge


async def get(session, bridge, path: str) -> dict:
    async with session.get(bridge.url + path) as response:
        assert response.status == 200, await response.text()
        assert response.headers["Cache-Control"] == "no-store"
        return await response.json()


async def test_the_page_is_where_it_was(session, bridge):
    async with session.get(bridge.url, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (302, "./viewer")
    async with session.get(bridge.url) as response:
        assert response.status == 200
        assert "Robot cameras" in await response.text()
    async with session.get(bridge.url + "viewer") as response:
        assert response.content_type == "text/html"


async def test_without_legacy_there_is_nothing_of_it(session):
    with running(bridge := make_bridge()):
        async with session.get(bridge.url, allow_redirects=False) as response:
            assert response.status == 200
        for path in ("viewer", "api/status"):
            async with session.get(bridge.url + path) as response:
                assert response.status == 404
        async with session.get(bridge.url + "health") as response:
            assert "services" not in await response.json()


async def test_every_body_is_as_it_was(session):
    size = ("source:=pattern", "width:=320", "height:=240")
    with legacy_bridge() as (bridge, port), camera(*size):
        web_port = int(bridge.url.split(":")[2].strip("/"))
        async with connected("rust", port) as client:
            await client.watch()
            await client.next_frame()
            status = await get(session, bridge, "api/status")
            stats = await get(session, bridge, "api/stats")
            cameras = await get(session, bridge, "api/cameras")
            config = await get(session, bridge, "api/config")
            async with session.get(bridge.url + "health") as response:
                health = await response.json()
        assert status["server"] == {"pi_ip": "192.0.2.7", "web_port": web_port, "running": True}
        assert status["cameras"] == stats["cameras"] == cameras
        assert cameras == {
            "camera1": {
                "id": "camera1",
                "device_path": "/dev/video0",
                "running": True,
                "initialized": True,
                "width": 320,
                "height": 240,
                "fps": 15,
            }
        }
        rtc = status["webrtc"]["camera1"]
        ((number, peer),) = rtc.pop("peers").items()
        assert rtc == {
            "camera_id": "camera1",
            "port": port,
            "is_streaming": True,
            "peer_count": 1,
            "client_count": 1,
        }
        assert peer == {
            "id": number,
            "connection_state": "connected",
            "ice_connection_state": "completed",
            "ice_gathering_state": "complete",
            "signaling_state": "stable",
            "is_streaming": True,
        }
        assert stats["webrtc"].keys() == {"camera1"}
        assert 0 <= time.time() - int(stats["timestamp"]) < 3600
        assert config == {
            "server": {"web_port": web_port, "bind_ip": "127.0.0.1", "pi_ip": "192.0.2.7"},
            "camera1": {**CONFIG["camera1"], "webrtc_port": port},
            "video": CONFIG["video"],
            "webrtc": {"enabled": True, "max_clients": 50},
            "codec": "h264",
            "bitrate": 1_000_000,
            "keyframe_interval": 60,
            "camera1_port": port,
            "camera2_port": 0,
            "pi_ip": "192.0.2.7",
        }
        assert health["status"] == "ok"
        assert health["timestamp"].endswith("Z")
        assert health["services"] == {
            "web_server": "running",
            "camera_manager": "running (1 cameras)",
            "webrtc_servers": "running (1 servers)",
        }
        assert any("auth is open" in warning for warning in health["warnings"])


async def becomes(session, bridge, **state: bool) -> None:
    """Wait until a camera is so."""
    for _ in range(600):
        camera = (await get(session, bridge, "api/cameras"))["camera1"]
        if camera.items() >= state.items():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"never {state}, but {camera}")


async def switch(session, bridge, action: str, **headers) -> tuple[int, dict]:
    url = f"{bridge.url}api/cameras/{action}"
    async with session.post(url, headers=headers) as response:
        return response.status, await response.json()


async def test_cameras_are_stopped_and_started_and_viewers_stay(session):
    async with AsyncExitStack() as stack:
        bridge, port = stack.enter_context(legacy_bridge())
        stack.enter_context(camera("source:=pattern", "width:=320", "height:=240"))
        client = await stack.enter_async_context(connected("go", port))
        await client.watch()
        await client.next_frame()
        for _ in range(2):  # what is stopped already can be stopped
            answer = await switch(session, bridge, "stop")
            done = {"camera1": {"success": True}}
            assert answer == (200, {"action": "stop_cameras", "results": done})
        (state,) = (await get(session, bridge, "api/cameras")).values()
        assert state["initialized"] or not state["running"], "it cannot run without its node"
        await becomes(session, bridge, running=False, initialized=False)
        for _ in range(2):
            answer = await switch(session, bridge, "start")
            assert answer == (200, {"action": "start_cameras", "results": done})
        await becomes(session, bridge, running=True, initialized=True)
        (viewer,) = (await get_stats(bridge.url))["viewers"].values()
        for _ in range(5 + viewer["sent"] - client.frames):  # more than were sent before
            await client.next_frame()


async def test_what_cannot_be_started_says_why(session, bridge):
    async def start() -> dict:
        _, body = await switch(session, bridge, "start")
        return body["results"]["camera1"]

    result = await start()
    while "does not answer" in result["error"]:  # another test's camera, which was killed
        result = await start()
    assert result["success"] is False
    assert "there is no /camera1/get_state: start the camera's node" in result["error"]
    with camera("source:=/nowhere.mp4", ready="cannot configure"):
        while "there is no" in result["error"] or "does not answer" in result["error"]:
            result = await start()
        assert result == {
            "success": False,
            "error": "camera1 could not be configured; its node's log says why",
        }


async def test_errors_have_their_status(session, bridge):
    async with session.get(bridge.url + "api/cameras/start") as response:
        assert response.status == 405
        assert response.headers["Allow"] == "POST"
        body = await response.json()
        assert (body["status"], "POST" in body["error"]) == (405, True)
    async with session.get(bridge.url + "api/nothing") as response:
        body = await response.json()
        assert (response.status, body["status"]) == (404, 404)


async def test_without_webrtc_the_old_pages_find_the_rest(session, tmp_path):
    web = free_port()
    file = tmp_path / "config.toml"
    file.write_text(f"[server]\nweb_port = {web}\n[webrtc]\nenabled = false")
    with Program("pi-webrtc-streamer", "--config", str(file), "--source", "pattern") as program:
        program.wait_for_output("Open http")
        url = f"http://127.0.0.1:{web}/"
        async with session.get(url, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (302, "./viewer")
        async with session.get(f"{url}api/status") as response:
            status = await response.json()
        assert (status["webrtc"], list(status["cameras"])) == ({}, ["camera1"])
        async with session.get(f"{url}api/config") as response:
            config = await response.json()
        assert (config["webrtc"]["enabled"], config["camera1_port"]) == (False, 0)
        async with session.get(f"{url}health") as response:
            assert (await response.json())["services"]["webrtc_servers"] == "running (0 servers)"
        assert program.end() == 0


async def test_clients_may_come_by_the_name_that_they_are_told(session):
    with legacy_bridge(pi_ip="robot.example.org") as (bridge, _):
        for host, status in (("robot.example.org:8080", 200), ("other.example.org", 421)):
            async with session.get(f"{bridge.url}api/status", headers={"Host": host}) as response:
                assert response.status == status


# Who may do what


@pytest.mark.parametrize("auth", ["open", "none"])
async def test_pages_from_elsewhere_may_look_where_everybody_may(session, auth):
    with legacy_bridge(auth=auth) as (bridge, _):
        for path in ("api/status", "api/nothing", "health"):
            for headers in (ELSEWHERE, {}):
                async with session.get(bridge.url + path, headers=headers) as response:
                    assert response.headers["Access-Control-Allow-Origin"] == "*"
        embedding = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
        async with session.get(bridge.url + "api/status", headers=embedding) as response:
            assert response.status == 403
        preflight = {**ELSEWHERE, "Access-Control-Request-Method": "GET"}
        async with session.options(bridge.url + "api/status", headers=preflight) as response:
            assert response.status == 204
            assert response.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
        async with session.get(bridge.url + "cameras", headers=ELSEWHERE) as response:
            assert response.status == 403
            assert "Access-Control-Allow-Origin" not in response.headers
        assert (await switch(session, bridge, "stop", **ELSEWHERE))[0] == 403
        own = {"Origin": bridge.url.rstrip("/")}
        assert (await switch(session, bridge, "stop", **own))[0] == 200


async def test_with_a_token_it_is_asked_for(session):
    tokens = {"auth": "open", "token_view": VIEW, "token_drive": DRIVE}
    with legacy_bridge(**tokens) as (bridge, _):
        url = f"{bridge.url}api/status"
        async with session.get(url) as response:
            assert response.status == 401
            assert (await response.json())["status"] == 401
        async with session.get(f"{url}?token={VIEW}", allow_redirects=False) as response:
            assert response.status == 200
        jar = aiohttp.CookieJar(unsafe=True)
        async with (
            aiohttp.ClientSession(cookie_jar=jar) as browser,
            browser.get(f"{bridge.url}?token={VIEW}") as response,
        ):
            assert (response.status, response.url.path_qs) == (200, "/viewer")
        async with session.get(f"{url}?token={VIEW}", headers=ELSEWHERE) as response:
            assert "Access-Control-Allow-Origin" not in response.headers
        async with session.get(bridge.url + "viewer", headers={"Accept": "text/html"}) as response:
            assert response.status == 401
            assert 'name="token"' in await response.text()
        async with session.get(bridge.url + "health") as response:
            assert await response.json() == {"status": "ok"}
        status, body = await switch(session, bridge, "stop", Authorization=f"Bearer {VIEW}")
        assert (status, "takes the role drive" in body["error"]) == (403, True)
        assert (await switch(session, bridge, "stop", Authorization=f"Bearer {DRIVE}"))[0] == 200


# All of it, as on a robot


FILE = """
[server]
web_port = {web}
pi-ip = "192.0.2.7"

[camera1]
width = 320
height = 240

[camera-2]
width = 160
height = 120
webrtc-port = {second}

[webrtc]
webrtc_port_1 = {first}
max_clients = 1
codec = "vp8"
"""


async def test_a_robot_with_its_old_file_and_its_old_clients(session, tmp_path):
    web, first, second = free_port(), free_port(), free_port()
    file = tmp_path / "config.toml"
    file.write_text(FILE.format(web=web, first=first, second=second))
    with Program("pi-webrtc-streamer", "--config", str(file)) as program:
        program.wait_for_output("Open http")
        url = f"http://127.0.0.1:{web}/"
        async with session.get(f"{url}api/config", headers=ELSEWHERE) as response:
            config = await response.json()
        assert (config["codec"], config["pi_ip"]) == ("vp8", "192.0.2.7")
        assert (config["camera1_port"], config["camera2_port"]) == (first, second)
        assert config["server"] == {"web_port": web, "bind_ip": "0.0.0.0", "pi_ip": "192.0.2.7"}
        assert config["webrtc"]["max_clients"] == 1
        assert config["camera2"]["webrtc_port"] == second
        assert config["camera2"]["flip_method"] == "rotate-180", "in the file's generation"
        async with connected("rust", first) as one, connected("go", second) as two:
            await one.watch()
            await two.watch()
            assert (await one.next_frame()).width == 320
            assert (await two.next_frame()).width == 160
            assert " VP8/90000" in one.answers[0]
            async with connected("go", first) as refused:
                sdp, _ = await refused.offer()
                await refused.send_offer(sdp)
                assert (await refused.until_closed())[0] == 1013
        async with session.get(f"{url}health") as response:
            health = await response.json()
        assert health["services"]["webrtc_servers"] == "running (2 servers)"
        assert program.end() == 0
        assert "Traceback" not in program.output


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
