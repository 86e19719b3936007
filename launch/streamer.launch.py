# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Start a node for each camera, and the bridge that shows them to browsers."""

from launch import LaunchDescription

from pi_webrtc_streamer.launching import Parts


def generate_launch_description() -> LaunchDescription:
    """Return what is launched; ``--show-args`` explains the arguments."""
    return Parts(cameras=True, bridge=True).describe()
