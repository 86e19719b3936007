# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Files with secrets: only their owner may read them, from the first moment on."""

from __future__ import annotations

import stat
from pathlib import Path

from ..runtime.files import ros_home, write_whole


def state_folder() -> Path:
    """Return where what outlives a restart is kept: below ROS's own folder, as its logs are."""
    return ros_home() / "pi_webrtc_streamer"


def is_private(path: Path) -> bool:
    """Return whether neither the group nor others can read a file.

    :raises OSError: if it cannot be looked at.
    """
    return not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)


def write_private(path: Path, text: str, *, replace: bool) -> None:
    """Write a file of mode 0600, whole or not at all; its folder is made (0700) where need be.

    :raises FileExistsError: if it is there and must not be replaced.
    :raises OSError: if it cannot be written.
    """
    write_whole(path, text, mode=0o600, folder_mode=0o700, replace=replace)
