# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is measured at one moment, and the table that it makes. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

# What is held, as the bridge says in /stats or the kernel says; of the front camera's node as well,
# which runs all the time. (The rear one is restarted.)
COUNTS = (
    "viewers",
    "frames",
    "pictures",
    "encoders",
    "peers",
    "tasks",
    "threads",
    "descriptors",
    "sockets",
    "front_threads",
    "front_descriptors",
)
# Of these there is none when nobody watches; the others have a base of their own.
NONE_AT_REST = ("viewers", "frames", "pictures", "encoders", "peers")


@dataclass(frozen=True)
class Sample:
    """One row; memory is resident, in MB of 10**6 bytes, and NaN of a camera that is away.

    ``heap`` and ``blocks`` are what the C library and Python have given out and not got back.
    ``quiet``: everybody had gone, and the counts were at rest or had had time to be.
    """

    seconds: float
    quiet: bool
    events: int
    memory: float
    anonymous: float  # the part of the memory that is no file's
    heap: float  # MB
    blocks: int
    viewers: int
    frames: int
    pictures: int
    encoders: int
    peers: int
    tasks: int
    threads: int
    descriptors: int
    sockets: int
    overwritten: int
    front_memory: float
    front_threads: int
    front_descriptors: int
    rear_memory: float
    rear_threads: int
    rear_descriptors: int

    def counts(self) -> dict[str, int]:
        """Return what is held."""
        return {name: getattr(self, name) for name in COUNTS}


def columns() -> list[str]:
    """Return the names of the columns."""
    return [field.name for field in fields(Sample)]


def as_csv(samples: Sequence[Sample]) -> str:
    """Return rows with a heading."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns())
    for sample in samples:
        writer.writerow(
            round(value, 3) if isinstance(value, float) else int(value) for value in astuple(sample)
        )
    return text.getvalue()


SHOWN = {
    "seconds": "time/s",
    "events": "events",
    "memory": "MB",
    "heap": "heap/MB",
    "blocks": "blocks",
    "viewers": "viewers",
    "frames": "frames",
    "encoders": "encoders",
    "peers": "peers",
    "tasks": "tasks",
    "threads": "threads",
    "descriptors": "files",
    "overwritten": "dropped",
    "front_memory": "front/MB",
    "rear_memory": "rear/MB",
}


def heading() -> str:
    """Return the names of the columns that are shown while the test runs."""
    return " ".join(f"{name:>8}" for name in SHOWN.values())


def row(sample: Sample) -> str:
    """Return a sample as it is shown while the test runs."""
    values = [getattr(sample, name) for name in SHOWN]
    texts = [f"{value:.1f}" if isinstance(value, float) else str(value) for value in values]
    return " ".join(f"{text:>8}" for text in texts) + ("  quiet" if sample.quiet else "")
