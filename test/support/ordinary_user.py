# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A user without privileges, by whom programs can be run where the tests are run by root."""

import os
import pwd
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from .domain import take_domain

NAME = "nobody"
PROJECT = Path(__file__).parents[2]
NEEDED = (Path(sys.prefix), Path(sys.base_prefix), PROJECT)  # of what programs are made of
# Mounts that the program alone has. Shared memory is the user's own: what Fast DDS makes there, for
# all domains alike, could be opened by root no longer (fs.protected_regular). Each closed folder is
# an empty one, that can be entered, with what is needed in it.
IN_A_VIEW = """
set -e
mount --bind "$1" /dev/shm; shift
while [ "$1" != -- ]; do
    closed=$1; shift
    real=$(mktemp -d)
    mount --rbind "$closed" "$real"
    mount -t tmpfs -o mode=755 view "$closed"
    while [ "$1" != , ]; do
        mkdir -p "$1"
        mount --rbind "$real${1#"$closed"}" "$1"
        shift
    done
    shift
    umount --lazy "$real"
    rmdir "$real"
done
shift
exec "$@"
"""


@dataclass(frozen=True)
class OrdinaryUser:
    """Who it is, a home of theirs, what a command is put behind so that they run it, and what it
    finds in the environment.
    """

    uid: int
    home: Path
    command: list[str]
    environment: dict[str, str]


@contextmanager
def ordinary_user() -> Iterator[OrdinaryUser]:
    """Yield a user with an empty home; skips the test where nobody can be one."""
    if os.getuid() != 0:
        pytest.skip("the tests are run by an ordinary user anyhow")
    account = pwd.getpwnam(NAME)
    with tempfile.TemporaryDirectory() as folder:
        home, shared_memory = Path(folder, "home"), Path(folder, "shm")
        Path(folder).chmod(0o755)
        for path in (home, shared_memory):
            path.mkdir(mode=0o700)
            os.chown(path, account.pw_uid, account.pw_gid)
        ids = (f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups")
        command = [*_view(shared_memory), "setpriv", *ids, "--no-new-privs", "--inh-caps=-all"]
        _require_readable(command)
        environment = {
            "HOME": str(home),
            "ROS_HOME": str(home / ".ros"),
            "ROS_LOG_DIR": str(home / "log"),
            "ROS_DOMAIN_ID": str(take_domain()),
        }
        yield OrdinaryUser(account.pw_uid, home, command, environment)


def _view(shared_memory: Path) -> list[str]:
    """Return what shows the programs to who may not look into folders on the way to them."""
    closed: dict[Path, list[Path]] = {}
    for path in NEEDED:
        for folder in reversed(path.parents):
            if not folder.stat().st_mode & stat.S_IXOTH:
                closed.setdefault(folder, []).append(path)
                break
    shown = [str(part) for folder, paths in closed.items() for part in (folder, *paths, ",")]
    return ["unshare", "--mount", "sh", "-c", IN_A_VIEW, "sh", str(shared_memory), *shown, "--"]


def _require_readable(command: list[str]) -> None:
    trial = subprocess.run(
        [*command, sys.executable, "-c", "import rclpy, pi_webrtc_streamer"],
        capture_output=True,
        text=True,
    )
    if trial.returncode != 0:
        pytest.skip(f"{NAME} cannot read the environment: {trial.stderr.strip()[-300:]}")
