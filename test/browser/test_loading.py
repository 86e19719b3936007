# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The page that could not be loaded whole, since the network changed or went meanwhile."""

import pytest

from support.browser import GIVE_UP_AFTER
from support.browser import operator as looking


@pytest.mark.parametrize("missing", ["whep/session.js", "app.js", "style/tile.css"])
def test_a_page_of_which_something_is_missing_comes_back_by_itself(streamer, browser, missing):
    with looking(browser) as operator:
        lost = []

        def lose(route) -> None:
            if len(lost) < 2:
                lost.append(route.request.url)
                route.abort("failed")
            else:
                route.continue_()

        operator.page.route(f"**/static/{missing}", lose)
        operator.open(streamer)
        operator.wait_for_state("live")
        operator.page.wait_for_function(
            "() => getComputedStyle(document.querySelector('.bar')).display === 'grid'",
            timeout=GIVE_UP_AFTER,
        )
        assert len(lost) == 2
