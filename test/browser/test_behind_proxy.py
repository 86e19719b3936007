# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Chromium before nginx before the bridge, the latter two as docs/security.md has them."""

import re

import pytest

from support import reverse_proxy
from support.browser import CHROMIUM, chromium
from support.browser import operator as looking
from support.program import Program, free_port
from support.reverse_proxy import NAME, PATH, URL
from support.waiting import wait_for


@pytest.fixture
def operator(tmp_path):
    """Somebody whose browser finds nginx by the robot's name."""
    port = free_port()
    camera = ("--source", "pattern", "--width", "640", "--height", "480", "--port", str(port))
    with (
        Program(
            "pi-webrtc-streamer",
            *("--config", str(reverse_proxy.bridge_parameters(tmp_path)), *camera),
            environment={"HOME": str(tmp_path)},
        ) as program,
        reverse_proxy.nginx(tmp_path, port) as https,
        chromium(CHROMIUM, f"--host-resolver-rules=MAP {NAME} 127.0.0.1:{https}") as browser,
        looking(browser, ignore_https_errors=True) as operator,
    ):
        assert program.link
        yield operator


@pytest.mark.parametrize("url", [URL, f"{URL}{PATH}"], ids=["at the root", "below a path"])
def test_an_operator_signs_in_and_sees_the_pictures(operator, tmp_path, url):
    page = operator.page
    tokens = reverse_proxy.tokens(tmp_path)
    operator.open(url)
    page.get_by_label("Token").fill(tokens["view"])
    page.keyboard.press("Enter")
    operator.wait_for_state("live")
    answers: list[tuple[str, int]] = []
    page.on("response", lambda response: answers.append((response.url, response.status)))
    (cookie,) = page.context.cookies()
    assert re.fullmatch(r"__Host-pi_webrtc_streamer_.+_\d+", cookie["name"])
    assert cookie["domain"] == NAME
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")
    remote = operator.candidate("remote")
    assert remote["protocol"] == "udp"
    assert remote["address"] != "127.0.0.1", "not by way of nginx"

    page.reload()
    operator.wait_for_state("live")
    operator.wait_for_frames()
    wait_for(lambda: operator.viewers() == 1, "the end of the session before")
    assert page.url == url
    assert operator.hosts == {NAME}
    assert (f"{url}whep/camera", 201) in answers
    assert [answer for answer in answers if answer[1] >= 400] == []
