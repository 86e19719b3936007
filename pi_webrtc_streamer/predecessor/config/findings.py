# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is to be said about a config.toml."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

LONGEST_VALUE = 60  # characters


@dataclass
class Findings:
    """What was found in one file, in the order of the file."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    infos: list[str] = field(default_factory=list)

    def wrong(self, section: str, key: str, value: Any, expected: str) -> None:
        """Note a value that cannot be taken; ``section`` is empty for the file's own keys."""
        place = f"[{section}] {key}" if section else key
        self.errors.append(f"{place} = {_shown(value)}: expected {expected}")

    def warn(self, text: str) -> None:
        """Note what is probably not meant."""
        self.warnings.append(text)

    def inform(self, text: str) -> None:
        """Note what a user of the predecessor may want to know."""
        self.infos.append(text)


def _shown(value: Any) -> str:
    """Return a value about as TOML writes it."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):  # an integer that is too long to be written, say
        return f"a value of the type {type(value).__name__}"
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
