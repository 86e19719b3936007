# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A network of our own: a namespace, and a pair of devices that leads to it.

All names and addresses are this process's and go away with it.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from .chromium import CHROMIUM
from .traced_link import TracedLink, tun_pair
from .waiting import wait_for

PREFIX = 30
LONGEST_TEST = 90.0  # seconds that another one may have such a network


class NoNetwork(Exception):
    """There can be no such network here; the text says why."""


@dataclass(frozen=True)
class Link:
    """A namespace, the device there, and our end of the pair that leads to it."""

    namespace: str
    device: str
    here: str  # our address
    there: str

    @property
    def device_there(self) -> str:
        return f"{self.device}i"

    def inside(self, *command: str) -> None:
        """Run a command in the namespace."""
        run("ip", "netns", "exec", self.namespace, *command)

    def cut(self) -> None:
        """Take the network away from whoever is in the namespace."""
        self.inside("ip", "link", "set", self.device_there, "down")

    def mend(self) -> None:
        """Bring the network back."""
        self.inside("ip", "link", "set", self.device_there, "up")

    def move(self) -> None:
        """Give whoever is in the namespace another address in the place of its own."""
        self.inside("ip", "address", "flush", "dev", self.device_there)
        # Beyond our own pair of addresses; nobody else is on this link.
        own = ip_address(self.there)
        host = own + 4 if int(own) & 0xFF < 250 else own - 4
        run("ip", "address", "replace", f"{self.here}/24", "dev", self.device)
        self.inside("ip", "address", "add", f"{host}/24", "dev", self.device_there)

    def silence(self, port: int) -> None:
        """Let nothing more in at a UDP port of the namespace."""
        # The first rule is that for local addresses; this one has to come before it.
        self.inside("ip", "rule", "add", "pref", "1", "lookup", "local")
        self.inside("ip", "rule", "delete", "pref", "0")
        rule = ("ipproto", "udp", "dport", str(port), "blackhole")
        self.inside("ip", "rule", "add", "pref", "0", *rule)

    def hear(self, port: int) -> None:
        """Let in again what :meth:`silence` does not."""
        self.inside("ip", "rule", "add", "pref", "0", "lookup", "local")
        self.inside("ip", "rule", "delete", "pref", "0", "dport", str(port), "ipproto", "udp")
        self.inside("ip", "rule", "delete", "pref", "1")

    def narrow(self, rate: str) -> None:
        """Let only so much through to whoever is in the namespace, "1mbit" for example.

        :raises NoNetwork: if the kernel does not let us.
        """
        shaper = ("tbf", "rate", rate, "burst", "4kb", "latency", "200ms")
        with _explained():
            run("tc", "qdisc", "replace", "dev", self.device, "root", *shaper)


@contextmanager
def link() -> Iterator[Link]:
    """Make the namespace and the pair; both go at the end, the pair with the namespace.

    One at a time is there: a bridge that serves every address has those of other tests, too.

    :raises NoNetwork: if the kernel does not let us.
    """
    if shutil.which("ip") is None:
        raise NoNetwork("ip is not installed (package iproute2)")
    if os.geteuid():
        raise NoNetwork("network namespaces take root")
    with _alone(), _made(_veth) as (link, _):
        yield link


@contextmanager
def traced_link() -> Iterator[tuple[Link, TracedLink]]:
    """Make a link as :func:`link` does, that can play a trace; nothing narrows it until then.

    :raises NoNetwork: if the kernel does not let us.
    """
    if shutil.which("ip") is None or os.geteuid():
        raise NoNetwork("network namespaces take root and ip (package iproute2)")
    with _alone(), _made(_tun) as (link, traced):
        assert traced is not None
        yield link, traced


@contextmanager
def _alone() -> Iterator[None]:
    """Wait for other processes that have such a network."""
    with socket.socket(socket.AF_UNIX) as lock:
        wait_for(lambda: _bound(lock), "the end of another test's network", LONGEST_TEST)
        yield


def _bound(lock: socket.socket) -> bool:
    try:
        # A name in Linux's abstract namespace: the kernel forgets it with the process.
        lock.bind("\0pi_webrtc_streamer.network")
    except OSError:
        return False
    return True


@contextmanager
def _made(make_devices: _MakeDevices) -> Iterator[tuple[Link, TracedLink | None]]:
    pid = os.getpid()
    network = f"10.213.{pid & 0xFF}."  # not that of another process, which was just started
    link = Link(f"streamer{pid}", f"strm{pid % 100_000}", f"{network}1", f"{network}2")
    with ExitStack() as stack:
        with _explained():
            run("ip", "netns", "add", link.namespace)
            stack.callback(run, "ip", "netns", "delete", link.namespace)
            traced = make_devices(link, stack)
            _set_up(link)
        yield link, traced


_MakeDevices = Callable[[Link, ExitStack], TracedLink | None]


def _veth(link: Link, stack: ExitStack) -> None:
    run("ip", "link", "add", link.device, "type", "veth", "peer", "name", link.device_there)
    stack.callback(_try, "ip", "link", "delete", link.device)


def _tun(link: Link, stack: ExitStack) -> TracedLink:
    try:
        return stack.enter_context(tun_pair(link.device, link.device_there))
    except OSError as error:
        raise NoNetwork(f"no TUN devices can be made: {error}") from error


def _set_up(link: Link) -> None:
    run("ip", "link", "set", link.device_there, "netns", link.namespace)
    # A link carries packets, not bundles of them: each is to be lost for itself.
    run("ip", "link", "set", link.device, "gso_max_segs", "1")
    run("ip", "address", "add", f"{link.here}/{PREFIX}", "dev", link.device)
    run("ip", "link", "set", link.device, "up")
    link.inside("ip", "link", "set", link.device_there, "gso_max_segs", "1")
    link.inside("ip", "address", "add", f"{link.there}/{PREFIX}", "dev", link.device_there)
    link.inside("ip", "link", "set", link.device_there, "up")
    link.inside("ip", "link", "set", "lo", "up")


@contextmanager
def loopback_alone() -> Iterator[list[str]]:
    """Make a namespace with no other network; yields what a command there begins with.

    :raises NoNetwork: if the kernel does not let us.
    """
    if shutil.which("ip") is None or os.geteuid():
        raise NoNetwork("network namespaces take root and ip (package iproute2)")
    name = f"alone{os.getpid()}"
    with ExitStack() as stack:
        with _explained():
            run("ip", "netns", "add", name)
            stack.callback(run, "ip", "netns", "delete", name)
            run("ip", "netns", "exec", name, "ip", "link", "set", "lo", "up")
        yield ["ip", "netns", "exec", name]


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except subprocess.CalledProcessError as error:
        raise NoNetwork(f"{' '.join(error.cmd)}: {error.stderr.strip()}") from error


@contextmanager
def chromium_inside(link: Link) -> Iterator[str]:
    """Return a program that starts Chromium in the namespace."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "chromium")
        program.write_text(f'#!/bin/sh\nexec ip netns exec {link.namespace} {CHROMIUM} "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        yield str(program)


def run(*command: str) -> None:
    """Run a command to its end.

    :raises subprocess.CalledProcessError: if it fails.
    """
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=10)


def _try(*command: str) -> None:
    subprocess.run(command, check=False, capture_output=True, timeout=10)
