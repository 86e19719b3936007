# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Our programs as processes, with their output kept."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ament_index_python.packages import get_package_prefix, get_packages_with_prefixes

from .waiting import GIVE_UP_AFTER, wait_for

if TYPE_CHECKING:  # where the benchmark runs on a robot there is no pytest
    from .ordinary_user import OrdinaryUser

PACKAGE = "pi_webrtc_streamer"
ENDS_WELL_WITHIN = 5.0  # seconds; if it does not, that is none of what the test was for


def program_path(name: str) -> Path:
    """Return where the environment has a program of this name, if it has it.

    That is beside its Python or, for ours, in the workspace into which colcon has installed it.
    """
    path = Path(sys.executable).with_name(name)
    if not path.exists() and PACKAGE in get_packages_with_prefixes():
        installed = Path(get_package_prefix(PACKAGE), "lib", PACKAGE, name)
        return installed if installed.exists() else path
    return path


class Program:
    """One of the environment's programs, as it is installed, until the context ends."""

    def __init__(
        self,
        name: str,
        *arguments: str,
        environment: dict[str, str] | None = None,
        user: OrdinaryUser | None = None,
        within: Sequence[str] = (),
    ) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._log = Path(self._folder.name, "output")
        with self._log.open("w") as output:
            self.process = subprocess.Popen(
                [*within, *(user.command if user else ()), program_path(name), *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                # How long a loaded machine takes to end a program is none of a test's business.
                env={
                    **os.environ,
                    "PYTHONUNBUFFERED": "1",
                    "PI_WEBRTC_STREAMER_LONGEST_END": "60",
                    **(user.environment if user else {}),
                    **(environment or {}),
                },
                # so that Ctrl-C in the terminal of the tests does not reach it
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def link(self) -> str:
        """The address of the page that the program has printed, with the token if it made one."""
        return re.findall(r"Open (http\S+) in", self.wait_for_output("in a browser"))[0]

    def wait_for_output(self, text: str) -> str:
        """Wait until the program has written a text, and return all that it has written."""

        def written() -> bool:
            assert text in self.output or self.process.poll() is None, self.output
            return text in self.output

        wait_for(written, f"{text!r} in the output of {self.process.args}:\n{self.output}")
        return self.output

    def end(self, number: int = signal.SIGINT) -> int:
        """Send a signal and return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(GIVE_UP_AFTER)

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self._end_somehow()
        self._folder.cleanup()

    def _end_somehow(self) -> None:
        """End it well if it can be: of a node that was killed, DDS has its publishers for 20 s."""
        self.process.terminate()
        try:
            self.process.wait(ENDS_WELL_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(GIVE_UP_AFTER)


def node(
    program: str, *parameters: str, name: str = "", user: OrdinaryUser | None = None
) -> Program:
    """Start ``camera_node`` or ``bridge_node`` with parameters, brought to active by itself; the
    node can be given another name, and be run by another user.
    """
    arguments = [argument for each in ("autostart:=true", *parameters) for argument in ("-p", each)]
    if name:
        arguments += ["-r", f"__node:={name}"]
    return Program(program, "--ros-args", *arguments, user=user)


def free_udp_port() -> int:
    """Return a UDP port that nobody has, at any address."""
    with socket.socket(type=socket.SOCK_DGRAM) as free:
        free.bind(("", 0))
        return free.getsockname()[1]


def free_port() -> int:
    """Return a TCP port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
