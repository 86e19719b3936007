"""One Chromium for all tests of a module."""

import pytest

from support import browser as support


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
