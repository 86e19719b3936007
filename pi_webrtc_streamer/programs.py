# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where ``ros2 run`` and ``ros2 launch`` begin.

Signals are taken care of before ROS and the codecs are imported, which takes seconds on a
Raspberry Pi: Ctrl-C ends a program well at any time.
"""

from __future__ import annotations

from .ros.lean import import_ros
from .runtime.signals import stopping_on_signals


def camera_node() -> int:
    """Run the camera node; returns the exit status."""
    with stopping_on_signals() as stop:
        import_ros()
        from .camera_node import CameraNode
        from .ros.process import run_node

        return run_node(CameraNode, stop)


def bridge_node() -> int:
    """Run the bridge node; returns the exit status."""
    with stopping_on_signals() as stop:
        import_ros()
        from .bridge_node import BridgeNode
        from .ros.process import run_node

        return run_node(BridgeNode, stop)
