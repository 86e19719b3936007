# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The direct way from a camera node to the bridge: found, used and left by itself."""

import errno
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import aiohttp
import numpy as np
import pytest
import simplejpeg

from pi_webrtc_streamer import camera_node
from pi_webrtc_streamer.camera.planes import copy_planes
from pi_webrtc_streamer.camera.source import Picture, Source
from pi_webrtc_streamer.camera_node import CameraNode
from pi_webrtc_streamer.direct import inlet as inlet_module
from pi_webrtc_streamer.direct import memory as memory_module
from pi_webrtc_streamer.direct import outlet as outlet_module
from pi_webrtc_streamer.direct.inlet import _connect, _Connection
from pi_webrtc_streamer.direct.local import find
from pi_webrtc_streamer.direct.messages import (
    VERSION,
    Announcement,
    pack_announcement,
    pack_hello,
    socket_name,
)
from pi_webrtc_streamer.direct.outlet import MOST_PEERS, Outlet
from pi_webrtc_streamer.media.feed import CameraFeed
from pi_webrtc_streamer.media.frame import live_frames
from pi_webrtc_streamer.ros.lifecycle import TransitionCallbackReturn
from pi_webrtc_streamer.runtime.faults import faults
from pi_webrtc_streamer.runtime.owning import Owned
from support.cameras import camera_state, get_stats, goes, reaches
from support.faults import forget_faults
from support.leaks import all_given_back, held_at_rest
from support.nodes import TOPIC, OfferingPublisher, Publisher, grey_jpeg, make_bridge, running
from support.quadrants import assert_quadrants, quadrants
from support.repeating import repeating
from support.waiting import until, wait_for
from support.ways import WAYS, taking
from support.whep import mean_luma, watching

PATTERN = {"source": "pattern", "width": 320, "height": 240}
PYTHON = Path("/usr/bin/python3")  # that of the tests may be in a folder of root's
NOBODY = 65534  # the user without rights, on every Linux
DARK, BRIGHT = 60, 160  # luma


@pytest.fixture
def shared(monkeypatch):
    """Pictures go through shared memory, though both nodes are in this process."""
    return taking("shared memory", monkeypatch)


@pytest.fixture
def name(node) -> bytes:
    """Where the pictures of :data:`TOPIC` are offered."""
    return socket_name(node.context.get_domain_id(), os.geteuid(), TOPIC)


