"""A poor link: a network namespace behind a veth pair that loses packets or is narrow.

All names and addresses are the benchmark's own and go away with it.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.browser import CHROMIUM

from .browser import Seen, chromium, our_page, watch
from .figures import Part, Unavailable, freezes, percentile
from .processes import HD, streamer

SECONDS = 20.0
HERE, THERE, PREFIX = "10.213.7.1", "10.213.7.2", 30
FREEZE = 200.0  # milliseconds between two frames
LOSS = 5  # percent of the datagrams, in both directions
RATE = "1mbit"  # towards the viewer


@dataclass(frozen=True)
class Link:
    """A namespace, and our end of the veth pair that leads to it."""

    namespace: str
    device: str

    def inside(self, *command: str) -> None:
        """Run a command in the namespace."""
        _run("ip", "netns", "exec", self.namespace, *command)


def run(progress: Callable[[str], None]) -> Iterator[Part]:
    """Watch in Chromium over a good link, one that loses packets, and a narrow one."""
    _check_tools()
    conditions: tuple[tuple[str, Callable[[Link], None]], ...] = (
        ("no loss", lambda link: None),
        (f"{LOSS} % loss", _lose),
        ("1 Mbit/s", _narrow),
    )
    for name, make_poor in conditions:
        progress(f"network: {name}")
        part = Part(f"Over a link with {name}: Chromium, {HD}, H.264, {SECONDS:g} s")
        with _link() as link:
            make_poor(link)
            seen = _watch(link)
        _add_figures(part, seen)
        yield part


def _watch(link: Link) -> Seen:
    with (
        streamer(HD, HERE, "auth:=none") as running,
        _chromium_inside(link) as executable,
        chromium(executable) as browser,
        our_page(browser, running.url) as page,
    ):
        return watch(page, "ours", seconds=SECONDS)


def _add_figures(part: Part, seen: Seen) -> None:
    # A picture that stood still at the beginning or the end did so, too.
    frozen = freezes([seen.begun, *seen.times, seen.ended], FREEZE)
    part.add("frame rate", 1000 * len(seen.times) / (seen.ended - seen.begun), "fps")
    part.add(f"freezes over {FREEZE:g} ms", frozen.count)
    part.add("longest gap between frames", frozen.longest, "ms")
    part.add("glass to glass: p50", percentile(seen.lags, 0.5), "ms")
    part.add("glass to glass: p95", percentile(seen.lags, 0.95), "ms")
    if seen.unreadable:
        part.notes.append(f"{seen.unreadable} frames could not be read")
    part.details.update(times=seen.times, lags=seen.lags)


def _check_tools() -> None:
    missing = [name for name in ("ip", "nft", "tc") if shutil.which(name) is None]
    if missing:
        raise Unavailable(f"{', '.join(missing)} is not installed (packages iproute2, nftables)")
    if os.geteuid():
        raise Unavailable("network namespaces take root")


@contextmanager
def _link() -> Iterator[Link]:
    """Make the namespace and the pair; both go at the end, the pair with the namespace.

    :raises Unavailable: if the kernel does not let us.
    """
    link = Link(f"bench{os.getpid()}", f"bench{os.getpid() % 100_000}")
    there = f"{link.device}i"
    with ExitStack() as stack:
        try:
            _run("ip", "netns", "add", link.namespace)
            stack.callback(_run, "ip", "netns", "delete", link.namespace)
            _run("ip", "link", "add", link.device, "type", "veth", "peer", "name", there)
            stack.callback(_try, "ip", "link", "delete", link.device)
            _run("ip", "link", "set", there, "netns", link.namespace)
            # A link carries packets, not bundles of them: each is to be lost for itself.
            _run("ip", "link", "set", link.device, "gso_max_segs", "1")
            _run("ip", "address", "add", f"{HERE}/{PREFIX}", "dev", link.device)
            _run("ip", "link", "set", link.device, "up")
            link.inside("ip", "link", "set", there, "gso_max_segs", "1")
            link.inside("ip", "address", "add", f"{THERE}/{PREFIX}", "dev", there)
            link.inside("ip", "link", "set", there, "up")
            link.inside("ip", "link", "set", "lo", "up")
        except subprocess.CalledProcessError as error:
            raise Unavailable(f"{' '.join(error.cmd)}: {error.stderr.strip()}") from error
        yield link


def _lose(link: Link) -> None:
    rules = "; ".join(
        f"add chain inet bench {hook} {{ type filter hook {hook} priority 0; }}; "
        f"add rule inet bench {hook} meta l4proto udp numgen random mod 100 < {LOSS} drop"
        for hook in ("input", "output")
    )
    _or_unavailable(link.inside, "nft", f"add table inet bench; {rules}")


def _narrow(link: Link) -> None:
    shaper = ("tbf", "rate", RATE, "burst", "4kb", "latency", "200ms")
    _or_unavailable(_run, "tc", "qdisc", "add", "dev", link.device, "root", *shaper)


@contextmanager
def _chromium_inside(link: Link) -> Iterator[str]:
    """Return a program that starts Chromium in the namespace."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "chromium")
        program.write_text(f'#!/bin/sh\nexec ip netns exec {link.namespace} {CHROMIUM} "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        yield str(program)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=10)


def _try(*command: str) -> None:
    subprocess.run(command, check=False, capture_output=True, timeout=10)


def _or_unavailable(run: Callable[..., None], *command: str) -> None:
    try:
        run(*command)
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"{' '.join(error.cmd)}: {error.stderr.strip()}") from error
