# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""``python -m faults [NAME...]``: do each fault many times; writes build/faults/result.json."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from bench import report
from bench.processes import ENVIRONMENT

RESULT = Path(__file__).parents[1] / "build" / "faults" / "result.json"
RUNS = 50
WATCHED = 1.0  # seconds in which nothing may move any more
ZEROS = 1.3  # seconds after which there is to be silence


def main() -> int:
    """Do what is asked for; returns 0 if everything stopped in time."""
    os.environ.update(ENVIRONMENT)
    from .cases import CASES

    parser = argparse.ArgumentParser(prog="faults")
    parser.add_argument("name", nargs="*", help="words that the faults' names hold (default: all)")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"of each ({RUNS})")
    options = parser.parse_args()
    chosen = [
        each for each in CASES if not options.name or any(w in each.name for w in options.name)
    ]
    if not chosen:
        parser.error(f"there are: {'; '.join(each.name for each in CASES)}")
    found = asyncio.run(_do(chosen, options.runs))
    report.write({"machine": report.machine(), "faults": found}, RESULT)
    print(_table(found))
    return 0 if all(each["reached"] for each in found.values()) else 1


async def _do(chosen: list[Any], runs: int) -> dict[str, dict[str, Any]]:
    from .stage import stage

    found: dict[str, dict[str, Any]] = {}
    for case in chosen:
        async with stage() as everything:
            times, problems = [], []
            for number in range(runs):
                try:
                    times.append(await _run(everything, case))
                except Exception as error:
                    problems.append(repr(error))
                    print(f"{case.name}: {error!r}", file=sys.stderr, flush=True)
                    await everything.begin_anew()
                print(f"\r{case.name}: {number + 1} of {runs}", end="", file=sys.stderr, flush=True)
            print(file=sys.stderr)
        found[case.name] = _judged(case, times, problems)
        print(_table({case.name: found[case.name]}), flush=True)
    return found


async def _run(stage: Any, case: Any) -> float | None:
    """Drive, do a fault, and return how many ms later the robot was last moved; None: it goes on.

    :raises RuntimeError: if it is moved again, or there is no silence afterwards.
    """
    base = stage.base
    base.told.clear()
    if case.by_pad:
        await stage.drive_by_pad()
    else:
        await stage.drive()
    await asyncio.sleep(random.uniform(0.0, 0.1))
    stage.begun = time.monotonic()
    async with case.do(stage):
        await asyncio.sleep(WATCHED)
        last = base.last_motion()
        still = time.monotonic() - last.at < WATCHED / 2
        if not still:
            await asyncio.sleep(max(0.0, last.at + ZEROS + 0.3 - time.monotonic()))
            if base.last_motion() is not last:
                raise RuntimeError("the robot was moved again")
            if not case.name.startswith("Space") and base.after(last.at + ZEROS):
                raise RuntimeError("there is no silence")
    await stage.let_go()
    if still:
        if case.goes_on:
            return None
        raise RuntimeError("the robot goes on")
    return max(0.0, 1000 * (last.at - stage.begun))


def _judged(case: Any, times: list[float | None], problems: list[str]) -> dict[str, Any]:
    stopped = [each for each in times if each is not None]
    worst = max(stopped, default=0.0)
    return {
        "runs": len(times),
        "went on": len(times) - len(stopped),
        "median": statistics.median(stopped) if stopped else None,
        "worst": worst if stopped else None,
        "within": case.within,
        "problems": problems,
        "reached": worst <= case.within and not problems,
    }


def _table(found: dict[str, dict[str, Any]]) -> str:
    width = max(map(len, found))
    rows = []
    for name, each in found.items():
        figures = (
            "goes on"
            if each["median"] is None
            else (f"median {each['median']:4.0f} ms, worst {each['worst']:4.0f} ms")
        )
        mark = "✔" if each["reached"] else "✘"
        rows.append(
            f"{name:<{width}}  {each['runs']:3} runs  {figures}  (≤ {each['within']:.0f}) {mark}"
            + "".join(f"\n    {problem}" for problem in sorted(set(each["problems"])))
        )
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
