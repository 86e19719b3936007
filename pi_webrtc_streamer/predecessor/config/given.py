# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What comes to a config.toml from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Given:
    """What a command line or the environment says to a config.toml."""

    web_port: int | None = None
    base_port: int | None = None
    pi_ip: str = ""
