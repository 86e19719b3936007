# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The real Firefox on the real page, by its own Marionette."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from marionette_driver.marionette import Marionette

from .browser import SCREENSHOTS
from .program import free_port
from .waiting import wait_for

PREFERENCES = {
    "app.update.disabledForTesting": "true",
    "browser.shell.checkDefaultBrowser": "false",
    "datareporting.policy.dataSubmissionEnabled": "false",
    # It would look for networks, updates and codecs that it does not need here.
    "extensions.update.enabled": "false",
    "media.gmp-manager.updateEnabled": "false",
    "network.captive-portal-service.enabled": "false",
    "network.connectivity-service.enabled": "false",
    "services.settings.server": '"data:,"',
}


class FirefoxOperator:
    """Somebody who looks at the page in Firefox."""

    def __init__(self, marionette: Marionette) -> None:
        self._marionette = marionette

    def open(self, url: str) -> None:
        self._marionette.navigate(url)

    @property
    def url(self) -> str:
        return self._marionette.get_url()

    def run(self, script: str) -> Any:
        """Return what a script returns, which runs as the page's own."""
        return self._marionette.execute_script(script, sandbox=None)

    def state(self, camera: str = "camera") -> str | None:
        return self.run(f"return window.streamer?.cameras.get('{camera}')?.state")

    def wait_for_state(self, state: str) -> None:
        try:
            wait_for(lambda: self.state() == state, f'the state "{state}"')
        except AssertionError as error:
            said = self.run("return document.querySelector('main').innerText")
            raise AssertionError(f"{error}; it is {self.state()}, and says: {said}") from None

    def stats(self) -> dict[str, Any]:
        return self.run("return window.streamer.cameras.get('camera').stats")

    def decoded(self) -> int:
        """How many pictures were decoded; the page looks once a second."""
        return self.stats()["framesDecoded"]

    def wait_for_frames(self, count: int = 10) -> None:
        before = self.decoded()

        def came() -> bool:
            now = self.decoded()  # of a new session, perhaps
            return now - (before if now >= before else 0) >= count

        wait_for(came, f"{count} more pictures")

    def screenshot(self, name: str) -> None:
        """Keep what the operator sees."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        (SCREENSHOTS / f"{name}.png").write_bytes(
            self._marionette.screenshot(format="binary", full=False)
        )

    def fill_in(self, selector: str, text: str) -> None:
        self._marionette.find_element("css selector", selector).send_keys(text)

    def click(self, selector: str) -> None:
        self._marionette.find_element("css selector", selector).click()


@contextmanager
def firefox() -> Iterator[FirefoxOperator]:
    """Run Firefox with a new profile."""
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        pytest.skip("there is no Firefox (tools/firefox)")
    port = free_port()
    with tempfile.TemporaryDirectory() as profile:
        preferences = PREFERENCES | {"marionette.port": str(port)}
        lines = [f'user_pref("{name}", {value});\n' for name, value in preferences.items()]
        Path(profile, "user.js").write_text("".join(lines))
        process = subprocess.Popen(
            [program, "--headless", "--marionette", "--no-remote", "--profile", profile],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"HOME": profile},
        )
        try:
            wait_for(lambda: _listens(port), "Firefox listens")
            marionette = Marionette(host="127.0.0.1", port=port)
            marionette.start_session()
            yield FirefoxOperator(marionette)
        finally:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
