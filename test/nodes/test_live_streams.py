# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Live streams by URL, from servers that are real."""

import base64
import logging
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from itertools import cycle
from statistics import median

import pytest

from pi_webrtc_streamer.camera import byte_stream, capture, live_stream
from pi_webrtc_streamer.camera.capture import CaptureThread
from pi_webrtc_streamer.camera.opening import open_source
from pi_webrtc_streamer.camera.source import SourceError
from pi_webrtc_streamer.camera.stream_opening import open_stream
from pi_webrtc_streamer.camera_node import CameraNode
from pi_webrtc_streamer.settings.camera import CameraSettings
from support.diagnostics import ERROR, OK, Monitor
from support.nodes import running
from support.pictures import captured, jpeg, write_video
from support.program import free_port, free_udp_port, node
from support.streams import (
    Numbered,
    http,
    mpegts_by_http,
    mpegts_by_tcp,
    mpegts_by_udp,
    multipart,
    number_in,
    rtsp,
    shown,
)
from support.waiting import wait_for

RATE = 10.0
# Pictures that the server may have made since the one that is shown: a loaded machine may take some
# of them. Read at the pace of its stamps, a stream stands at 20 and more.
AHEAD = 4
SETTLED = 4  # pictures
H264, H265, JPEG = "libx264", "libx265", "mjpeg"
KINDS = {
    "MJPEG by HTTP": (JPEG, lambda made: http(multipart(made)), "tcp"),
    "MJPEG by HTTP without lengths": (
        JPEG,
        lambda made: http(multipart(made, lengths=False)),
        "tcp",
    ),
    "MPEG-TS by HTTP": (H264, lambda made: http(mpegts_by_http(made, chunked=False)), "tcp"),
    "MPEG-TS by HTTP in chunks": (H264, lambda made: http(mpegts_by_http(made, True)), "tcp"),
    "MPEG-TS by UDP": (H264, mpegts_by_udp, "tcp"),
    "MPEG-TS by TCP": (H264, mpegts_by_tcp, "tcp"),
    "H.264 by RTSP, TCP": (H264, rtsp, "tcp"),
    "H.264 by RTSP, UDP": (H264, rtsp, "udp"),
    "H.265 by RTSP, TCP": (H265, rtsp, "tcp"),
    "MJPEG by RTSP, UDP": (JPEG, rtsp, "udp"),
}


@contextmanager
def opened(location, transport="tcp"):
    """Open what is at a URL, and start it, for the length of a context."""
    source = open_source(CameraSettings(source=location, rtsp_transport=transport)).source
    try:
        source.start()
        yield source
    finally:
        source.close()


def refusal(location) -> str:
    """Return why a stream cannot be opened."""
    with pytest.raises(SourceError) as refused:
        open_source(CameraSettings(source=location))
    return str(refused.value)


def nobody_reads() -> bool:
    return "live-stream" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize(("kind", "clock"), zip(KINDS, cycle([0.99, 1.01])))
def test_the_newest_picture_is_shown_and_its_stamp_is_true(kind, clock):
    codec, serve, transport = KINDS[kind]
    with Numbered(codec, RATE, clock) as made, serve(made) as url, opened(url, transport) as source:
        assert source.description.startswith(f'"{url}"')
        assert source.description.endswith(", live")
        numbers, behind, off = [], [], []
        for picture in shown(source, 12):
            numbers.append(number := number_in(picture))
            behind.append(len(made.made) - 1 - number)
            off.append(abs(picture.stamp - made.made[number]) * RATE / 1e9)
        assert numbers == sorted(set(numbers)), "each is shown once, and whole"
        assert median(behind[SETTLED:]) <= AHEAD
        assert median(off[SETTLED:]) < AHEAD / 2, "periods"
    assert nobody_reads()


def test_a_stream_faster_than_its_stamps_say_does_not_fall_behind():
    """FFmpeg takes MJPEG by HTTP for 25 pictures a second, whatever comes."""
    with Numbered(JPEG, 60.0) as made, http(multipart(made)) as url, opened(url) as source:
        for picture in shown(source, 120):
            number = number_in(picture)
        assert len(made.made) - number < 20


