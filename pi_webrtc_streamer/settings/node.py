# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What both nodes can be told."""

from __future__ import annotations

from dataclasses import dataclass

from ..runtime.signals import LONGEST_END
from .schema import setting


@dataclass(frozen=True)
class NodeSettings:
    """Parameters of either node."""

    shutdown_timeout: float = setting(
        LONGEST_END,
        "Seconds after SIGINT or SIGTERM when the process is ended, whatever hangs",
        minimum=0.1,
        maximum=600.0,
    )
    autostart: bool = setting(
        False,
        "Configure and activate the node when it is started, and again every 5 s until that works",
    )
    statistics_interval: float = setting(
        60.0,
        "Seconds between two lines of statistics in the log (pictures, memory, times); 0: none",
        minimum=0.0,
        maximum=86_400.0,
        live=True,
    )
    strict_parameters: bool = setting(
        False,
        "Refuse to configure the node while it is given a parameter that it does not have; else "
        "that is warned of",
    )
    robot_name: str = setting(
        "",
        "What the robot is called: in the page's title, in /cameras, and in place of {robot_name} "
        "in frame_id and frame_prefix",
    )
    diagnostic_period: float = setting(
        1.0,
        "Seconds between two messages on /diagnostics, from when the node is started; 0: none",
        minimum=0.0,
        maximum=86_400.0,
    )
