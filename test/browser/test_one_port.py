# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""One UDP port for all viewers, in real browsers; and what the page says where UDP is blocked."""

import pytest
from playwright.sync_api import expect

from support.browser import GIVE_UP_AFTER, launched
from support.browser import operator as looking
from support.firefox import firefox
from support.network import chromium_inside
from support.program import Program, free_port, free_udp_port

CAMERA = """
camera:
  ros__parameters:
    source: pattern
bridge:
  ros__parameters:
    udp_port: {udp}
    host: 0.0.0.0
    auth: none
"""


@pytest.fixture
def robot(tmp_path):
    """A robot with one UDP port; yields its page's port, and that."""
    port, udp = free_port(), free_udp_port()
    config = tmp_path / "streamer.yaml"
    config.write_text(CAMERA.format(udp=udp))
    with Program("pi-webrtc-streamer", "--config", str(config), "--port", str(port)) as program:
        program.wait_for_output("Open http")
        yield port, udp


def test_two_chromiums_and_a_firefox_at_once(robot, browser):
    url = f"http://127.0.0.1:{robot[0]}/"
    with looking(browser) as one, looking(browser) as two, firefox() as fox:
        fox.open(url)
        for operator in (one, two):
            operator.open(url)
            operator.wait_for_frames(60)
        fox.wait_for_state("live")
        fox.wait_for_frames(60)
        for operator in (one, two):
            operator.wait_for_frames(60)
            assert operator.reconnects() == 0


def test_where_udp_is_blocked_the_page_says_what_to_open(robot, network, browser):
    port, udp = robot
    network.inside("ip", "rule", "add", "ipproto", "udp", "blackhole")
    with (
        chromium_inside(network) as executable,
        launched(browser.browser_type, executable) as inside,
        looking(inside) as far,
    ):
        far.open(f"http://{network.here}:{port}/")
        said = far.page.locator(".message-text")
        expect(said).to_contain_text(f"UDP to {network.here}:{udp} is", timeout=GIVE_UP_AFTER)
        expect(said).to_contain_text("udp_port")
        far.screenshot("udp-blocked")