def test_nothing_is_shown_from_when_nobody_captured():
    with Numbered(JPEG, RATE) as made, http(multipart(made)) as url, opened(url) as source:
        next(shown(source, 1))
        source.stop()
        wait_for(lambda: not made.watched, "the end of the connection")
        until = len(made.made) + 5
        wait_for(lambda: len(made.made) >= until, "pictures that nobody sees")
        source.start()
        assert number_in(next(shown(source, 1))) >= until - 1


@pytest.mark.parametrize(("codec", "serve"), [(JPEG, multipart), (H264, mpegts_by_http)])
def test_the_size_may_change(codec, serve):
    arguments = () if codec is JPEG else (True,)
    with Numbered(codec, RATE) as made, http(serve(made, *arguments)) as url, opened(url) as source:
        assert next(shown(source, 1)).width == 512
        made.resize(640, 96)
        wide = next(picture for picture in shown(source, 100) if picture.width == 640)
        assert wide.height == 96
        assert number_in(wide) <= len(made.made)


@pytest.mark.parametrize(
    ("boundary", "announced"),
    [
        ("x", '"x"'),
        ("--x", "--x"),
        ("x", "--x"),
        ("x y'()+_,-./:=?", '"x y\'()+_,-./:=?"'),
        ("x", ""),
    ],
)
def test_boundaries_as_cameras_have_them(boundary, announced):
    with (
        Numbered(JPEG, RATE) as made,
        http(multipart(made, boundary, announced)) as url,
        opened(url) as source,
    ):
        first, second = (number_in(picture) for picture in shown(source, 2))
        assert first < second


def test_a_stream_that_the_server_ends_says_so():
    leaving = threading.Event()

    def answer(response):
        threading.Thread(target=lambda: (leaving.wait(), response.leave()), daemon=True).start()
        multipart(made)(response)

    with Numbered(JPEG, RATE) as made, http(answer) as url, opened(url) as source:
        next(shown(source, 1))
        leaving.set()
        with pytest.raises(SourceError, match=r"127\.0\.0\.1:\d+/\" was ended by the server"):
            list(shown(source, 100))


@pytest.mark.parametrize(
    ("codec", "serve"), [(JPEG, lambda made: http(multipart(made))), (H264, rtsp)]
)
def test_a_server_that_stalls_is_noticed(codec, serve, monkeypatch):
    monkeypatch.setattr(live_stream, "PATIENCE", 0.5)
    with Numbered(codec, RATE) as made, serve(made) as url, opened(url) as source:
        next(shown(source, 1))
        made.pause()
        with pytest.raises(SourceError, match="has sent nothing for 5 s; check"):
            list(shown(source, 100))


def test_what_cannot_be_decoded_is_noticed(monkeypatch):
    monkeypatch.setattr(live_stream, "LONGEST_BLIND", 0.5)
    with Numbered(JPEG, RATE) as made, http(multipart(made)) as url, opened(url) as source:
        next(shown(source, 1))
        monkeypatch.setattr(made, "damage", lambda _: b"\xff\xd8no picture\xff\xd9")
        with pytest.raises(
            SourceError, match=r"nothing for .* that can be decoded; let the camera"
        ):
            list(shown(source, 100))


def test_a_picture_that_is_too_large_is_not_decoded(monkeypatch):
    monkeypatch.setattr(live_stream, "LONGEST_BLIND", 0.5)
    with Numbered(JPEG, RATE) as made, http(multipart(made)) as url, opened(url) as source:
        next(shown(source, 1))
        size = (60_000).to_bytes(2, "big")
        monkeypatch.setattr(
            made,
            "damage",
            lambda coded: re.sub(rb"(\xff\xc0.{3}).{4}", rb"\g<1>" + 2 * size, coded),
        )
        with pytest.raises(SourceError, match="that can be decoded"):
            list(shown(source, 100))


