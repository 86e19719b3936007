# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""One Chromium for all tests of a module, and a robot for one test."""

import pytest

from support import browser as support
from support.network import NoNetwork, link
from support.program import Program, free_port


def pytest_collection_modifyitems(items):
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.browser)


# Not for the session: Playwright keeps an event loop running in this thread as long as it lives,
# beside which the tests that are coroutines could not run.
@pytest.fixture(scope="module")
def browser():
    with support.chromium() as chromium:
        yield chromium


@pytest.fixture
def operator(browser):
    """Somebody at a desktop."""
    with support.operator(browser) as operator:
        yield operator


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def streamer(port):
    """Camera and bridge in one process, showing the pattern."""
    with Program("pi-webrtc-streamer", "--source", "pattern", "--port", str(port)) as program:
        program.wait_for_output("Open http")
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture(scope="module")
def shared_streamer():
    """The same, for all tests of a module that leave it as it is."""
    port = free_port()
    with Program("pi-webrtc-streamer", "--source", "pattern", "--port", str(port)) as program:
        program.wait_for_output("Open http")
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture(scope="module")
def page(browser, shared_streamer):
    """A page of the bridge's origin that watches nothing: for its modules alone."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{shared_streamer}health")
    yield page
    context.close()


@pytest.fixture
def network():
    """A namespace, and a link that leads to it."""
    try:
        with link() as network:
            yield network
    except NoNetwork as error:
        pytest.skip(str(error))
