# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Signing in with Chromium, over HTTP and TLS, and what pages from elsewhere get."""

import functools
import http.server
import threading
from contextlib import contextmanager

import pytest

from support.browser import PHONE
from support.browser import operator as looking
from support.program import Program, free_port, node

TOKEN = "drive-too-4567"
GIVEN = {"PI_WEBRTC_STREAMER_TOKEN_DRIVE": TOKEN}


def streamer(port: int, *arguments: str, environment: dict[str, str] | None = None) -> Program:
    """Start camera and bridge in one process."""
    return Program(
        "pi-webrtc-streamer",
        *("--source", "pattern", "--width", "640", "--height", "480", "--port", str(port)),
        *arguments,
        environment=environment,
    )


@pytest.fixture
def port():
    return free_port()


@pytest.mark.parametrize("tls", ["none", "self-signed"])
def test_the_printed_address_leads_to_the_picture(port, browser, tmp_path, tls):
    state = {"ROS_HOME": str(tmp_path)}
    with (
        streamer(port, "--auth", "token", "--tls", tls, environment=state) as program,
        looking(browser, ignore_https_errors=True) as operator,
    ):
        scheme = "http" if tls == "none" else "https"
        assert program.link.startswith(f"{scheme}://127.0.0.1:{port}/?token=")
        operator.open(program.link)
        operator.wait_for_frames()
        assert operator.page.url == f"{scheme}://127.0.0.1:{port}/", "the token is gone"
        operator.page.reload()
        operator.wait_for_frames()
        (cookie,) = operator.page.context.cookies()
        assert cookie["httpOnly"]
        assert cookie["secure"] is (tls == "self-signed")
        assert program.link.partition("token=")[2] not in cookie["value"]
        assert operator.page.evaluate("() => document.cookie") == ""


def test_signing_in_by_hand(port, operator):
    with streamer(port, environment=GIVEN) as program:
        page = operator.page
        operator.open(f"{program.link}?camera=camera")
        page.get_by_text("This robot asks for a token").wait_for()
        operator.screenshot("sign-in")
        page.get_by_label("Token").fill("not-this-one")
        page.keyboard.press("Enter")
        page.get_by_text("That token is not right").wait_for()
        page.set_viewport_size(PHONE)
        operator.screenshot("sign-in-wrong-phone")
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Show the cameras").click()
        operator.wait_for_state("live")
        assert page.url == f"{program.link}?camera=camera", "where it was about to go"


def test_pages_whose_token_has_changed_say_so_and_ask_no_more(port, operator):
    page, other = operator.page, operator.page.context.new_page()
    with streamer(port, "--auth", "token") as program:
        operator.open(program.link)
        operator.wait_for_state("live")
        other.goto(f"http://127.0.0.1:{port}/")
        other.wait_for_selector('[data-state="live"]')
    with streamer(port, "--auth", "token") as program:
        page.get_by_text("The robot asks for a token").wait_for()
        operator.screenshot("token-changed")
        assert page.evaluate("() => streamer.cameras.size") == 0
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        other.get_by_role("button", name="Enter the token").click()
        other.get_by_label("Token").fill(program.link.partition("token=")[2])
        other.keyboard.press("Enter")
        other.wait_for_selector('[data-state="live"]')
        assert asked == []
        page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
        operator.wait_for_state("live")
        assert page.get_by_role("button", name="Enter the token").is_hidden()
        assert operator.never_reloaded()


ELSEWHERE = """<!doctype html><title>Elsewhere</title>
<a href="{bridge}?token={token}">To the robot</a>
<script>
    const bridge = '{bridge}';
    const outcome = (element, name) => new Promise((resolve) => {{
        element.onload = () => resolve('got it');
        element.onerror = () => resolve('refused');
        document.body.append(element);
        element.src = bridge + name;
    }});
    const image = (name, crossOrigin = null) =>
        outcome(Object.assign(new Image(), {{ crossOrigin }}), name);
    const script = (name) => outcome(document.createElement('script'), name);
    const fetched = (name, options) => fetch(bridge + name, options).then(
        (response) => `status ${{response.status}}`, () => 'refused');
</script><body></body>"""


@contextmanager
def elsewhere(folder, bridge: str, token: str = ""):
    """Serve a page of another site (localhost is another than 127.0.0.1)."""
    (folder / "index.html").write_text(ELSEWHERE.format(bridge=bridge, token=token))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("environment", [{}, GIVEN], ids=["this machine alone", "with a cookie"])
def test_a_page_from_elsewhere_gets_no_picture(port, operator, tmp_path, environment):
    page = operator.page
    with streamer(port, environment=environment) as program:
        operator.open(f"{program.link}?token={TOKEN}")
        operator.wait_for_frames()
        assert page.evaluate("() => fetch('cameras/camera/snapshot.jpg').then(r => r.ok)")
        with elsewhere(tmp_path, program.link) as url:
            page.goto(url)
            snapshot, stream = "cameras/camera/snapshot.jpg", "cameras/camera/stream.mjpg"
            for call in (
                f"image('{snapshot}')",
                f"image('{stream}')",
                "script('static/app.js')",
                f"fetched('{snapshot}')",
                "fetched('whep/camera', {method: 'POST', body: 'v=0'})",
            ):
                assert page.evaluate(call) == "refused", call
            opaque = (
                f"fetch(bridge + '{snapshot}', {{mode: 'no-cors'}}).then(r => r.type, e => 'no')"
            )
            assert page.evaluate(opaque) == "no"


def test_a_page_of_a_listed_site_shows_pictures(port, operator, tmp_path):
    page, snapshot = operator.page, "cameras/camera/snapshot.jpg"
    with elsewhere(tmp_path, f"http://127.0.0.1:{port}/") as url:
        listed = ("--ros-args", "-p", f"cors_origins:=['{url.rstrip('/')}']")
        with (
            Program(
                "bridge_node",
                *(*listed, "-p", f"port:={port}", "-p", "autostart:=true"),
                environment=GIVEN,
            ) as bridge,
            node("camera_node", "source:=pattern", "width:=320", "height:=240"),
        ):
            bridge.wait_for_output("page: http")
            page.goto(url)
            for name in (snapshot, "cameras/camera/stream.mjpg"):
                address = f"{name}?token={TOKEN}"
                assert page.evaluate(f"image('{address}')") == "refused", "it asks as nobody"
                assert page.evaluate(f"image('{address}', 'anonymous')") == "got it"
                assert page.evaluate(f"image('{name}', 'anonymous')") == "refused", "no token"
            bearer = f"{{headers: {{Authorization: 'Bearer {TOKEN}'}}}}"
            assert page.evaluate(f"fetched('{snapshot}', {bearer})") == "status 200"


def test_a_link_on_another_site_leads_in(port, operator, tmp_path):
    page = operator.page
    with (
        streamer(port, environment=GIVEN) as program,
        elsewhere(tmp_path, program.link, TOKEN) as url,
    ):
        for _ in range(2):
            page.goto(url)
            page.get_by_text("To the robot").click()
            operator.wait_for_state("live")
            assert page.url == program.link
