# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Debian's Chromium on the real page."""

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, BrowserType, Page, sync_playwright

from pi_webrtc_streamer.camera import barcode

from .chromium import ARGUMENTS, CHROMIUM

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
GIVE_UP_AFTER = 30_000  # milliseconds
VIEWERS = "() => fetch('cameras').then((r) => r.json()).then(({ cameras }) => cameras[0].viewers)"
CANDIDATE = """async ([camera, side]) => {
    const stats = [...(await streamer.cameras.get(camera).pc.getStats()).values()];
    const { selectedCandidatePairId } = stats.find(({ type }) => type === 'transport');
    const pair = stats.find(({ id }) => id === selectedCandidatePairId);
    return stats.find(({ id }) => id === pair[`${side}CandidateId`]);
}"""
# In the place of the gamepads that a page finds: none, until somebody gives it one.
GAMEPAD = """window.pads = [];
navigator.getGamepads = () => window.pads;
window.give = (axes, pressed = []) => { window.pads = [{
    id: 'Test pad', index: 0, mapping: 'standard', connected: true, axes,
    buttons: Array.from({ length: 17 }, (_, i) => ({ pressed: pressed.includes(i), value: 0 })),
}]; };"""
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"

# Draws the picture that a camera shows into a canvas and returns it as PNG.
GRAB = """async name => {
    const video = streamer.cameras.get(name).video;
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext('2d').drawImage(video, 0, 0);
    return canvas.toDataURL('image/png');
}"""

DECODED = """(name =>
    streamer.cameras.get(name)?.video.getVideoPlaybackQuality().totalVideoFrames ?? 0)"""


class Operator:
    """Somebody who looks at the page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.hosts: set[str] = set()
        self._begun = False
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))

    def open(self, url: str) -> None:
        self.page.goto(url)
        self._begun = False

    def wait_for_page(self) -> None:
        """Wait until our page runs; from then on, it must get by without being loaded again.

        Before, it may have to be: while the network changes, Chromium ends every request.
        """
        if not self._begun:
            self.page.wait_for_function("() => window.streamer", timeout=GIVE_UP_AFTER)
            self.page.evaluate("() => { window.neverReloaded = true }")  # gone after a reload
            self._begun = True

    def wait_for_state(self, state: str, camera: str = "camera") -> None:
        """Wait until a camera's tile is in a state."""
        self.wait_for_page()
        self.page.wait_for_selector(
            f'[data-camera="{camera}"][data-state="{state}"]', timeout=GIVE_UP_AFTER
        )

    def wait_for_frames(self, count: int = 5, camera: str = "camera") -> None:
        """Wait until so many further frames were decoded."""
        self.wait_for_page()
        before = self.page.evaluate(f"{DECODED}", camera)
        self.page.wait_for_function(
            f"([name, count]) => streamer.cameras.get(name)?.state === 'live'"
            f" && ({DECODED})(name) >= count",
            arg=[camera, before + count],
            timeout=GIVE_UP_AFTER,
        )

    def picture(self, camera: str = "camera") -> np.ndarray:
        """Return the picture that is shown, as an array (height, width, RGB)."""
        data = self.page.evaluate(GRAB, camera)
        image = Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2])))
        return np.asarray(image.convert("RGB"))

    def barcode(self, camera: str = "camera") -> int:
        """Return the time in the picture that is shown, in ms modulo 2**32."""
        return barcode.read(self.picture(camera)[:, :, 1])

    def screenshot(self, name: str) -> None:
        """Keep what the operator sees."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")

    def reconnects(self, camera: str = "camera") -> int:
        return self.page.evaluate("name => streamer.cameras.get(name).reconnects", camera)

    def viewers(self) -> int:
        """How many viewers the bridge says that its first camera has."""
        return self.page.evaluate(VIEWERS)

    def candidate(self, side: str, camera: str = "camera") -> dict:
        """Return the address, "local" or "remote", of the pair by which the pictures come."""
        return self.page.evaluate(CANDIDATE, [camera, side])

    def never_reloaded(self) -> bool:
        return self.page.evaluate("() => window.neverReloaded === true")


@contextmanager
def chromium(executable: str = CHROMIUM, *arguments: str) -> Iterator[Browser]:
    """Run Chromium with a new profile, and with further arguments."""
    with (
        sync_playwright() as playwright,
        launched(playwright.chromium, executable, *arguments) as browser,
    ):
        yield browser


@contextmanager
def launched(kind: BrowserType, executable: str, *arguments: str) -> Iterator[Browser]:
    """Run one more browser of a kind, in the Playwright that there is."""
    browser = kind.launch(executable_path=executable, args=[*ARGUMENTS, *arguments])
    try:
        yield browser
    finally:
        browser.close()


@contextmanager
def operator(browser, viewport: dict[str, int] = DESKTOP, **context) -> Iterator[Operator]:
    """Open an empty page; at the end, it must not have met an error."""
    context = browser.new_context(viewport=viewport, **context)
    try:
        operator = Operator(context.new_page())
        yield operator
        assert operator.errors == []
    finally:
        context.close()
