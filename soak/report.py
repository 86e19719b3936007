# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The figures as a table, as it is committed under docs/, and the files that go with it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

from .run import Soak
from .samples import COUNTS, Sample, as_csv
from .trend import Trend
from .verdict import Verdict

FOLDER = Path(__file__).parents[1] / "build" / "soak"
TABLE = "soak.md"


def write(soak: Soak, verdict: Verdict, heading: str, folder: Path = FOLDER) -> list[Path]:
    """Write all files but the plot, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "soak.csv": as_csv(soak.samples),
        "events.csv": "seconds,event\n"
        + "".join(f"{seconds:.1f},{name}\n" for seconds, name in soak.history),
        TABLE: table(soak, verdict, heading),
        "soak.json": json.dumps(as_dict(soak, verdict), indent=2) + "\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [folder / name for name in texts]


def table(soak: Soak, verdict: Verdict, heading: str) -> str:
    """Return the figures as Markdown."""
    after = [sample for sample in soak.samples if sample.seconds >= soak.warm_since]
    quiet = [sample for sample in after if sample.quiet]
    with_camera = [sample for sample in quiet if not math.isnan(sample.front_memory)]
    events = ", ".join(f"{name} {number}" for name, number in sorted(soak.happened.items()))
    lines = [
        heading,
        "",
        f"{len(soak.samples)} rows, {len(quiet)} of them quiet points after the warm-up; seed "
        f"{soak.seed}; {soak.happened.total()} events: {events}.",
        "",
        "| memory | first quiet point | last | lowest, highest | MB an hour (95 % confidence) |",
        "|---|---|---|---|---|",
        _memory_row("bridge, quiet points", quiet, "memory", verdict.quiet),
        _memory_row("bridge, all rows", after, "memory", verdict.all),
        _memory_row("bridge, in use of the C heap, quiet points", quiet, "heap", verdict.heap),
        _blocks_row(quiet, verdict.blocks),
        _memory_row("camera node, quiet points", with_camera, "front_memory", verdict.camera),
        "",
        "| held | base | worst at a quiet point | at the end | most at any time |",
        "|---|---|---|---|---|",
    ]
    for name in COUNTS if verdict.base is not None else ():
        most = max(getattr(sample, name) for sample in after)
        lines.append(
            f"| {name.replace('_', ' ')} | {verdict.base[name]} | {verdict.worst[name]} "
            f"| {verdict.final[name]} | {most} |"
        )
    lines += ["", *(f"- {sentence}" for sentence in verdict.sentences()), ""]
    return "\n".join(lines)


def _memory_row(title: str, samples: Sequence[Sample], name: str, trend: Trend | None) -> str:
    values = [getattr(sample, name) for sample in samples]
    if not values:
        return f"| {title} | | | | |"
    return (
        f"| {title} | {values[0]:.1f} MB | {values[-1]:.1f} MB "
        f"| {min(values):.1f}, {max(values):.1f} MB | {_in_words(trend)} |"
    )


def _blocks_row(samples: Sequence[Sample], trend: Trend | None) -> str:
    title = "bridge, Python's blocks in use, thousands, quiet points"
    values = [sample.blocks / 1000 for sample in samples]
    if not values:
        return f"| {title} | | | | |"
    return (
        f"| {title} | {values[0]:.1f} | {values[-1]:.1f} "
        f"| {min(values):.1f}, {max(values):.1f} | {_in_words(trend)} thousand |"
    )


def _in_words(trend: Trend | None) -> str:
    if trend is None:
        return "–"
    return f"{trend.slope:+.2f} ({trend.low:+.2f} to {trend.high:+.2f})"


def as_dict(soak: Soak, verdict: Verdict) -> dict[str, object]:
    """Return the outcome as JSON has it."""
    return {
        "minutes": soak.minutes,
        "seed": soak.seed,
        "holds": verdict.holds,
        "base": verdict.base,
        "worst": dict(verdict.worst),
        "final": dict(verdict.final),
        "events": dict(soak.happened),
        "rows": len(soak.samples),
        "sentences": verdict.sentences(),
    }
