"""A poor link: a network namespace behind a veth pair that loses packets or is narrow."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from support import network
from support.network import Link, NoNetwork, chromium_inside, link

from .browser import Seen, chromium, our_page, watch
from .figures import Part, Unavailable, freezes, percentile
from .processes import HD, streamer

SECONDS = 20.0
NARROW_SECONDS = 60.0  # a larger picture is tried after 5, 15 and 35
FREEZE = 200.0  # milliseconds between two frames
LOSS = 5  # percent of the datagrams, in both directions
RATE = "1mbit"  # towards the viewer


def run(progress: Callable[[str], None]) -> Iterator[Part]:
    """Watch in Chromium over a good link, one that loses packets, and a narrow one."""
    _check_tools()
    conditions: tuple[tuple[str, Callable[[Link], None], float], ...] = (
        ("no loss", lambda link: None, SECONDS),
        (f"{LOSS} % loss", _lose, SECONDS),
        ("1 Mbit/s", _narrow, NARROW_SECONDS),
    )
    for name, make_poor, seconds in conditions:
        progress(f"network: {name}")
        part = Part(f"Over a link with {name}: Chromium, {HD}, H.264, {seconds:g} s")
        with _link() as link:
            make_poor(link)
            seen = _watch(link, seconds)
        _add_figures(part, seen)
        yield part


def _watch(link: Link, seconds: float) -> Seen:
    with (
        streamer(HD, link.here, "auth:=none") as running,
        chromium_inside(link) as executable,
        chromium(executable) as browser,
        our_page(browser, running.url) as page,
    ):
        return watch(page, "ours", seconds=seconds)


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
    missing = [name for name in ("nft", "tc") if shutil.which(name) is None]
    if missing:
        raise Unavailable(f"{', '.join(missing)} is not installed (packages iproute2, nftables)")


@contextmanager
def _link() -> Iterator[Link]:
    try:
        with link() as made:
            yield made
    except NoNetwork as error:
        raise Unavailable(str(error)) from error


def _lose(link: Link) -> None:
    rules = "; ".join(
        f"add chain inet bench {hook} {{ type filter hook {hook} priority 0; }}; "
        f"add rule inet bench {hook} meta l4proto udp numgen random mod 100 < {LOSS} drop"
        for hook in ("input", "output")
    )
    _or_unavailable(link.inside, "nft", f"add table inet bench; {rules}")


def _narrow(link: Link) -> None:
    shaper = ("tbf", "rate", RATE, "burst", "4kb", "latency", "200ms")
    _or_unavailable(network.run, "tc", "qdisc", "add", "dev", link.device, "root", *shaper)


def _or_unavailable(run: Callable[..., None], *command: str) -> None:
    try:
        run(*command)
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"{' '.join(error.cmd)}: {error.stderr.strip()}") from error
