"""A viewer's network that goes away and comes back, in a network namespace of its own."""

import time

import pytest

from support.browser import ARGUMENTS
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
        inside = browser.browser_type.launch(executable_path=executable, args=ARGUMENTS)
        try:
            with looking(inside) as far:
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
        finally:
            inside.close()
