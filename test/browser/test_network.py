# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A viewer's network that goes away and comes back, or is narrow, in a namespace of its own."""

import time
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from support.browser import GIVE_UP_AFTER, launched
from support.browser import operator as looking
from support.network import NoNetwork, chromium_inside
from support.program import Program, free_port
from support.waiting import wait_for

CUT = 10.0  # seconds


@pytest.mark.slow
def test_a_network_that_is_cut_for_ten_seconds(network, browser):
    """Pictures go on by themselves; who watches over another network never notices."""
    port = free_port()
    with (
        Program(
            "pi-webrtc-streamer", "--source", "pattern", "--host", "0.0.0.0", "--port", str(port)
        ) as program,
        chromium_inside(network) as executable,
        looking(browser) as near,
    ):
        token = program.link.partition("?token=")[2]
        with launched(browser.browser_type, executable) as inside, looking(inside) as far:
            near.open(f"http://127.0.0.1:{port}/?token={token}")
            far.open(f"http://{network.here}:{port}/?token={token}")
            near.wait_for_frames()
            far.wait_for_frames()
            before = far.barcode()
            network.cut()
            mended = time.monotonic() + CUT
            while time.monotonic() < mended:
                near.wait_for_frames()
            far.page.wait_for_selector('[data-camera="camera"]:not([data-state="live"])')
            network.mend()
            far.wait_for_frames()
            assert far.barcode() != before
            assert far.never_reloaded()
            assert near.reconnects() == 0


@contextmanager
def watched(network, browser, *parameters: str):
    """Somebody who watches from inside the network; yields what they see."""
    port = free_port()
    address = ("--host", "0.0.0.0", "--port", str(port), "--auth", "none")
    with (
        Program("pi-webrtc-streamer", "--source", "pattern", *address, *parameters) as program,
        chromium_inside(network) as executable,
    ):
        program.wait_for_output("Open http")
        with launched(browser.browser_type, executable) as inside, looking(inside) as far:
            far.open(f"http://{network.here}:{port}/")
            far.wait_for_frames(30)
            yield far, program


NAMED_STATES = """() => {
    const tile = streamer.cameras.get('camera');
    window.states = [tile.state];
    setInterval(() => { if (states.at(-1) !== tile.state) states.push(tile.state); }, 20);
}"""


@pytest.mark.slow
def test_another_address_is_another_session_before_the_first_is_given_up(network, browser):
    with watched(network, browser) as (far, _):
        far.page.evaluate(NAMED_STATES)
        network.move()
        far.page.wait_for_function("() => streamer.cameras.get('camera').reconnects > 0")
        far.wait_for_frames(30)
        assert far.reconnects() == 1
        assert "reconnecting" not in far.page.evaluate("states")


@pytest.mark.slow
def test_a_link_that_is_down_for_a_moment_keeps_its_session(network, browser):
    """The bridge holds it for five seconds: when the link is back, it is the quickest."""
    with watched(network, browser) as (far, _):
        network.cut()
        far.wait_for_state("offline")
        network.mend()
        far.wait_for_frames(30)
        assert far.reconnects() == 0
        wait_for(lambda: far.viewers() == 1, "the end of what was begun beside it")


@pytest.mark.slow
def test_a_link_that_is_down_for_longer_than_the_bridge_waits(network, browser):
    """There is nobody else for whom the camera would go on."""
    with watched(network, browser) as (far, program):
        network.cut()
        program.wait_for_output("gone: nothing was heard from it")
        network.mend()
        far.wait_for_frames(30)
        assert far.reconnects() > 0


@pytest.mark.slow
def test_a_way_that_is_silent_is_replaced(network, browser):
    """As when a router forgets the way: nothing says so, and only what was there is lost."""
    with watched(network, browser) as (far, _):
        network.silence(far.candidate("local")["port"])
        far.page.wait_for_function("() => streamer.cameras.get('camera').reconnects > 0")
        far.wait_for_frames(30)
        assert far.reconnects() == 1
        wait_for(lambda: far.viewers() == 1, "the end of the session before")


@pytest.mark.slow
def test_where_there_is_no_room_for_two_the_first_goes(network, browser, tmp_path):
    config = tmp_path / "one.yaml"
    config.write_text("bridge:\n  ros__parameters:\n    max_viewers: 1\n")
    with watched(network, browser, "--config", str(config)) as (far, _):
        network.silence(far.candidate("local")["port"])
        far.page.wait_for_function("() => streamer.cameras.get('camera').reconnects > 0")
        far.wait_for_frames(30)
        assert far.viewers() == 1


@pytest.mark.slow
def test_over_a_narrow_network_the_page_says_why_the_picture_is_small(network, browser):
    port = free_port()
    address = ("--host", network.here, "--port", str(port), "--auth", "none")
    try:
        network.narrow("1mbit")
    except NoNetwork as error:
        pytest.skip(str(error))
    with (
        Program("pi-webrtc-streamer", "--source", "pattern:busy", *address) as program,
        chromium_inside(network) as executable,
    ):
        program.wait_for_output("Open http")
        with launched(browser.browser_type, executable) as inside, looking(inside) as far:
            far.open(f"http://{network.here}:{port}/")
            figure = far.page.locator('[data-camera="camera"] .figure-size')
            expect(figure).to_have_text("640×360, weak link", timeout=GIVE_UP_AFTER)
            expect(figure).to_have_attribute("title", "The network does not carry 1280×720")
            far.wait_for_frames(30)
            far.screenshot("weak-link")
