# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How a part of a node is, as the Diagnostic System for robots has it (REP 107). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum


class Level(IntEnum):
    """What is to be done, with the numbers of ``diagnostic_msgs/DiagnosticStatus``.

    OK: nothing. WARN: it works, and somebody should look. ERROR: it does not do what it is for.
    STALE: nothing is known of it now.
    """

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


@dataclass(frozen=True)
class Status:
    """How one part is: ``task`` names it within its node, ``hardware_id`` says what it is part of.

    ``message`` is for people, and says what to do unless all is well. The keys of ``values`` end
    with their unit in brackets where there is one.
    """

    task: str
    level: Level
    message: str
    hardware_id: str = "none"  # diagnostic_updater's word for what has none
    values: Mapping[str, object] = field(default_factory=dict)


Finding = tuple[Level, str]


def sum_up(fine: str, findings: Iterable[Finding]) -> Finding:
    """Return the worst level and all that was found, the worst first; ``fine`` if it is nothing."""
    found = sorted(findings, key=lambda finding: -finding[0])
    if not found:
        return Level.OK, fine
    return found[0][0], "; ".join(text for _, text in found)