def test_a_server_that_comes_back_is_shown_again(monkeypatch):
    monkeypatch.setattr(capture, "RETRY_AFTER", 0.05)
    monkeypatch.setattr(live_stream, "PATIENCE", 0.5)
    numbers: list[int] = []

    def reopen(given_up):
        thread._source.close()
        return open_source(settings, given_up).source

    with Numbered(H264, RATE) as made, mpegts_by_udp(made) as url:
        settings = CameraSettings(source=url)
        source = open_source(settings).source
        thread = CaptureThread(source, reopen, lambda picture: numbers.append(number_in(picture)))
        wait_for(lambda: len(numbers) > 3, "pictures")
        made.pause()
        wait_for(lambda: thread.failure, "a failure")
        assert "has sent nothing" in thread.failure
        made.resume()
        wait_for(lambda: thread.reopened, "another connection", 60)
        before = len(numbers)
        wait_for(lambda: len(numbers) > before, "pictures again")
        thread.close()
        thread._source.close()
    assert thread.last_failure


@pytest.mark.parametrize(
    ("codec", "serve"), [(JPEG, lambda made: http(multipart(made))), (H264, rtsp)]
)
def test_a_node_whose_server_stalls_ends_well(codec, serve):
    """What still reads then must not be hurt by the process's end."""
    with (
        Numbered(codec, RATE) as made,
        serve(made) as url,
        node("camera_node", f"source:={url}") as camera,
    ):
        camera.wait_for_output("active")
        made.pause()
        camera.end(signal.SIGINT)
        assert camera.process.returncode == 0


# What ffmpeg sends.


TEST_PICTURE = ("-re", "-f", "lavfi", "-i", "testsrc=size=640x480:rate=25")
QUICK = ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "10")
REORDERED = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25")


