"""Files with secrets: only their owner may read them, from the first moment on."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path


def state_folder() -> Path:
    """Return where what outlives a restart is kept: below ROS's own folder, as its logs are."""
    return Path(os.environ.get("ROS_HOME") or Path.home() / ".ros", "pi_webrtc_streamer")


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
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
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
