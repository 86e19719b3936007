"""A user without privileges, by whom programs can be run where the tests are run by root."""

import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

NAME = "nobody"
PROJECT = Path(__file__).parents[2]
NEEDED = (Path(sys.prefix), Path(sys.base_prefix), PROJECT)  # of what programs are made of
# Mounts that the program alone has: each closed folder is an empty one, that can be entered, with
# what is needed in it.
IN_A_VIEW = """
set -e
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
    """Who it is, a home of theirs, and what a command is put behind so that they run it."""

    uid: int
    home: Path
    command: list[str]

    @property
    def environment(self) -> dict[str, str]:
        """What their programs find in the environment."""
        return {"HOME": str(self.home), "ROS_LOG_DIR": str(self.home / "log"), "USER": NAME}


@contextmanager
def ordinary_user() -> Iterator[OrdinaryUser]:
    """Yield a user with an empty home; skips the test where nobody can be one."""
    if os.getuid() != 0:
        pytest.skip("the tests are run by an ordinary user anyhow")
    account = pwd.getpwnam(NAME)
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, account.pw_uid, account.pw_gid)
        ids = (f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups")
        command = [*_view(), "setpriv", *ids, "--no-new-privs", "--inh-caps=-all", "--"]
        _require_readable(command)
        yield OrdinaryUser(account.pw_uid, Path(folder), command)


def _view() -> list[str]:
    """Return what shows the programs to who may not look into folders on the way to them."""
    closed: dict[Path, list[Path]] = {}
    for path in dict.fromkeys(NEEDED):
        for folder in reversed(path.parents):
            if not folder.stat().st_mode & 0o001:
                closed.setdefault(folder, []).append(path)
                break
    if not closed:
        return []
    shown = [str(part) for folder, paths in closed.items() for part in (folder, *paths, ",")]
    return ["unshare", "--mount", "sh", "-c", IN_A_VIEW, "sh", *shown, "--"]


def _require_readable(command: list[str]) -> None:
    trial = subprocess.run(
        [*command, sys.executable, "-c", "import rclpy, pi_webrtc_streamer"],
        capture_output=True,
        text=True,
    )
    if trial.returncode != 0:
        pytest.skip(f"{NAME} cannot read the environment: {trial.stderr.strip()[-300:]}")