@contextmanager
def sent_by_ffmpeg(*arguments):
    """Have ffmpeg send a test picture at 25 pictures/s for the length of a context."""
    if (ffmpeg := shutil.which("ffmpeg")) is None:
        pytest.skip("there is no ffmpeg (tools/players)")
    process = subprocess.Popen(
        [ffmpeg, "-loglevel", "quiet", "-nostdin", *TEST_PICTURE, *arguments],
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def test_rtp_that_an_sdp_file_describes(tmp_path):
    described = tmp_path / "camera.sdp"
    to = f"rtp://127.0.0.1:{free_udp_port()}"
    with sent_by_ffmpeg(*QUICK, "-f", "rtp", "-sdp_file", str(described), to):
        wait_for(lambda: described.exists() and described.read_text(), "what ffmpeg says it sends")
        with opened(str(described)) as source:
            assert source.description.endswith("h264, live")
            assert [picture.width for picture in shown(source, 3)] == [640] * 3


@pytest.mark.parametrize(
    ("codec", "form", "scheme"),
    [
        (REORDERED, "mpegts", "udp"),
        (("-c:v", "mpeg4", "-g", "10"), "mpegts", "udp"),
        (QUICK, "flv", "rtmp"),
        (QUICK, "h264", "tcp"),
        (("-c:v", "mjpeg"), "mjpeg", "tcp"),
    ],
)
def test_other_streams_are_shown_with_stamps_that_go_forward(codec, form, scheme):
    url = udp_url() if scheme == "udp" else f"{scheme}://127.0.0.1:{free_port()}"
    url += "/live/camera" if scheme == "rtmp" else ""
    listening = {"rtmp": ("-listen", "1", url), "tcp": (f"{url}?listen=1",), "udp": (url,)}
    with sent_by_ffmpeg(*codec, "-f", form, *listening[scheme]), when_there(url) as source:
        before = time.time_ns()
        stamps = [picture.stamp for picture in shown(source, 10)]
        assert sorted(stamps) == stamps
        assert stamps[-1] <= time.time_ns()
        assert stamps[-1] > before - 1e9


def udp_url() -> str:
    return f"udp://127.0.0.1:{free_udp_port()}"


@contextmanager
def when_there(url):
    """Open a stream as soon as it can be had."""

    def attempt():
        try:
            return open_source(CameraSettings(source=url)).source
        except SourceError:
            return None

    source = wait_for(attempt, url)
    try:
        source.start()
        yield source
    finally:
        source.close()


# Refusals.


def test_what_is_wrong_is_said_in_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(byte_stream, "PATIENCE", 0.3)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{taken.getsockname()[1]}"
        for scheme in ("http", "rtsp", "tcp", "rtmp"):
            said = refusal(f"{scheme}://{nobody}/a")
            assert said.startswith(
                f'"{scheme}://{nobody}/a" refuses the connection; check the port'
            )
    for scheme in ("http", "rtsp", "rtsps", "srt"):
        assert "check the name of the host" in refusal(f"{scheme}://nowhere.invalid/a")
    with http(lambda response: response.begin(404, Content_Length="0")) as url:
        assert "has nothing at this path" in refusal(url)
    with http(lambda response: response.begin(500, Content_Length="0")) as url:
        assert refusal(url) == f'"{url}" answers with status 500'
    with http(lambda response: (response.begin(), response.write(b"<html>" * 100))) as url:
        assert "sends nothing that can be read as a video" in refusal(url)
    with http(lambda response: response.wait()) as url:
        assert "has sent nothing" in refusal(url)
    with http(lambda response: response.write(b"SSH-2.0-Server\r\n")) as url:
        assert "does not speak HTTP" in refusal(url)
    assert "does not know the protocol" in refusal("srt://127.0.0.1:1")
    assert "does not know the protocol" in refusal("nonsense://127.0.0.1:1")
    for wrong in (
        "rtsp://robot:s3c/ret@127.0.0.1/a",
        "http://127.0.0.1:port/",
        "http:///a",
        "rtsp://",
    ):
        said = refusal(wrong)
        assert "is no URL that can be read; in a user or password, %40 stands for @" in said
        assert "s3c" not in said
    for waits in (f"rtp://127.0.0.1:{free_udp_port()}", f"tcp://127.0.0.1:{free_port()}?listen=1"):
        assert "has sent nothing" in refusal(waits)
    with http(sha256) as url:
        assert "wants a password in a way that is not known here" in refusal(url)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"udp://127.0.0.1:{taken.getsockname()[1]}"
        assert refusal(url) == f'"{url}" cannot be opened as a video: Address already in use'
    assert "Cannot assign requested address" in refusal("udp://192.0.2.1:1234")


def sha256(response):
    challenge = 'Digest realm="camera", nonce="1234", qop="auth", algorithm=SHA-512-256'
    response.begin(401, WWW_Authenticate=challenge, Content_Length="0")


def test_a_path_may_have_what_should_have_been_escaped():
    paths = []

    def answer(response):
        paths.append(response.path)
        multipart(made)(response)

    with (
        Numbered(JPEG, RATE) as made,
        http(answer) as url,
        opened(f"{url}a b/ü%2F?c=d e") as source,
    ):
        next(shown(source, 1))
    assert paths == ["/a%20b/%C3%BC%2F?c=d%20e"]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_file_by_http_is_looped_at_its_own_pace(chunked, tmp_path):
    path = tmp_path / "video.mp4"
    write_video(path, levels=[40, 120, 200] * (200 if chunked else 1))
    data = path.read_bytes()

    def answer(response):
        if chunked:
            response.begin(Content_Type="video/mp4", Transfer_Encoding="chunked")
            response.chunk(data)
            response.chunk(b"")
        else:
            response.begin(Content_Type="video/mp4", Content_Length=str(len(data)))
            response.write(data)

    with http(answer) as url, opened(url) as source:
        assert source.description.endswith("looped")
        levels = [round(float(picture.y.mean()), -1) for picture in captured(source, 4)]
        assert levels[3] == levels[0]


def test_a_snapshot_by_http_is_one_picture():
    def answer(response):
        response.begin(Content_Type="image/jpeg", Content_Length=str(len(picture)))
        response.write(picture)

    picture = jpeg(64, 48, 120)
    with http(answer) as url, opened(url) as source:
        assert source.description.endswith("64x48, one picture")
        assert captured(source, 2)[1].y.shape == (48, 64)


def test_pixels_that_are_not_square_are_made_so():
    with (
        sent_by_ffmpeg(*QUICK, "-vf", "setsar=2/1", "-f", "mpegts", url := udp_url()),
        when_there(url) as source,
    ):
        assert [(picture.width, picture.height) for picture in shown(source, 2)] == [
            (1280, 480)
        ] * 2


def test_whoever_gives_up_waits_for_no_server():
    given_up = threading.Event()
    with http(lambda response: response.wait()) as url:
        threading.Timer(0.1, given_up.set).start()
        with pytest.raises(SourceError, match="is not waited for any more"):
            open_stream(CameraSettings(source=url), given_up)
        opening = [thread for thread in threading.enumerate() if thread.name == "stream-opening"]
        assert opening, "it is left behind"
    wait_for(lambda: not any(thread.is_alive() for thread in opening), "the end of the opening")


def test_what_is_opened_too_late_is_closed():
    given_up, late = threading.Event(), threading.Event()
    with Numbered(JPEG, RATE) as made:

        def answer(response):
            late.wait()
            multipart(made)(response)

        with http(answer) as url:
            threading.Timer(0.1, given_up.set).start()
            with pytest.raises(SourceError, match="is not waited for any more"):
                open_stream(CameraSettings(source=url), given_up)
            late.set()
            wait_for(lambda: made.watched, "the late answer")
            wait_for(lambda: not made.watched, "the end of its connection")


# Passwords.

USER, PASSWORD = "robot", "s3cret/@#"
IN_URL = "robot:s3cret%2F%40%23@"
SECRETS = ("s3cret", base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())


def basic(made):
    def answer(response):
        expected = f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"
        if response.headers.get("Authorization") == expected:
            multipart(made)(response)
        else:
            response.begin(401, WWW_Authenticate='Basic realm="camera"', Content_Length="0")

    return answer


def digest(made):
    def answer(response):
        if f'username="{USER}"' in response.headers.get("Authorization", ""):
            multipart(made)(response)
        else:
            challenge = 'Digest realm="camera", nonce="1234", qop="auth", algorithm=MD5'
            response.begin(401, WWW_Authenticate=challenge, Content_Length="0")

    return answer


@pytest.mark.parametrize("protect", [basic, digest])
def test_a_password_for_http_is_used_and_never_said(protect, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    with Numbered(JPEG, RATE) as made, http(protect(made)) as url:
        with opened(url.replace("//", f"//{IN_URL}")) as source:
            next(shown(source, 1))
            assert source.description.startswith(f'"{url}"')
            said = source.description + str(source.hardware_id)
        said += refusal(url)
        said += refusal(url.replace("//", "//other:s3cret@"))
        assert "wants a user and a password" in said
    assert not any(secret in said + caplog.text + str(capfd.readouterr()) for secret in SECRETS)


def test_a_password_for_rtsp_is_used_and_never_said(caplog, capfd):
    caplog.set_level(logging.DEBUG)
    with Numbered(H264, RATE) as made, rtsp(made, USER, PASSWORD) as url:
        with opened(url.replace("//", f"//{IN_URL}")) as source:
            next(shown(source, 1))
            said = source.description + str(source.hardware_id)
        said += refusal(url.replace("//", "//robot:s3cret@"))
        assert "wants a user and a password" in said
    assert not any(secret in said + caplog.text + str(capfd.readouterr()) for secret in SECRETS)


def test_a_camera_node_says_no_password(node, monkeypatch, capfd):
    monkeypatch.setattr(live_stream, "PATIENCE", 0.5)
    with Numbered(JPEG, RATE) as made, http(multipart(made)) as url, Monitor(node) as monitor:
        location = url.replace("//", f"//{IN_URL}") + "video?channel=1&token=s3cret"
        camera = CameraNode(overrides={"source": location, "diagnostic_period": 0.2})
        with running(camera):
            values = monitor.wait_for("camera: capture", OK, " pictures/s")
            said = str(values) + str(monitor.newest["camera: capture"])
            assert f"{url}video?channel=1&token=..." in said
            made.pause()
            said += str(monitor.wait_for("camera: capture", ERROR, "has sent nothing"))
    assert not any(secret in said + str(capfd.readouterr()) for secret in SECRETS)
