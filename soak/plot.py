# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The plot: memory above, what is held below, over the time of the run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.ticker import MaxNLocator

from .run import Soak
from .samples import Sample
from .verdict import Verdict

# What the panels below the memory show: each kind together with what has its size.
PANELS = (
    ("for viewers", ("viewers", "peers", "encoders", "frames", "pictures")),
    ("of the process", ("tasks", "threads", "descriptors", "sockets")),
)
COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
)  # told apart by everybody (Okabe, Ito)
GREY = "#888888"


def draw(soak: Soak, verdict: Verdict, path: Path) -> Path:
    """Draw the samples into a PNG file, and return its path."""
    minutes = soak.samples[-1].seconds / 60
    figure, (memory, *panels) = pyplot.subplots(
        1 + len(PANELS),
        figsize=(11, 10),
        sharex=True,
        height_ratios=(1.6, 1, 1),
        layout="constrained",
    )
    quiet = [sample for sample in soak.samples if sample.quiet]
    _draw_memory(memory, soak.samples, quiet, verdict, soak.warm_since)
    for axes, (title, names) in zip(panels, PANELS, strict=True):
        _draw_counts(axes, title, names, soak.samples, quiet)
    for axes in (memory, *panels):
        if soak.base is not None:
            axes.axvspan(0, soak.warm_since / 60, color=GREY, alpha=0.13, lw=0)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xlim(left=0, right=minutes)
    panels[-1].set_xlabel("minutes (grey: warm-up)")
    memory.set_title(
        f"Soak test: {minutes:.0f} minutes, {soak.happened.total()} events, seed {soak.seed}",
        loc="left",
        fontweight="bold",
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path


def _draw_memory(
    axes: Any,
    samples: Sequence[Sample],
    quiet: Sequence[Sample],
    verdict: Verdict,
    since: float,
) -> None:
    for name, title, colour in (
        ("memory", "bridge", COLOURS[0]),
        ("heap", "bridge, in use of the C heap", COLOURS[1]),
        ("front_memory", "camera node", COLOURS[2]),
    ):
        axes.plot(_minutes(samples), _values(samples, name), color=colour, lw=1, alpha=0.45)
        axes.plot(
            _minutes(quiet),
            _values(quiet, name),
            "o",
            color=colour,
            ms=4,
            label=f"{title}, nobody there",
        )
    after = [sample for sample in quiet if sample.seconds >= since]
    if verdict.quiet is not None:
        found, hours = verdict.quiet, [sample.seconds / 3600 for sample in after]
        middle = sum(hours) / len(hours)
        level = sum(sample.memory for sample in after) / len(after)
        ends = [hours[0], hours[-1]]
        axes.plot(
            [60 * hour for hour in ends],
            [level + found.slope * (hour - middle) for hour in ends],
            color="black",
            lw=1.5,
            label=f"{found.slope:+.2f} MB/h (95 %: {found.low:+.2f} to {found.high:+.2f})",
        )
    axes.set_ylabel("resident memory, MB")
    axes.set_ylim(bottom=0)
    axes.legend(loc="center", bbox_to_anchor=(0.5, 0.48), ncols=2, frameon=False)


def _draw_counts(
    axes: Any, title: str, names: Sequence[str], samples: Sequence[Sample], quiet: Sequence[Sample]
) -> None:
    for name, colour in zip(names, COLOURS, strict=False):
        axes.plot(_minutes(samples), _values(samples, name), color=colour, lw=1, alpha=0.45)
        axes.plot(_minutes(quiet), _values(quiet, name), "o", color=colour, ms=4, label=name)
    axes.set_ylabel(f"held {title}")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def _minutes(samples: Sequence[Sample]) -> list[float]:
    return [sample.seconds / 60 for sample in samples]


def _values(samples: Sequence[Sample], name: str) -> list[float]:
    return [getattr(sample, name) for sample in samples]
