# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where ROS keeps what outlives a restart, and files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def ros_home() -> Path:
    """Return ROS's own folder: the environment's ``ROS_HOME``, else ``~/.ros``.

    :raises RuntimeError: if there is neither that nor a home.
    """
    return Path(os.environ.get("ROS_HOME") or Path.home() / ".ros")


def write_whole(
    path: Path, text: str, *, mode: int = 0o666, folder_mode: int = 0o777, replace: bool = True
) -> None:
    """Write a file, whole or not at all, even if the power fails; its folder is made if need be.

    The modes are what the process's umask leaves of them.

    :raises FileExistsError: if it is there and must not be replaced.
    :raises OSError: if it cannot be written.
    """
    path.parent.mkdir(mode=folder_mode, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        if replace:
            part.replace(path)
        else:
            os.link(part, path)
    finally:
        part.unlink(missing_ok=True)
