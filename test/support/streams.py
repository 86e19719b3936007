# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Servers of live streams, in whose pictures their number is written."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
import pytest

from pi_webrtc_streamer.camera import barcode
from pi_webrtc_streamer.camera.jpeg import encode_jpeg
from pi_webrtc_streamer.camera.source import Picture

from .gstreamer import PYTHON
from .waiting import wait_for

RTSP_SERVER = str(Path(__file__).with_name("gstreamer_rtsp.py"))
NEEDED = "import gi; gi.require_version('GstRtspServer', '1.0')"
WIDTH, HEIGHT = 512, 64  # pixels
MILLISECOND = 1_000_000  # ns; a barcode has milliseconds
CLOCK_RATE = 90_000
DATAGRAM = 7 * 188  # bytes

Send = Callable[[bytes, float], object]  # a coded picture, and its stamp in seconds


class Numbered:
    """Makes pictures at a rate, with their numbers in them, and knows when each was made.

    ``clock`` is how fast the clock of their stamps is; 1.01 gains a second in 100.
    """

    def __init__(self, codec: str, rate: float, clock: float = 1.0, size=(WIDTH, HEIGHT)) -> None:
        self.codec, self.rate, self._clock, self._size = codec, rate, clock, size
        self.made: list[int] = []  # when, in ns since the epoch
        self._sinks: list[Send] = []
        self._stopping = threading.Event()
        self._paused = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Numbered:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    @contextmanager
    def sent_to(self, send: Send) -> Iterator[None]:
        """Hand over every picture from now on."""
        self._sinks = [*self._sinks, send]
        try:
            yield
        finally:
            self._sinks = [sink for sink in self._sinks if sink is not send]

    @staticmethod
    def damage(coded: bytes) -> bytes:
        """What becomes of a coded picture on its way; tests replace it."""
        return coded

    @property
    def watched(self) -> bool:
        return bool(self._sinks)

    def pause(self) -> None:
        self._paused.set()

    def resume(self) -> None:
        self._paused.clear()

    def resize(self, width: int, height: int) -> None:
        self._size = width, height

    def _run(self) -> None:
        encode = self._encoder()
        begun = time.monotonic()
        while not self._stopping.is_set():
            number = len(self.made)
            due = begun + number / self.rate
            if self._stopping.wait(max(0.0, due - time.monotonic())):
                return
            self.made.append(time.time_ns())
            stamp = (time.monotonic() - begun) * self._clock
            coded = encode(number)
            coded = self.damage(coded)
            if coded and not self._paused.is_set():
                for send in self._sinks:
                    send(coded, stamp)

    def _encoder(self) -> Callable[[int], bytes]:
        if self.codec == "mjpeg":
            return lambda number: encode_jpeg(self._picture(number), 85)
        size, encode = self._size, self._inter_encoder()

        def encode_anew_if_resized(number: int) -> bytes:
            nonlocal size, encode
            if size != self._size:
                size, encode = self._size, self._inter_encoder()
            return encode(number)

        return encode_anew_if_resized

    def _inter_encoder(self) -> Callable[[int], bytes]:
        codec = av.CodecContext.create(self.codec, "w")
        codec.width, codec.height = self._size
        codec.pix_fmt, codec.time_base = "yuv420p", Fraction(1, CLOCK_RATE)
        codec.framerate = Fraction(self.rate).limit_denominator(1000)
        codec.options = {
            "libx264": {"preset": "ultrafast", "tune": "zerolatency", "g": "5"},
            "libx265": {"preset": "ultrafast", "tune": "zerolatency",
                        "x265-params": "log-level=none:keyint=5:repeat-headers=1"},
        }.get(self.codec, {"g": "5"})  # fmt: skip

        def encode(number: int) -> bytes:
            picture = self._picture(number)
            grey = np.full((picture.height // 2, picture.width), 128, np.uint8)
            frame = av.VideoFrame.from_ndarray(np.vstack([picture.y, grey]), "yuv420p")
            frame.pts = round(number / self.rate * CLOCK_RATE)
            return b"".join(bytes(packet) for packet in codec.encode(frame))

        return encode

    def _picture(self, number: int) -> Picture:
        width, height = self._size
        y = np.full((height, width), 128, np.uint8)
        barcode.draw(y, number * MILLISECOND)
        chroma = np.full((height // 2, width // 2), 128, np.uint8)
        return Picture(y, chroma, chroma, stamp=0)


class MpegTs:
    """Puts coded pictures into MPEG-TS, and that to wherever it goes; a context."""

    def __init__(self, write: Callable[[bytes], object], codec: str) -> None:
        self._container = av.open(
            _Writer(write), "w", format="mpegts", options={"flush_packets": "1"}
        )
        self._stream = self._container.add_stream(codec, rate=30)
        self._stream.width, self._stream.height = WIDTH, HEIGHT
        self._stream.pix_fmt = "yuv420p"

    def send(self, coded: bytes, stamp: float) -> None:
        packet = av.Packet(coded)
        packet.stream = self._stream
        packet.time_base = Fraction(1, CLOCK_RATE)
        packet.pts = packet.dts = round((1 + stamp) * CLOCK_RATE)
        packet.is_keyframe = b"\x00\x00\x01\x67" in coded or b"\x00\x00\x01\x42" in coded
        self._container.mux(packet)


class _Writer:
    def __init__(self, write: Callable[[bytes], object]) -> None:
        self.write = lambda data: (write(bytes(data)), len(data))[1]


@contextmanager
def mpegts_by_udp(numbered: Numbered, codec: str = "libx264") -> Iterator[str]:
    """Send MPEG-TS to a free port; yields the URL at which to listen."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as finder:
        finder.bind(("127.0.0.1", 0))
        address = finder.getsockname()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:

        def write(data: bytes) -> None:
            for begin in range(0, len(data), DATAGRAM):
                sender.sendto(data[begin : begin + DATAGRAM], address)

        with numbered.sent_to(MpegTs(write, codec).send):
            yield f"udp://{address[0]}:{address[1]}"


@contextmanager
def mpegts_by_tcp(numbered: Numbered, codec: str = "libx264") -> Iterator[str]:
    """Send MPEG-TS to the first who connects; yields the URL."""
    with ExitStack() as running, socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection = running.enter_context(server.accept()[0])

            def write(data: bytes) -> None:
                with suppress(OSError):
                    connection.sendall(data)

            running.enter_context(numbered.sent_to(MpegTs(write, codec).send))

        threading.Thread(target=serve, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


BYTE_STREAM = "stream-format=byte-stream,alignment=au"
PAYLOADERS = {
    "libx264": (f"video/x-h264,{BYTE_STREAM}", "h264parse ! rtph264pay config-interval=-1"),
    "libx265": (f"video/x-h265,{BYTE_STREAM}", "h265parse ! rtph265pay config-interval=-1"),
    "mjpeg": ("image/jpeg", "jpegparse ! rtpjpegpay"),
}


@contextmanager
def rtsp(numbered: Numbered, *login: str) -> Iterator[str]:
    """Serve by GStreamer's RTSP server; yields the URL, without the login."""
    if subprocess.run([PYTHON, "-I", "-c", NEEDED], capture_output=True, check=False).returncode:
        pytest.skip("there is no RTSP server (tools/gstreamer)")
    process = subprocess.Popen(
        [PYTHON, "-I", RTSP_SERVER, *PAYLOADERS[numbered.codec], *login],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )

    def send(coded: bytes, stamp: float) -> None:
        header = len(coded).to_bytes(4, "big") + round(1e9 * stamp).to_bytes(8, "big")
        process.stdin.write(header + coded)
        process.stdin.flush()

    try:
        port = int(process.stdout.readline())
        with numbered.sent_to(send):
            yield f"rtsp://127.0.0.1:{port}/camera"
    finally:
        process.kill()
        process.wait()


class Response:
    """What a handler writes: a status, headers, and then whatever it wants."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self._handler = handler
        self.headers = handler.headers
        self.path = handler.path
        self._gone = threading.Event()

    def begin(self, status: int = 200, **headers: str) -> None:
        self._handler.send_response(status)
        for name, value in headers.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.end_headers()

    def write(self, data: bytes) -> None:
        if self._gone.is_set():
            return
        try:
            self._handler.wfile.write(data)
        except OSError:
            self._gone.set()

    def chunk(self, data: bytes) -> None:
        """Write a piece with its length before it (RFC 9112, 7.1)."""
        self.write(b"%x\r\n%s\r\n" % (len(data), data))

    def wait(self) -> None:
        """Wait until nobody reads any more."""
        self._gone.wait()

    def leave(self) -> None:
        self._gone.set()

    def end(self) -> None:
        """Close the connection."""
        self._handler.connection.shutdown(socket.SHUT_RDWR)
        self._gone.set()  # not before: the handler closes it then


@contextmanager
def http(answer: Callable[[Response], object]) -> Iterator[str]:
    """Serve by HTTP/1.1, each connection in a thread; yields the URL."""
    with ExitStack() as running:
        responses: list[Response] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.close_connection = True
                responses.append(response := Response(self))
                answer(response)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        running.callback(server.server_close)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        running.callback(thread.join)
        running.callback(server.shutdown)
        running.callback(lambda: [response.leave() for response in responses])
        yield f"http://127.0.0.1:{server.server_port}/"


def multipart(
    numbered: Numbered, boundary: str = "frame", announced: str | None = None, lengths: bool = True
) -> Callable[[Response], None]:
    """Answer with MJPEG, as most cameras do: ``announced`` is what the header says of the boundary.

    Without ``lengths``, only the next boundary says where a picture ends.
    """

    def answer(response: Response) -> None:
        said = boundary if announced is None else announced
        response.begin(Content_Type=f"multipart/x-mixed-replace; boundary={said}")

        def send(coded: bytes, _: float) -> None:
            length = f"Content-Length: {len(coded)}\r\n" if lengths else ""
            part = f"--{boundary}\r\nContent-Type: image/jpeg\r\n{length}\r\n"
            response.write(part.encode() + coded + b"\r\n")

        with numbered.sent_to(send):
            response.wait()

    return answer


def mpegts_by_http(
    numbered: Numbered, chunked: bool, codec: str = "libx264"
) -> Callable[[Response], None]:
    """Answer with MPEG-TS without an end: in chunks, or until the connection is closed."""

    def answer(response: Response) -> None:
        headers = {"Transfer_Encoding": "chunked"} if chunked else {}
        response.begin(Content_Type="video/mp2t", **headers)
        write = response.chunk if chunked else response.write
        with numbered.sent_to(MpegTs(write, codec).send):
            response.wait()

    return answer


def number_in(picture: Picture) -> int:
    """Read a picture's number."""
    return barcode.read(picture.y)


def number_in_luma(luma: bytes, width: int) -> int:
    """Read the number of a picture of which there are the rows of luma."""
    return barcode.read(np.frombuffer(luma, np.uint8).reshape(-1, width))


def shown(source, count: int) -> Iterator[Picture]:
    """Take so many pictures from a source that runs; each is lent until the next."""
    while count:
        with source.capture() as picture:
            if picture is not None:
                count -= 1
                yield picture


def started(numbered: Numbered) -> None:
    """Wait until something is sent to somebody."""
    wait_for(lambda: numbered.watched, "somebody who watches")
