"""One Chromium for all tests of the page."""

import pytest

from support import browser as support


def pytest_collection_modifyitems(items):
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser():
    with support.chromium() as chromium:
        yield chromium


@pytest.fixture
def operator(browser):
    """Somebody at a desktop."""
    with support.operator(browser) as operator:
        yield operator
