# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Chromium, as the tests use it, and its readings of the picture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page

import support.browser
from support.browser import CHROMIUM, DESKTOP, GIVE_UP_AFTER

from .figures import Unavailable

PAGES = Path(__file__).with_name("pages")
SETTLE = 2_000  # milliseconds from the first picture until it counts


@dataclass(frozen=True)
class Seen:
    """What was read off a picture from ``begun`` to ``ended``.

    When frames were shown, and how old they were then, in ms; a frame whose code could not be read
    has no lag, but is in ``ages`` as None. ``widths`` are in pixels.
    """

    begun: float
    ended: float
    times: list[float]
    lags: list[float]
    unreadable: int
    ages: list[float | None]
    widths: list[int]


@contextmanager
def chromium(executable: str = CHROMIUM) -> Iterator[Browser]:
    """Run Chromium.

    :raises Unavailable: if it is not there.
    """
    if not Path(executable).is_file():
        raise Unavailable(f"there is no {executable}")
    with support.browser.chromium(executable) as browser:
        yield browser


@contextmanager
def page(browser: Browser, url: str, before: str = "") -> Iterator[Page]:
    """Open a page for the length of a context; the script ``before`` runs before its own."""
    context = browser.new_context(viewport=DESKTOP)
    try:
        context.add_init_script(before)
        opened = context.new_page()
        opened.set_default_timeout(GIVE_UP_AFTER)
        opened.goto(url)
        yield opened
    finally:
        context.close()


@contextmanager
def our_page(
    browser: Browser, url: str, codec: str = "h264", before: str = "", settled: bool = True
) -> Iterator[Page]:
    """Open the bridge's real page and wait until its picture is there, or has settled."""
    with page(browser, f"{url}?codec={codec}", before) as opened:
        opened.wait_for_function(
            "() => window.streamer?.cameras.get('camera')?.state === 'live'", timeout=GIVE_UP_AFTER
        )
        if settled:
            opened.wait_for_timeout(SETTLE)
        yield opened


@contextmanager
def rival_page(browser: Browser, url: str) -> Iterator[Page]:
    """Open a rival's page and wait until its picture has settled."""
    with page(browser, url) as opened:
        opened.wait_for_function("() => document.querySelector('video').videoWidth > 0")
        opened.wait_for_timeout(SETTLE)
        yield opened


@contextmanager
def mjpeg_page(browser: Browser, url: str) -> Iterator[Page]:
    """Show the multipart stream as an image, on a page of its origin: canvases are readable."""
    with page(browser, f"{url}health") as opened:
        opened.evaluate(
            """() => {
                const image = new Image();
                image.style = 'position: fixed; inset: 0; width: 100vw; height: 100vh';
                image.src = '/cameras/camera/stream.mjpg';
                document.body.replaceChildren(image);
            }"""
        )
        opened.wait_for_function("() => document.querySelector('img').naturalWidth > 0")
        opened.wait_for_timeout(SETTLE)
        yield opened


def watch(
    opened: Page, picture: str, frames: int = 0, seconds: float = 0, camera_width: int = 0
) -> Seen:
    """Read the barcode of every frame for a while; ``picture`` is ours, video or image.

    What may be smaller than the camera's picture is read if ``camera_width`` says how wide that is.
    """
    found = opened.evaluate(
        (PAGES / "measure.js").read_text(),
        {
            "picture": picture,
            "frames": frames,
            "seconds": seconds or (frames / 5),
            "camera": camera_width,
        },
    )
    lags = [lag for lag in found["lags"] if lag is not None]
    return Seen(
        begun=found["begun"],
        ended=found["ended"],
        times=found["times"],
        lags=lags,
        unreadable=len(found["lags"]) - len(lags),
        ages=found["lags"],
        widths=found["widths"],
    )
