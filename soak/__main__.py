# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""``python -m soak``: let things happen for a time, then say what stayed."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from random import Random, randrange
from types import FrameType

from bench.processes import ENVIRONMENT

from . import report
from .audience import make_offer
from .events import EVENTS, OF_CAMERAS, Scene
from .robot import IN_PROCESS, SHARED_MEMORY, WAYS, robot
from .run import Soak


def main() -> int:
    """Run the test; returns 0 if it holds, 1 if not."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    add = parser.add_argument
    add("--minutes", type=float, default=60.0, help="how long, warm-up included (60)")
    add("--seed", type=int, default=randrange(10**6), help="makes the order of events another one")
    add("--folder", type=Path, default=report.FOLDER, help="where to write the figures")
    add("--way", choices=WAYS, default=SHARED_MEMORY, help="how pictures come (shared memory)")
    add("--steady", action="store_true", help="no camera is restarted (never if in process)")
    options = parser.parse_args()
    os.environ.update(ENVIRONMENT)
    cameras_stay = options.steady or options.way == IN_PROCESS
    left_out = OF_CAMERAS if cameras_stay else set()
    events = {event: often for event, often in EVENTS.items() if event not in left_out}
    soak = Soak(options.minutes, options.seed, say, events)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: _stop(soak, frame))
    say(f"{options.minutes:g} minutes, seed {options.seed}; Ctrl-C ends it with a verdict so far")
    failure, complaints = _run(soak, options.way)
    verdict = soak.verdict(complaints)
    paths = report.write(soak, verdict, _heading(soak, options.way), options.folder)
    if find_spec("matplotlib") is None:
        say("no plot: matplotlib is not installed (requirements/soak.txt)")
    elif soak.samples:
        from . import plot

        paths.append(plot.draw(soak, verdict, options.folder / "soak.png"))
    say("\n" + (options.folder / report.TABLE).read_text())
    say(f"Files: {', '.join(map(str, paths))}; docs/soak/ has those of the last run that counts")
    if failure:
        say(f"FAILED: {failure}")
    return 0 if verdict.holds and not failure else 1


def _run(soak: Soak, way: str) -> tuple[str, list[str]]:
    """Run it and end all processes; returns what failed, and the complaints in the nodes' logs."""
    offer = asyncio.run(make_offer())
    failure, complaints = "", []
    try:
        with robot(way) as running:
            complaints = running.complaints
            with closing(Scene(running, Random(soak.seed), offer)) as scene:
                soak.run(scene)
    except (RuntimeError, OSError, AssertionError) as error:
        failure = f"{type(error).__name__}: {error}"
    except KeyboardInterrupt:
        failure = "interrupted twice"
    return failure, complaints


def _stop(soak: Soak, frame: FrameType | None) -> None:
    """End it well at the first Ctrl-C, and at once at the second."""
    if soak.stop.is_set():
        raise KeyboardInterrupt
    say("ending: everybody leaves once more")
    soak.stop.set()


def _heading(soak: Soak, way: str) -> str:
    from bench.report import machine, versions

    about, found = machine(), versions()
    lasted = soak.samples[-1].seconds / 60 if soak.samples else 0.0
    return (
        f"{lasted:.1f} minutes of {soak.minutes:g} on {about['cores']} cores ({about['cpu']}), "
        f"{about['system']}, Python {found['python']}, commit {found.get('commit', 'unknown')}; "
        f"pictures come by way of: {way}."
    )


def say(text: str) -> None:
    """Tell whoever waits."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
