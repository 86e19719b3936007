# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The program with a config.toml of the predecessor's: each setting in effect."""

import io
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import aiohttp
import av
import numpy as np
import pytest
import yaml
from PIL import Image

from support.cameras import get_json
from support.predecessor.clients import connected
from support.program import Program, free_port
from support.waiting import until
from support.whep import WhepViewer, watching

FOLDER = Path(__file__).parents[2] / "support" / "predecessor"
# The luma of the quarters of the picture that the cameras see.
QUARTERS = np.array([[30, 90], [150, 220]])


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """A video of 640x480 whose quarters differ."""
    path = tmp_path_factory.mktemp("clip") / "quarters.mp4"
    luma = np.kron(QUARTERS, np.ones((240, 320))).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=20, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for _ in range(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(luma, "gray")))
        container.mux(stream.encode(None))
    return path


@contextmanager
def streamer(config: Path, *arguments: str, **environment: str) -> Iterator[tuple[Program, str]]:
    """Run the program with a file, on free ports; lends it and the page's address."""
    ports = ["--web-port", str(free_port()), "--base-port", str(free_base_port())]
    command = ["pi-webrtc-streamer", "--config", str(config), *ports, *arguments]
    with Program(*command, environment=environment) as program:
        yield program, program.link
        assert program.end() == 0
        assert "Traceback" not in program.output


def free_base_port() -> int:
    """Return a port that is free, as the next few are."""
    return 20_000 + 10 * (os.getpid() % 1000)


def snapshot(url: str, camera: str) -> np.ndarray:
    """Return a camera's picture as luma."""
    with urllib.request.urlopen(f"{url}cameras/{camera}/snapshot.jpg", timeout=30) as response:
        return np.asarray(Image.open(io.BytesIO(response.read())).convert("L"))


