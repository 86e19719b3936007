# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A poor link: a network namespace behind a veth pair that loses packets or is narrow."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from support.network import Link, NoNetwork, chromium_inside, link

from .browser import Seen, chromium, our_page, watch
from .figures import Part, Unavailable, freezes, percentile
from .processes import HD, streamer

SECONDS = 20.0
FIRST_SECONDS = 5.0
NARROW_SECONDS = 60.0  # a larger picture is tried after 5, 15 and 35
FREEZE = 200.0  # milliseconds between two frames
LOSS = 5  # percent of the datagrams, in both directions
RATE = "1mbit"  # towards the viewer


@dataclass(frozen=True)
class Condition:
    """A link that is poor from the beginning, or that becomes so while somebody watches.

    Is ``settled`` False, what is seen counts from the first picture on.
    """

    name: str
    seconds: float
    before: Callable[[Link], None] = lambda link: None
    meanwhile: Callable[[Link], None] = lambda link: None
    settled: bool = True


def run(progress: Callable[[str], None]) -> Iterator[Part]:
    """Watch in Chromium over a good link, one that loses packets, and narrow ones."""
    _check_tools()
    for condition in (
        Condition("no loss", SECONDS),
        Condition(f"{LOSS} % loss", SECONDS, before=_lose),
        Condition("1 Mbit/s", NARROW_SECONDS, before=_narrow),
        Condition("1 Mbit/s, the first pictures", FIRST_SECONDS, before=_narrow, settled=False),
        Condition("1 Mbit/s all of a sudden", SECONDS, meanwhile=_narrow),
    ):
        progress(f"network: {condition.name}")
        seconds = condition.seconds
        part = Part(f"Over a link with {condition.name}: Chromium, {HD}, H.264, {seconds:g} s")
        with made_link() as link:
            condition.before(link)
            seen = _watch(link, condition)
        _add_figures(part, seen)
        yield part


def _watch(link: Link, condition: Condition) -> Seen:
    with (
        streamer(HD, link.here, "auth:=none") as running,
        chromium_inside(link) as executable,
        chromium(executable) as browser,
        our_page(browser, running.url, settled=condition.settled) as page,
        _later(lambda: condition.meanwhile(link)),
    ):
        return watch(page, "ours", seconds=condition.seconds)


@contextmanager
def _later(do: Callable[[], None]) -> Iterator[None]:
    """Do something two seconds later, in another thread, within a context; fails if that fails."""

    def wait_and_do() -> None:
        time.sleep(2.0)
        do()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(wait_and_do)
        yield
        done.result()


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
def made_link() -> Iterator[Link]:
    """Make a link for the length of a context.

    :raises Unavailable: if there can be none here.
    """
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
    link.narrow(RATE)


def _or_unavailable(run: Callable[..., None], *command: str) -> None:
    try:
        run(*command)
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"{' '.join(error.cmd)}: {error.stderr.strip()}") from error
