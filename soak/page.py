# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A browser on the real page, in a process of its own: it opens, reloads, and goes.

python -m soak.page URL RELOADS
"""

from __future__ import annotations

import sys

from bench.browser import chromium, page

LIVE = "() => [...window.streamer?.cameras.values() ?? [{}]].every(each => each.state === 'live')"


def main(url: str, reloads: str) -> None:
    """Wait for every camera's picture, each time the page is loaded."""
    with chromium() as browser, page(browser, url) as opened:
        opened.wait_for_function(LIVE)
        for _ in range(int(reloads)):
            opened.reload()
            opened.wait_for_function(LIVE)


if __name__ == "__main__":
    main(*sys.argv[1:])
