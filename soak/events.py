# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What happens to the robot: a list of events, each of them possible at any time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from bench.processes import descendants
from support.browser import CHROMIUM

from .audience import Group, MjpegClient, post_and_run, request
from .robot import CHANGING, SIZES, STEADY, Robot

CODECS = ("h264", "vp8")
MOST_VIEWERS = 6  # at once, over WebRTC: it is to take no more than a core
LARGEST_GROUP = 3
MOST_CLIENTS = 3  # of the multipart stream
LONGEST_STALL = 8.0  # seconds; after 5 the bridge takes a viewer for gone
PAGE_WITHIN = 60.0  # seconds
STATIC = (
    "",
    *(f"static/{name}" for name in ("app.js", "style/page.css", "tile/tile.js", "whep/client.js")),
)


@dataclass
class Scene:
    """The robot and those who watch it now."""

    robot: Robot
    random: Random
    offer: str
    groups: list[Group] = field(default_factory=list)
    clients: list[MjpegClient] = field(default_factory=list)

    def camera(self) -> str:
        """Return either camera."""
        return self.random.choice((STEADY, CHANGING))

    def begin_group(self, camera: str) -> Group:
        """Let viewers come, making place for them if need be; they have yet to arrive."""
        number = self.random.randint(1, LARGEST_GROUP)
        while self.groups and number + sum(group.number for group in self.groups) > MOST_VIEWERS:
            self.groups.pop(0).leave()
        group = Group(self.robot.url, camera, self.random.choice(CODECS), number)
        self.groups.append(group)
        return group

    def take_group(self) -> Group:
        """Return a group that is about to go, one that comes for it if there is none."""
        if not self.groups:
            join(self)
        return self.groups.pop(self.random.randrange(len(self.groups)))

    def take_client(self) -> MjpegClient:
        """Return an MJPEG client that is about to go."""
        if not self.clients:
            read_mjpeg(self)
        return self.clients.pop(self.random.randrange(len(self.clients)))

    def everybody_leaves(self) -> None:
        """Let all go, each of them in one of the polite ways."""
        while self.groups:
            group = self.groups.pop()
            self.random.choice((group.leave, group.close))()
        while self.clients:
            self.clients.pop().leave()

    def close(self) -> None:
        """End all processes."""
        while self.groups:
            self.groups.pop().vanish()
        while self.clients:
            self.clients.pop().leave(vanish=True)


def join(scene: Scene) -> None:
    """Viewers come."""
    scene.begin_group(scene.camera()).arrive()


def leave(scene: Scene) -> None:
    """Viewers say good-bye (DELETE)."""
    scene.take_group().leave()


def close(scene: Scene) -> None:
    """Viewers close their connections."""
    scene.take_group().close()


def vanish(scene: Scene) -> None:
    """Viewers are gone without a word (SIGKILL)."""
    scene.take_group().vanish()


def stall(scene: Scene) -> None:
    """Viewers stand still for some seconds (SIGSTOP, SIGCONT), and stay if they are let."""
    group = scene.take_group()
    scene.groups.append(group)
    group.stall(scene.random.uniform(1, LONGEST_STALL))


def read_mjpeg(scene: Scene) -> None:
    """A client reads the multipart stream; one too many takes the place of the first."""
    if len(scene.clients) >= MOST_CLIENTS:
        scene.clients.pop(0).leave()
    scene.clients.append(MjpegClient(scene.robot.url, scene.camera()))


def stall_mjpeg(scene: Scene) -> None:
    """A client of the multipart stream reads no more, and then vanishes."""
    client = scene.take_client()
    client.stall()
    time.sleep(scene.random.uniform(0.5, 2))
    client.leave(vanish=True)


def snapshots(scene: Scene) -> None:
    """Several ask for a picture and for files of the page at the same time."""
    url = scene.robot.url
    pictures = [f"{url}cameras/{camera}/snapshot.jpg" for camera in (STEADY, CHANGING)]
    files = [url + name for name in STATIC]
    with ThreadPoolExecutor(8) as pool:
        picture_statuses = pool.map(request, [*pictures, *pictures])
        file_statuses = pool.map(request, files)
    for status in picture_statuses:
        _expect({200, 503}, status)  # on a busy machine a camera may have none in three seconds
    for status in file_statuses:
        _expect({200}, status)


def half_join(scene: Scene) -> None:
    """An offer is answered, and nobody connects."""
    _expect({201}, request(f"{scene.robot.url}whep/{scene.camera()}", scene.offer))


def hasty_join(scene: Scene) -> None:
    """An offer is posted by somebody who does not wait for the answer."""
    post_and_run(scene.robot.url, scene.camera(), scene.offer)


def crowd(scene: Scene) -> None:
    """As many come as may be there at once, and as many again whom nobody will see."""
    while sum(group.number for group in scene.groups) <= MOST_VIEWERS - LARGEST_GROUP:
        join(scene)
    for _ in range(MOST_CLIENTS):
        read_mjpeg(scene)
    for _ in range(MOST_VIEWERS):
        half_join(scene)
    snapshots(scene)


def nonsense(scene: Scene) -> None:
    """An offer that is none is refused."""
    text = scene.offer[: scene.random.randrange(200)]
    _expect({400, 422}, request(f"{scene.robot.url}whep/{scene.camera()}", text))


def browse(scene: Scene) -> None:
    """Chromium opens the page and reloads it; it closes it, or is killed."""
    reloads = scene.random.randint(1, 2)
    killed = scene.random.random() < 0.3
    with subprocess.Popen(
        [sys.executable, "-m", "soak.page", scene.robot.url, str(reloads)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            _, errors = process.communicate(timeout=5 if killed else PAGE_WITHIN)
        except subprocess.TimeoutExpired:
            if not killed:
                raise
            return
        finally:
            _kill_with_children(process)
        if process.returncode:
            raise RuntimeError(f"the page failed: {errors[-2000:]}")


def restart_camera(scene: Scene) -> None:
    """The rear camera's node ends and comes back with another size; viewers stay."""
    scene.robot.end_camera(CHANGING)
    scene.robot.start_camera(CHANGING, scene.random.choice(SIZES))


def kill_camera(scene: Scene) -> None:
    """The rear camera's node is killed; viewers come before it is back."""
    scene.robot.end_camera(CHANGING, signal.SIGKILL)
    group = scene.begin_group(CHANGING)
    scene.robot.start_camera(CHANGING, scene.random.choice(SIZES))
    group.arrive()


def restart_bridge(scene: Scene) -> None:
    """The bridge is deactivated, which ends everybody's session, and activated."""
    scene.robot.restart_bridge()
    scene.everybody_leaves()


Event = Callable[[Scene], None]

# Each with how often it happens, beside the others.
EVENTS: dict[Event, int] = {
    join: 8,
    leave: 3,
    close: 3,
    vanish: 3,
    stall: 3,
    read_mjpeg: 3,
    stall_mjpeg: 2,
    snapshots: 3,
    half_join: 2,
    hasty_join: 2,
    crowd: 1,
    nonsense: 2,
    restart_camera: 2,
    kill_camera: 1,
    restart_bridge: 1,
}
if Path(CHROMIUM).is_file():
    EVENTS[browse] = 1
OF_CAMERAS = {restart_camera, kill_camera}


def _expect(statuses: set[int], found: int) -> None:
    if found not in statuses:
        raise RuntimeError(f"the bridge answered {found} where one of {statuses} was due")


def _kill_with_children(process: subprocess.Popen[str]) -> None:
    with suppress(FileNotFoundError):  # one ends meanwhile
        for pid in reversed(descendants(process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
