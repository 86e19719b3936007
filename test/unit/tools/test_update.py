# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""tools/update on real git repositories and real processes, with stand-ins for setup and systemctl.

The service is a small HTTP server, in a version that is good, or bad in some way.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.program import free_port
from support.waiting import wait_for

ROOT = Path(__file__).parents[3]
SERVICE = """\
import http.server, sys
answer = int(open("answer").read())
if not answer:
    sys.exit("ends at once")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(answer)
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
SETUP = """\
#!/bin/sh
cd "$(dirname "$0")/.." && test ! -e no-setup && mkdir -p .venv/bin || exit 1
echo "exec {python} \\"\\$@\\"" >.venv/bin/python
echo 'test -e "$(dirname "$0")/../../takes-settings"' >.venv/bin/pi-webrtc-streamer
chmod +x .venv/bin/*
"""
SYSTEMCTL = """\
#!/bin/sh
if [ "$1" = start ]; then
    setsid {python} service.py {port} </dev/null >/dev/null 2>>{folder}/journal &
    echo $! >{folder}/pid
else
    pid=$(cat {folder}/pid)
    kill -KILL "$pid" 2>/dev/null
    while grep -qs "^State:.[^Z]" "/proc/$pid/status"; do :; done
fi
"""
IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "robot"), ("EMAIL", "robot@robot.invalid"))
}


class Robot:
    """A clone that runs as a service, and the repository where new versions come from."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clone, self.source = folder, folder / "clone", folder / "source"
        self.port = free_port()
        self.environment = os.environ | IDENTITY
        for name in ("AMENT_PREFIX_PATH", "VENV"):
            self.environment.pop(name, None)
        self.environment |= {
            "PATH": f"{folder}/bin:{os.environ['PATH']}",
            "UNITS": str(folder),
            "WITHIN": "20",
            "STEADY": "0.6",
        }
        names = {"python": sys.executable, "port": self.port, "folder": folder}
        write(folder / "bin" / "systemctl", SYSTEMCTL.format(**names))
        write(folder / "bin" / "journalctl", f"#!/bin/sh\ncat {folder}/journal\n")
        write(folder / "bin" / "sudo", '#!/bin/sh\nexec "$@"\n')
        (folder / "journal").touch()
        unit = f"[X-pi_webrtc_streamer]\nArguments=--port {self.port}\n"
        (folder / "pi-webrtc-streamer.service").write_text(unit)

        write(self.source / "tools" / "setup", SETUP.format(**names))
        for name in ("health", "update"):
            shutil.copy(ROOT / "tools" / name, self.source / "tools")
        (self.source / "service.py").write_text(SERVICE)
        (self.source / ".gitignore").write_text("build/\n.venv/\n")
        self.git("init", "--quiet", "--initial-branch=main", where=self.source)
        self.first = self.release("answer=200", "takes-settings=")
        self.git("clone", "--quiet", str(self.source), str(self.clone), where=folder)
        self.run("tools/setup")
        self.run("systemctl", "start")

    def release(self, *contents: str) -> str:
        """Commit files ("name=content", or "-name" to be removed); returns the commit."""
        for content in contents:
            name, _, text = content.partition("=")
            file = self.source / name.removeprefix("-")
            file.unlink() if name.startswith("-") else file.write_text(text)
        self.git("add", "--all", where=self.source)
        self.git("commit", "--quiet", "--allow-empty", "-m", "Another", where=self.source)
        return self.git("rev-parse", "HEAD", where=self.source)

    def git(self, *arguments: str, where: Path | None = None) -> str:
        return self.run("git", *arguments, where=where).stdout.strip()

    def run(self, *command: str, where: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=where or self.clone,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )

    def start_update(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["tools/update", *arguments],
            cwd=self.clone,
            env=self.environment,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def update(self, *arguments: str) -> tuple[int, str]:
        """Update; returns the exit status and what was said."""
        process = self.start_update(*arguments)
        said = process.communicate()[1]
        return process.returncode, said

    @property
    def pid(self) -> int:
        return int((self.folder / "pid").read_text())

    @property
    def version(self) -> str:
        return self.git("rev-parse", "HEAD")

    @property
    def branch(self) -> str:
        return self.git("rev-parse", "--abbrev-ref", "HEAD")

    @property
    def runs(self) -> bool:
        return b"service.py" in Path(f"/proc/{self.pid}/cmdline").read_bytes()


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)


@pytest.fixture
def robot(tmp_path):
    robot = Robot(tmp_path)
    yield robot
    robot.run("systemctl", "stop")


def test_a_good_version_runs_and_one_can_go_back(robot):
    before = robot.pid
    second = robot.release("answer=204")
    status, said = robot.update()
    assert (status, robot.version, robot.branch) == (0, second, "main"), said
    assert robot.runs
    assert robot.pid != before
    assert not (robot.clone / "build" / "next").exists()

    status, said = robot.update("--back")
    assert (status, robot.version, robot.branch) == (0, robot.first, "main"), said
    assert robot.runs
    assert robot.update("--back")[1] == "error: nothing is known of a version before this one\n"


@pytest.mark.parametrize("answer", [0, 503])
def test_a_version_that_does_not_come_up_makes_way_for_the_one_before(robot, answer):
    robot.environment["WITHIN"] = "2"
    robot.release(f"answer={answer}")
    status, said = robot.update()
    assert status == 1
    assert "does not come up: going back" in said
    assert said.endswith(f"{robot.first[:7]} runs again\n")
    assert (robot.version, robot.branch) == (robot.first, "main")
    assert robot.runs
    if answer == 0:
        assert "ends at once" in said, "what the service said last"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("no-setup=", "cannot be set up; nothing was changed"),
        ("-takes-settings", "does not take the service's settings; nothing was changed"),
    ],
)
def test_a_version_that_cannot_run_here_is_never_let_in(robot, change, why):
    before = robot.pid
    robot.release(change)
    status, said = robot.update()
    assert status == 1
    assert why in said
    assert (robot.version, robot.pid) == (robot.first, before)
    assert robot.runs
    assert not (robot.clone / "build" / "next").exists()


def test_whoever_ends_it_in_the_middle_has_the_version_before(robot):
    robot.environment["STEADY"] = "20"
    second = robot.release("answer=200")
    before = robot.pid
    process = robot.start_update()
    wait_for(lambda: robot.version == second and robot.pid != before, "the new version")
    robot.environment["STEADY"] = "0.6"
    os.killpg(process.pid, signal.SIGTERM)
    process.communicate()
    assert process.returncode == 1
    assert (robot.version, robot.branch) == (robot.first, "main")
    assert robot.runs


def test_a_tag_is_detached_and_back_is_the_branch(robot):
    robot.git("tag", "v2", robot.release("answer=200"), where=robot.source)
    robot.release("answer=0")
    status, said = robot.update("v2")
    assert (status, robot.branch) == (0, "HEAD"), said
    assert robot.version == robot.git("rev-parse", "v2")
    assert robot.update("--back")[0] == 0
    assert (robot.version, robot.branch) == (robot.first, "main")


def test_nonsense_and_what_would_be_lost_change_nothing(robot):
    before = robot.pid
    assert "here already" in robot.update()[1]
    robot.release("answer=200")
    for arguments in (["v99"], ["--foo"], ["a b"]):
        status, said = robot.update(*arguments)
        assert status == 1
        assert f"no branch, tag or commit {arguments[0]}" in said
    (robot.clone / "answer").write_text("201")
    assert "files here differ" in robot.update()[1]
    robot.git("commit", "--quiet", "--all", "-m", "My own")
    assert "has commits of its own" in robot.update()[1]
    assert robot.pid == before
    assert robot.runs


def test_another_ros_than_the_services_is_told(robot):
    robot.environment |= {"AMENT_PREFIX_PATH": "/opt/ros/jazzy", "ROS_DISTRO": "jazzy"}
    robot.release("answer=200")
    status, said = robot.update()
    assert status == 1
    assert "the service has ROS 2 from wheels, and this terminal jazzy" in said
