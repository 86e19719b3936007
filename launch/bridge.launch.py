# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Start the bridge alone, for cameras that are there: ours, or any other node's topics."""

from launch import LaunchDescription

from pi_webrtc_streamer.launching import Parts


def generate_launch_description() -> LaunchDescription:
    """Return what is launched; ``--show-args`` explains the arguments."""
    return Parts(cameras=False, bridge=True).describe()