def quarters(picture: np.ndarray) -> np.ndarray:
    """Return the mean of each quarter, without the lines between them."""
    height, width = picture.shape
    rows, columns = (
        [slice(side // 16, side * 7 // 16), slice(side * 9 // 16, side * 15 // 16)]
        for side in (height, width)
    )
    return np.array([[picture[row, column].mean() for column in columns] for row in rows])


def looks_like(picture: np.ndarray, expected: np.ndarray) -> bool:
    return bool(np.abs(quarters(picture) - expected).max() < 5)


def test_flips_sizes_and_crop_of_the_go_streamers_file(clip):
    with streamer(FOLDER / "go.toml", "--source", str(clip)) as (_, url):
        turned = snapshot(url, "camera1")
        assert turned.shape == (240, 320), "scaled, as scaling_enabled says"
        assert looks_like(turned, QUARTERS[::-1, ::-1])
        cropped = snapshot(url, "camera2")
        assert cropped.shape == (400, 480), "cropped, and not scaled"
        # From x = 64 on, y = 32: the quarters' border, 320 and 240, is at 256 and 208.
        upright = cropped[::-1]
        assert abs(np.abs(np.diff(upright[100].astype(int))).argmax() + 1 - 256) <= 1
        assert abs(np.abs(np.diff(upright[:, 100].astype(int))).argmax() + 1 - 208) <= 1
        assert upright[100, 100] < upright[100, 400] < upright[300, 100] < upright[300, 400]


def test_flips_and_sizes_of_the_rust_streamers_file(clip):
    with streamer(FOLDER / "rust.toml", "--source", str(clip)) as (_, url):
        turned = snapshot(url, "camera1")
        assert turned.shape == (360, 480), "the target is what is sent, after the turn"
        assert looks_like(turned, np.rot90(QUARTERS, -1))
        assert snapshot(url, "camera2").shape == (120, 160)
        assert looks_like(snapshot(url, "camera2"), QUARTERS[::-1, ::-1])


FLIPS = {
    "": QUARTERS,
    "vertical-flip": QUARTERS[::-1],
    "horizontal-flip": QUARTERS[:, ::-1],
    "rotate-90": np.rot90(QUARTERS, -1),
    "rotate-180": QUARTERS[::-1, ::-1],
    "rotate-270": np.rot90(QUARTERS),
}
STUN = "[webrtc]\nstun_server = 'stun://stun.example.org:3478'"


async def test_every_flip_and_what_holds_without_one(tmp_path, clip):
    config = tmp_path / "config.toml"
    sections = [f'[camera{n}]\nflip_method = "{flip}"\n' for n, flip in enumerate(FLIPS, 1)]
    config.write_text(
        "".join([*sections, "[camera7]\n[camera-8]\n[server]\nbind_ip = '127.0.0.2'\n", STUN])
    )
    expected = [*FLIPS.values(), QUARTERS[::-1], QUARTERS[::-1, ::-1]]
    with streamer(config, "--source", str(clip)) as (_, url):
        for number, quarters_expected in enumerate(expected, 1):
            picture = snapshot(url, f"camera{number}")
            assert looks_like(picture, quarters_expected), f"camera{number}"
            assert picture.shape == ((640, 480) if number in (4, 6) else (480, 640))
        assert url.startswith("http://127.0.0.2:"), "bind_ip"
        _, cameras = await get_json(f"{url}cameras")
        assert cameras["ice_servers"] == [{"urls": ["stun:stun.example.org:3478"]}]


def received(viewer: WhepViewer) -> list[tuple[int, int]]:
    """Return a list that gets the RTP timestamp and the bytes of each packet from now on."""
    seen: list[tuple[int, int]] = []
    handle = viewer.receiver._handle_rtp_packet

    async def look(packet, arrival_time_ms):
        seen.append((packet.timestamp, len(packet.serialize(viewer_extensions(viewer)))))
        await handle(packet, arrival_time_ms)

    viewer.receiver._handle_rtp_packet = look
    return seen


def viewer_extensions(viewer: WhepViewer):
    return viewer.receiver.transport._rtp_header_extensions_map


async def test_codec_bitrate_frame_rate_and_mtu_are_in_the_stream():
    with streamer(FOLDER / "go.toml", "--source", "pattern:busy") as (_, url):
        async with watching(url, camera="camera2") as viewer:
            assert first_codec(viewer.answer) == "H264"
            packets = received(viewer)
            await until(lambda: len({stamp for stamp, _ in packets}) > 60, "60 pictures")
            _, stats = await get_json(f"{url}stats")
    (stream,) = stats["streams"]["camera2"]
    assert stream["codec"] == "h264"
    assert stream["bitrate"] <= 1_500_000
    assert max(size for _, size in packets) <= 1000, "mtu"
    assert max(size for _, size in packets) > 900
    stamps = sorted({stamp for stamp, _ in packets})
    assert median(np.diff(stamps)) == pytest.approx(90_000 / 15, rel=0.2), "fps"
    steady = [size for stamp, size in packets if stamp > stamps[20]]
    seconds = (stamps[-1] - stamps[20]) / 90_000
    assert sum(steady) * 8 / seconds < 1_800_000, "more than the bitrate, less than the default"


def first_codec(answer: str) -> str:
    """Return the codec that an SDP answer prefers."""
    media = next(line for line in answer.splitlines() if line.startswith("m=video"))
    kind = media.split()[3]
    mapping = next(line for line in answer.splitlines() if line.startswith(f"a=rtpmap:{kind} "))
    return mapping.split()[1].partition("/")[0]


async def test_vp8_where_the_file_prefers_it():
    with streamer(FOLDER / "rust.toml", "--source", "pattern") as (_, url):
        async with watching(url, camera="camera2") as viewer:
            assert first_codec(viewer.answer) == "VP8"
            await viewer.next_frame()
            _, stats = await get_json(f"{url}stats")
            (stream,) = stats["streams"]["camera2"]
            assert stream["codec"] == "vp8"
            assert stream["bitrate"] <= 800_000


async def test_each_camera_has_as_many_clients_as_the_file_allows():
    with streamer(FOLDER / "go.toml", "--source", "pattern") as (_, url):
        async with (
            watching(url, camera="camera1"),
            watching(url, camera="camera1"),
            aiohttp.ClientSession() as session,
        ):
            third = WhepViewer(session, f"{url}whep/camera1")
            response = await third.connect()
            await third.connection.close()
            assert response.status == 503
            async with watching(url, camera="camera2") as other:
                await other.next_frame()


async def test_what_the_file_has_no_word_for_is_said_and_viewing_is_open():
    with streamer(FOLDER / "go.toml", "--source", "pattern") as (program, url):
        assert program.output.count("[app] has no meaning here") == 1
        assert program.output.count("[buffers] has no meaning here") == 1
        assert "auth is open and no token is set" in program.output
        _, cameras = await get_json(f"{url}cameras")
        assert cameras["role"] == "view", "driving is never open"
        program.wait_for_output("more than 1 MB (memory_warning)")
        status, health = await get_json(f"{url}health")
        assert status == 200
        open_access, memory = health["warnings"]
        assert "token_file, or see docs/security.md" in open_access
        assert "MB of memory are in use" in memory


async def test_device_timeout_and_statistics_take_effect(tmp_path):
    config = tmp_path / "config.toml"
    config.write_text(
        """
        [server]
        bind_ip = "127.0.0.1"
        [camera1]
        device = "/dev/video98"
        [webrtc]
        timeout = 1000
        [logging]
        stats_log_interval_seconds = 0.5
        """
    )
    with streamer(config) as (program, url):
        assert "there is no camera /dev/video98" in program.output
        program.wait_for_output("captured=")
        program.wait_for_output("viewers=0")
        _, told = await get_json(f"{url}api/config")
        async with connected("go", told["camera1_port"]) as client:
            sdp, _ = await client.offer()
            await client.send_offer(sdp)  # and no candidates
            assert "did not connect within 1 s" in (await client.until_closed())[1]


async def test_with_a_token_it_is_asked_for():
    token = {"PI_WEBRTC_STREAMER_TOKEN_VIEW": "watch-only-0123"}
    with streamer(FOLDER / "go.toml", "--source", "pattern", **token) as (program, url):
        assert "auth is open" not in program.output
        status, _ = await get_json(f"{url}cameras")
        assert status == 401


def test_the_printed_parameters_are_the_same(tmp_path):
    def printed(config: Path, *arguments: str, **environment: str) -> dict:
        command = ["pi-webrtc-streamer", "-config", str(config), "--print-parameters", *arguments]
        with Program(*command, environment=environment) as program:
            assert program.process.wait(30) == 0
            lines = program.output.splitlines()
        said = [line for line in lines if line.startswith(("info: ", "warning: "))]
        return yaml.safe_load("\n".join(line for line in lines if line not in said))

    first = printed(FOLDER / "go.toml")
    again = tmp_path / "robot.yaml"
    again.write_text(yaml.safe_dump(first))
    assert printed(again) == first
    changed = printed(
        FOLDER / "go.toml", "-web-port=9000", "-base-port", "8000", PI_IP="192.0.2.9"
    )["bridge"]["ros__parameters"]
    assert changed["port"] == 9000
    assert (changed["camera1.signalling_port"], changed["camera2.signalling_port"]) == (8000, 8001)
    assert changed["pi_ip"] == "192.0.2.9"
    changed = printed(again, "--base-port", "7000", "--pi-ip", "192.0.2.8", PI_IP="192.0.2.9")
    changed = changed["bridge"]["ros__parameters"]
    assert (changed["camera1.signalling_port"], changed["camera2.signalling_port"]) == (7000, 7001)
    assert changed["pi_ip"] == "192.0.2.8"


def test_errors_are_told_all_at_once_and_nothing_starts(tmp_path):
    config = tmp_path / "config.toml"
    config.write_text('[camera1]\nwidth = "big"\n[webrtc]\nmax-clients = 0\n')
    with Program("pi-webrtc-streamer", "--config", str(config)) as program:
        assert program.process.wait(30) == 1
        assert f'{config}: [camera1] width = "big": expected a whole number' in program.output
        assert f"{config}: [webrtc] max-clients = 0: expected a whole number" in program.output
        assert "Traceback" not in program.output


@pytest.mark.parametrize("port", ["0", "-5", "65536", "x"])
def test_a_base_port_that_is_none(port):
    with Program("pi-webrtc-streamer", "--base-port", port) as program:
        assert program.process.wait(30) == 2
        assert f"{port} is no port from 1 to 65535" in program.output


def test_an_address_that_is_none():
    with Program("pi-webrtc-streamer", "--port", "0", environment={"PI_IP": "no such"}) as program:
        assert program.process.wait(30) == 1
        assert 'pi_ip is "no such"' in program.output
        assert "Traceback" not in program.output


def test_the_log_level_of_the_go_streamer():
    arguments = ["-log-level", "warning", "--source", "pattern", "--port", str(free_port())]
    with Program("pi-webrtc-streamer", *arguments) as program:
        program.wait_for_output("in a browser")
        assert "[INFO]" not in program.output
        assert program.end() == 0
    with Program("pi-webrtc-streamer", "-log-level", "loud") as program:
        assert program.process.wait(30) == 2
        assert "loud is none of debug, info, warn, error, fatal" in program.output
