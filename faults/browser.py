# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Chromium by its own protocol (CDP), over a pipe. Playwright keeps every page focused and visible,
and here pages are to lose both.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from bench.processes import descendants
from support.browser import ARGUMENTS, CHROMIUM

ANSWERED_WITHIN = 30.0  # seconds
LARGEST_MESSAGE = 2**26  # bytes
# Chromium reads what it is told from file descriptor 3, and answers on 4.
START = 'exec 3<&"$1" 4>&"$2"; shift 2; exec "$@"'


class Browser:
    """A running Chromium, and one page of it."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.process = process
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)
        self._target = ""
        self._session = ""

    async def open(self, target: str = "") -> None:
        """Look at a page, the first one if none is named, and put it in front."""
        if not target:
            targets = await self._ask("Target.getTargets")
            pages = [each for each in targets["targetInfos"] if each["type"] == "page"]
            target = pages[0]["targetId"]
        attached = await self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._target, self._session = target, attached["sessionId"]
        await self.front()

    async def front(self) -> None:
        """Put the page in front of others, and give it the focus."""
        await self._ask("Target.activateTarget", targetId=self._target)
        await self.call("Page.bringToFront")

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol, of the page.

        :raises RuntimeError: if it fails.
        """
        return await self._ask(method, self._session, **parameters)

    async def evaluate(self, expression: str) -> Any:
        """Return the value of an expression in the page.

        :raises RuntimeError: if it throws.
        """
        answer = await self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    async def wait_until(self, expression: str) -> Any:
        """Wait until an expression is true in the page, and return its value.

        :raises TimeoutError: if it never is.
        """
        value: Any = None
        for _ in range(600):
            try:
                value = await self.evaluate(expression)
            except RuntimeError as error:
                value = error  # the page is being loaded
            if value and not isinstance(value, RuntimeError):
                return value
            await asyncio.sleep(0.05)
        raise TimeoutError(f"waited in vain: {expression}, but {value}")

    async def stay_visible(self) -> None:
        """Have the page stay visible behind a tab in front, as behind a smaller window."""
        await self.call("Emulation.setFocusEmulationEnabled", enabled=True)  # which keeps it so
        other = await self._ask("Target.attachToTarget", targetId=self._target, flatten=True)
        await self._ask("Emulation.setFocusEmulationEnabled", other["sessionId"], enabled=False)

    async def stay_visible_no_more(self) -> None:
        """Undo that."""
        await self.call("Emulation.setFocusEmulationEnabled", enabled=False)

    async def key(self, kind: str, code: str, key: str, **more: Any) -> None:
        """Press ("keyDown") or release ("keyUp") a key."""
        await self.call("Input.dispatchKeyEvent", type=kind, code=code, key=key, **more)

    async def another_tab(self, url: str = "about:blank") -> str:
        """Open a tab in front of the page."""
        target = await self._ask("Target.createTarget", url=url)
        return str(target["targetId"])

    async def close_tab(self, target: str) -> None:
        """Close a tab, and put the page in front again."""
        await self._ask("Target.closeTarget", targetId=target)
        await self.front()

    def processes(self) -> list[int]:
        """Return the ids of all of its processes."""
        return descendants(self.process.pid)

    def network_process(self) -> int:
        """Return the process through which everything of the network goes."""
        for pid in self.processes():
            if b"network.mojom.NetworkService" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        raise RuntimeError("there is no network process")

    def send_signal(self, number: int) -> float:
        """Send a signal to all of its processes; returns when the first of them was sent it."""
        found = self.processes()
        begun = time.monotonic()
        for pid in found:
            with suppress(ProcessLookupError):  # it may end meanwhile
                os.kill(pid, number)
        return begun

    async def _ask(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        self._writer.write(json.dumps(message).encode() + b"\0")
        while True:
            told = await asyncio.wait_for(self._reader.readuntil(b"\0"), ANSWERED_WITHIN)
            answer = json.loads(told[:-1])
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result


@asynccontextmanager
async def chromium(*within: str) -> AsyncIterator[Browser]:
    """Run Chromium, with a new profile, for the length of a context; ``within``: ``ip netns …``."""
    to_browser, from_browser = os.pipe(), os.pipe()
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ["--headless=new", *ARGUMENTS, "--remote-debugging-pipe"]
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", START, "chromium", str(to_browser[0]), str(from_browser[1])),
            *(*within, CHROMIUM, *options, f"--user-data-dir={profile}", "about:blank"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            pass_fds=(to_browser[0], from_browser[1]),
            start_new_session=True,
        )
        os.close(to_browser[0])
        os.close(from_browser[1])
        reader = asyncio.StreamReader(LARGEST_MESSAGE)
        await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(from_browser[0], "rb")
        )
        transport, protocol = await loop.connect_write_pipe(
            asyncio.streams.FlowControlMixin, os.fdopen(to_browser[1], "wb")
        )
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        browser = Browser(process, reader, writer)
        try:
            await browser.open()
            yield browser
        finally:
            if not transport.is_closing():
                transport.abort()
            if process.returncode is None:
                browser.send_signal(signal.SIGCONT)
                browser.send_signal(signal.SIGKILL)
                await process.wait()