def grey(luma: int, width: int = 320, height: int = 240) -> Picture:
    chroma = np.full(((height + 1) // 2, (width + 1) // 2), 128, np.uint8)
    return Picture(np.full((height, width), luma, np.uint8), chroma, chroma, stamp=1)


def put(outlet: Outlet, picture: Picture) -> None:
    def fill(place: memoryview) -> None:
        copy_planes(picture, place)

    outlet.put(picture.width, picture.height, picture.stamp, fill)


@contextmanager
def offering(name: bytes) -> Iterator[Outlet]:
    outlet = Outlet(name)
    try:
        yield outlet
    finally:
        outlet.close()


@contextmanager
def putting(outlet: Outlet, picture: Picture) -> Iterator[None]:
    """Have a picture put again and again: a viewer shows one when the next one begins."""
    with repeating(lambda: put(outlet, replace(picture, stamp=time.time_ns())), 1 / 30):
        yield


async def test_pictures_go_this_way(node, way, capfd):
    camera, bridge = CameraNode(overrides=PATTERN), way.bridge()
    with running(camera, bridge):
        async with watching(bridge.url, "h264") as viewer:
            await viewer.next_frame()
            state = await camera_state(bridge.url)
            assert state["way"] == way.name
            assert (state["state"], state["width"], state["height"]) == ("live", 320, 240)
            stats = await get_stats(bridge.url)
            assert stats["frames"]["camera"]["way"] == way.name
            async with viewer.session.get(f"{bridge.url}metrics") as response:
                said = await response.text()
            for each in WAYS:
                said_of_it = f'camera_way{{camera="camera",way="{each}"}} {float(each == way.name)}'
                assert said_of_it in said
            assert camera._outlet.wanted == (way.name != "dds")
            assert node.count_subscribers(TOPIC) == (way.name == "dds")
        await until(lambda: not camera._outlet.wanted, "nobody who reads")
        await until(lambda: live_frames() == 0, "no frame that is held")
        assert camera._outlet._memory is None
    said = capfd.readouterr().err
    assert (f"camera camera: pictures come by way of: {way.name}" in said) == (way.name != "dds")


@pytest.mark.parametrize(
    "geometry",
    [
        {},
        {"crop": [2, 2, 121, 81]},
        {"output_width": 161},
        {"output_width": 40, "output_height": 30},
    ],
)
async def test_colours_and_geometry_are_right(node, way, tmp_path, geometry):
    path = tmp_path / "quadrants.jpg"
    rgb = quadrants(*((320, 240) if "crop" not in geometry else (124, 84)))
    path.write_bytes(simplejpeg.encode_jpeg(rgb, quality=95, colorsubsampling="420"))
    camera, bridge = CameraNode(overrides={"source": str(path), **geometry}), way.bridge()
    with running(camera, bridge):
        async with watching(bridge.url, "h264") as viewer:
            frame = await viewer.next_frame()
            assert (await camera_state(bridge.url))["way"] == way.name
            assert_quadrants(frame.to_ndarray(format="rgb24", src_color_range="JPEG"))


async def test_jpeg_is_made_once_and_only_for_who_wants_it(node, shared):
    camera, bridge = CameraNode(overrides=PATTERN), shared.bridge()
    made = []
    with running(camera, bridge):
        encode = camera._encode
        camera._encode = lambda picture: made.append(picture.stamp) or encode(picture)
        async with watching(bridge.url, "h264") as viewer, aiohttp.ClientSession() as session:
            for _ in range(5):
                await viewer.next_frame()
            assert made == []
            async with session.get(f"{bridge.url}cameras/camera/snapshot.jpg") as response:
                assert response.status == 200
            assert made
            assert len(made) == len(set(made))
            assert (await camera_state(bridge.url))["way"] == "shared memory"
            await until(lambda: node.count_subscribers(TOPIC) == 0, "no subscription")
            await viewer.next_frame()


async def test_a_camera_is_found_later_and_lost(node, shared, name, capfd):
    """A viewer has pictures all the while, and the log says how."""
    bridge = shared.bridge()
    with running(bridge), Publisher(node, grey_jpeg(320, 240, DARK)):
        async with watching(bridge.url, "h264") as viewer:
            assert abs(mean_luma(await viewer.next_frame()) - DARK) < 8
            with OfferingPublisher(node, grey_jpeg(320, 240, DARK)):
                await goes(bridge.url, "shared memory")
                await viewer.next_frame()
                assert node.count_subscribers(TOPIC) == 0
            await goes(bridge.url, "dds")
            await viewer.next_frame()
    log = capfd.readouterr().err
    assert re.findall("pictures come by way of: (.*)", log) == ["shared memory", "dds"]


async def test_nobody_is_shown_a_picture_from_before(node, shared, name):
    bridge = shared.bridge()
    with running(bridge), offering(name) as outlet:
        async with watching(bridge.url, "h264") as viewer:
            await until(lambda: outlet.wanted, "a reader")
            with putting(outlet, grey(DARK)):
                assert abs(mean_luma(await viewer.next_frame()) - DARK) < 8
            await viewer.session.delete(viewer.resource)
        await until(lambda: not outlet.wanted, "no reader")
        async with watching(bridge.url, "h264") as viewer:
            await until(lambda: outlet.wanted, "a reader again")
            with putting(outlet, grey(BRIGHT)):
                for _ in range(3):
                    assert abs(mean_luma(await viewer.next_frame()) - BRIGHT) < 8


async def test_a_picture_that_is_too_large_is_not_shown(node, shared, name):
    bridge = shared.bridge(max_pixels=320 * 240 - 1)
    with running(bridge), offering(name) as outlet:
        async with watching(bridge.url, "h264"):
            await until(lambda: outlet.wanted, "a reader")
            put(outlet, grey(DARK))
            await reaches(bridge.url, "error", "raise the bridge's parameter max_pixels")


async def test_a_topic_may_be_another_one(node, way):
    camera = CameraNode("front", overrides=PATTERN)
    bridge = way.bridge(camera__topic="/front/image_raw/compressed")
    with running(camera, bridge):
        async with watching(bridge.url, "h264") as viewer:
            await viewer.next_frame()
            assert (await camera_state(bridge.url))["way"] == way.name


class Lending:
    """A source that takes its buffer back at once, and writes something else into it."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __getattr__(self, name: str):
        return getattr(self._source, name)

    @contextmanager
    def capture(self) -> Iterator[Picture | None]:
        with self._source.capture() as picture:
            lent = picture and replace(grey(DARK), stamp=picture.stamp)
            yield lent
            if lent is not None:
                lent.y[:] = BRIGHT


async def test_what_a_camera_lends_goes_back_at_once(node, way):
    """So nobody sees what is in its buffer afterwards."""
    camera, bridge = CameraNode(overrides=PATTERN), way.bridge()
    with running(camera, bridge, up=False):
        for each in (camera, bridge):
            assert each.trigger_configure() == TransitionCallbackReturn.SUCCESS
        camera._source = Lending(camera._source)
        for each in (camera, bridge):
            assert each.trigger_activate() == TransitionCallbackReturn.SUCCESS
        async with watching(bridge.url, "h264") as viewer:
            for _ in range(10):
                assert abs(mean_luma(await viewer.next_frame()) - DARK) < 8
            assert (await camera_state(bridge.url))["way"] == way.name


async def test_nothing_is_copied_for_nobody(node, way, monkeypatch):
    """Nor for who wants nothing but JPEG."""
    copies: list[Picture] = []

    def copying(picture: Picture, place: memoryview) -> None:
        copies.append(picture)
        copy_planes(picture, place)

    monkeypatch.setattr(camera_node, "copy_planes", copying)
    camera, bridge = CameraNode(overrides=PATTERN), way.bridge()
    with running(camera, bridge):
        async with aiohttp.ClientSession() as session:
            await until(lambda: camera._statistics.counts[0] > 5, "pictures")
            async with session.get(f"{bridge.url}cameras/camera/snapshot.jpg") as response:
                assert response.status == 200
        assert not copies
        async with watching(bridge.url, "h264") as viewer:
            await viewer.next_frame()
        assert bool(copies) == (way.name != "dds")
        await until(lambda: not camera._outlet.wanted, "nobody who reads")
        copies.clear()
        captured = camera._statistics.counts[0]
        await until(lambda: camera._statistics.counts[0] > captured + 5, "more pictures")
        assert not copies


def test_the_newest_wins(name):
    """Of pictures that have come while the bridge did something else."""
    with offering(name) as outlet, Owned() as owned:
        connection = _Connection(_connect(name, owned), owned)
        wait_for(connection.is_answered, "an answer")
        for number in range(1, 6):
            put(outlet, replace(grey(20 * number, 16, 16), stamp=number))
        newest = connection.newest()
        assert newest.captured == 5
        assert connection.read(newest, bytes)[: 16 * 16] == bytes([100]) * 16 * 16
        assert connection.newest() is None


@pytest.mark.parametrize("way", ["shared memory", "in process"], indirect=True)
async def test_a_fault_of_the_bridge_leaves_viewers_their_pictures(node, way, monkeypatch, capfd):
    """They come over DDS meanwhile. The camera node has no part in it."""
    forget_faults(monkeypatch)

    def fail(*_: object) -> None:
        raise LookupError("on purpose")

    bridge = way.bridge()
    with running(bridge), way.publisher(node, grey_jpeg(320, 240, DARK)) as publisher:
        async with watching(bridge.url, "h264") as viewer:
            await viewer.next_frame()
            with monkeypatch.context() as broken:
                broken.setattr(CameraFeed, "publish_planes", fail)
                await goes(bridge.url, "dds")
                sent = publisher.sent
                await until(lambda: publisher.sent > sent + 5, "more pictures")
                await viewer.next_frame()
                assert faults.total
            await goes(bridge.url, way.name)
            await viewer.next_frame()
    assert "no direct pictures of /camera/image_raw/compressed" in capfd.readouterr().err


async def test_without_memory_pictures_go_over_dds(node, shared, monkeypatch):
    def refuse(*_: object) -> int:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    monkeypatch.setattr(memory_module.os, "memfd_create", refuse)
    camera, bridge = CameraNode(overrides=PATTERN), shared.bridge()
    with running(camera, bridge):
        async with watching(bridge.url, "h264") as viewer:
            await viewer.next_frame()
            assert (await camera_state(bridge.url))["way"] == "dds"


def test_it_is_found_in_this_process_as_long_as_there_is_a_socket(name, monkeypatch):
    """Else a bridge that looks meanwhile would have shared memory, and keep to it."""
    found, listen = [], Outlet._listen

    def look(outlet: Outlet) -> socket.socket | None:
        found.append(find(name) is outlet)
        return listen(outlet)

    monkeypatch.setattr(Outlet, "_listen", look)
    with offering(name) as outlet:
        wait_for(lambda: len(found) > 1, "the thread that listens")
        outlet.close()
    assert all(found)
    assert find(name) is None


def refuse_sockets() -> socket.socket:
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.mark.parametrize("side", [inlet_module, outlet_module])
async def test_where_no_sockets_are_allowed_pictures_go_over_dds(node, shared, monkeypatch, side):
    """As in a sandbox. Nothing of that is a fault of ours."""
    monkeypatch.setattr(side, "make_socket", refuse_sockets)
    forget_faults(monkeypatch)
    camera, bridge = CameraNode(overrides=PATTERN), shared.bridge()
    with running(camera, bridge):
        async with watching(bridge.url, "h264") as viewer:
            await viewer.next_frame()
            assert (await camera_state(bridge.url))["way"] == "dds"
    assert faults.total == 0


async def test_who_is_sent_away_at_once_takes_pictures_over_dds(node, shared, name, monkeypatch):
    """The camera node has no room for one more bridge, or ends just then."""
    forget_faults(monkeypatch)
    gone: list[bool] = []

    def when_it_has_gone(connection: socket.socket) -> bool:
        accepted, _ = listener.accept()
        accepted.close()
        gone.append(True)
        return True

    monkeypatch.setattr(inlet_module, "is_of_this_user", when_it_has_gone)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(name)
        listener.listen()
        bridge = shared.bridge()
        with running(bridge), Publisher(node, grey_jpeg(320, 240, DARK)):
            async with watching(bridge.url, "h264") as viewer:
                await viewer.next_frame()
                await until(lambda: gone, "a try")
                await goes(bridge.url, "dds")
                await viewer.next_frame()
    assert faults.total == 0


def connected(name: bytes) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(name)
    return connection


def test_a_reader_that_is_slow_holds_nobody_up(name):
    with offering(name) as outlet, connected(name) as slow, connected(name) as other:
        for each in (slow, other):
            each.send(pack_hello())
            assert each.recv(64) == pack_hello()
        wait_for(lambda: len(outlet._readers) == 2, "two readers")
        for _ in range(5000):
            put(outlet, grey(DARK, 16, 16))
        slow.setblocking(False)
        assert 0 < how_many_wait(slow) < 5000
        put(outlet, grey(DARK, 16, 16))
        assert slow.recv(64), "it gets what comes now"


def how_many_wait(connection: socket.socket) -> int:
    count = 0
    with suppress(BlockingIOError):
        while connection.recv(64):
            count += 1
    return count


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\n\r\n" * 9, pack_hello(VERSION + 1)])
def test_who_says_something_else_gets_no_pictures(name, said):
    with offering(name) as outlet, connected(name) as stranger:
        if said:
            stranger.send(said)
            wait_for(lambda: outlet._peers or stranger.recv(64) is not None, "an answer")
        put(outlet, grey(DARK))
        assert not outlet.wanted


def test_no_more_connections_are_held_than_are_needed(name):
    with offering(name) as outlet:
        connections = [connected(name) for _ in range(MOST_PEERS)]
        wait_for(lambda: len(outlet._peers) == MOST_PEERS, "them")
        with connected(name) as one_more:
            assert one_more.recv(64) == b""
        for connection in connections:
            connection.close()
        wait_for(lambda: not outlet._peers, "none")


def as_nobody(program: str, *arguments: str) -> subprocess.Popen:
    if os.getuid() != 0:
        pytest.skip("only root can be another user")
    if not PYTHON.exists():
        pytest.skip("there is no Python for everybody")
    return subprocess.Popen(
        [PYTHON, "-c", program, *arguments],
        user=NOBODY,
        group=NOBODY,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


STRANGER = """
import socket, sys
connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
connection.connect(b"\\0" + sys.argv[1].encode())
try:
    connection.send(bytes.fromhex(sys.argv[2]))
    print(len(connection.recv(64)))
except ConnectionError:
    print(0)
"""


def test_another_user_gets_no_pictures(name):
    with offering(name), as_nobody(STRANGER, name[1:].decode(), pack_hello().hex()) as stranger:
        assert stranger.communicate()[0].strip() == "0"


IMPOSTOR = """
import socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind(b"\\0" + sys.argv[1].encode())
listener.listen()
print("listening", flush=True)
sys.stdin.read()
"""


async def test_another_user_cannot_stand_in_for_the_camera(node, shared, name):
    """Who has taken its name gets no more than that pictures go over DDS."""
    bridge = shared.bridge()
    with as_nobody(IMPOSTOR, name[1:].decode()) as impostor:
        assert impostor.stdout.readline().strip() == "listening"
        with running(bridge), OfferingPublisher(node, grey_jpeg(320, 240, DARK)) as camera:
            async with watching(bridge.url, "h264") as viewer:
                await viewer.next_frame()
                assert (await camera_state(bridge.url))["way"] == "dds"
                impostor.stdin.close()
                impostor.wait()
                await goes(bridge.url, "shared memory")
                assert camera.outlet.wanted


class Stub:
    """Listens as a camera node would, and says something else."""

    def __init__(self, name: bytes, *said: bytes, descriptors: tuple[int, ...] = ()) -> None:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(name)
        self._listener.listen()
        self._said, self._descriptors = said, descriptors
        self.asked = 0
        self._thread = threading.Thread(target=self._run)
        self._held: list[socket.socket] = []

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for each in (*self._held, self._listener):
            each.close()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._held.append(connection)
            self.asked += 1
            for number, message in enumerate(self._said):
                socket.send_fds(connection, [message], self._descriptors if number else ())


PICTURE = Announcement(2, 0, 3, 320, 240, 1, 1)


@pytest.mark.parametrize(
    ("said", "descriptor"),
    [
        ((), False),
        ((b"nonsense",), False),
        ((pack_hello(VERSION + 1),), False),
        ((pack_hello(), b"nonsense"), False),
        ((pack_hello(), pack_announcement(PICTURE)), False),
        ((pack_hello(), pack_announcement(PICTURE)), True),
        ((pack_hello(), pack_announcement(PICTURE._replace(slot=3))), False),
        ((pack_hello(), pack_announcement(PICTURE._replace(width=0))), False),
        ((pack_hello(), pack_announcement(PICTURE._replace(slots=2**32 - 1))), True),
    ],
)
async def test_what_is_no_camera_node_is_left_alone(node, shared, name, said, descriptor):
    bridge = shared.bridge()
    descriptors = (os.open(__file__, os.O_RDONLY),) if descriptor else ()
    with (
        Stub(name, *said, descriptors=descriptors) as stub,
        running(bridge),
        Publisher(node, grey_jpeg(320, 240, DARK)),
    ):
        async with watching(bridge.url, "h264") as viewer:
            await viewer.next_frame()
            await goes(bridge.url, "dds")
            await until(lambda: stub.asked > 1, "another try")
            await viewer.next_frame()
    for each in descriptors:
        os.close(each)


def maps() -> str:
    """Return what is mapped into this process."""
    return Path("/proc/self/maps").read_text()


async def test_nothing_is_left_behind(node, way):
    camera, bridge = CameraNode(overrides=PATTERN), way.bridge()
    with running(camera, bridge):
        async with watching(bridge.url, "h264") as viewer:
            await viewer.next_frame()
        await until(lambda: live_frames() == 0, "no frame that is held")
        await until(lambda: bridge._bridge.viewers.counts()["camera"] == 0, "no viewer")
        await until(lambda: not camera._outlet.wanted, "no reader")
        before = await held_at_rest(bridge)
        for _ in range(5):
            async with watching(bridge.url, "h264") as viewer:
                await viewer.next_frame()
        await all_given_back(before, bridge, "after five viewers")
    assert "pi_webrtc_streamer.pictures" not in maps()


def test_off_means_off(node, monkeypatch):
    bridge = make_bridge(direct="off")
    with running(bridge):
        assert bridge._bridge.feeds["camera"].pictures._ask is None
