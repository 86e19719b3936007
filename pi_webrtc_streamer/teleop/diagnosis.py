# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How driving is, as diagnostics have it."""

from __future__ import annotations

from collections.abc import Mapping

from ..runtime.status import Level, Status

TASK = "teleop"


def judge_driving(described: Mapping[str, object]) -> Status:
    """Judge what :meth:`.Driving.describe` says: a stop, and that nobody listens, are warnings."""
    problem = described["reason"] or described["problem"]
    return Status(
        TASK,
        Level.WARN if problem else Level.OK,
        str(problem or described["state"]),
        values={key: _name(value) for key, value in sorted(described.items())},
    )


def _name(value: object) -> object:
    return value.get("name", value) if isinstance(value, dict) else value
