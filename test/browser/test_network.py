"""A viewer's network that goes away and comes back, or is narrow, in a namespace of its own."""

import time

import pytest
from playwright.sync_api import expect

from support.browser import GIVE_UP_AFTER, launched
from support.browser import operator as looking
from support.network import NoNetwork, chromium_inside, link
from support.program import Program, free_port

CUT = 10.0  # seconds


@pytest.fixture
def network():
    try:
        with link() as network:
            yield network
    except NoNetwork as error:
        pytest.skip(str(error))


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
