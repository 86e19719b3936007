# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Connections to live streams: what is there, by what the URL and the server say."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

import av
from av.container import InputContainer
from av.error import FFmpegError, InvalidDataError
from av.video.stream import VideoStream

from ..runtime.owning import Owned
from ..settings.camera import LARGEST_SIDE
from .byte_stream import SOCKET_BUFFER, ByteStream, ask_http, connect_tcp, listen_udp
from .location import is_url, without_password
from .rejoining import Arrived, Rejoining
from .source import SourceError
from .stream_errors import PATIENCE, NoVideoError, UrlError, what_is_wrong

# Nothing is read ahead to guess rates, and no packet waits for others from which its stamp could
# be computed.
AT_ONCE = {
    "fflags": "-genpts+nofillin",
    "analyzeduration": "1",  # microseconds; 0 would be FFmpeg's own choice
    "fpsprobesize": "0",
    "max_ts_probe": "0",
    "max_pixels": str(LARGEST_SIDE**2),
}
# A packet is a picture as a rule; a parser would wait for the next one to say that it is whole.
MPEG_TS = {"fflags": AT_ONCE["fflags"] + "+noparse"}
WITH_HOST = ("http", "https", "tcp", "udp", "rtsp", "rtsps", "rtmp", "rtmps")
PORTS = {"rtsp": 554, "rtsps": 322, "rtmp": 1935, "rtmps": 443}
LONGEST_PART = 10.0  # seconds; of live MP4, the length of what came first is known
# FFmpeg's own, in microseconds. PyAV's would have it call Python from a thread that may be left
# behind, and that crashes when the process ends.
MICROSECONDS = str(round(1e6 * PATIENCE))
# These take it from their URL alone; tcp, which is left to FFmpeg when it listens, in milliseconds.
PATIENCE_IN_URL = {"rtp": f"timeout={MICROSECONDS}", "tcp": f"listen_timeout={1e3 * PATIENCE:.0f}"}
RTP = {
    "probesize": "32",  # bytes: a key frame is waited for later
    "max_delay": "50000",  # microseconds for which a packet is waited for that others overtook
    "buffer_size": str(SOCKET_BUFFER),
}
# Here FFmpeg does not say where a picture ends in RTP. A parser waits for the next one's beginning.
WAITED = 0.005  # seconds; so long something was waited for
JOINED = ("h264", "hevc", "mpeg4")


class Connection:
    """An open live stream: its pictures, coded, and when each of them began to come.

    ``stream`` is what the container is read from, ``rtp`` whether it is RTP.
    """

    def __init__(
        self,
        container: InputContainer,
        owned: Owned,
        stream: ByteStream | None = None,
        rtp: bool = False,
    ) -> None:
        self.video: VideoStream = container.streams.video[0]
        self.video.thread_type = "NONE"  # frame threads would hold pictures back
        self.video.codec_context.options = {"max_pixels": AT_ONCE["max_pixels"]}
        self._container = container
        self._bytes = stream
        self._joined = rtp and self.video.codec_context.name in JOINED
        self._begun: float | None = None  # when the next picture began to come, if that is known
        self._owned = owned

    def pictures(self) -> Iterator[Arrived | None]:
        """Read on; yields what is of the video, and None when the next packet is read."""
        rejoining = Rejoining()
        asked = time.monotonic()
        for packet in self._container.demux():
            if packet.stream is self.video and packet.size:
                at, known = self._arrival(packet.pos, asked)
                arrived = Arrived(packet, at, known)  # type: ignore[arg-type]  # of the video's stream
                if self._joined:
                    yield from rejoining.add(arrived)
                else:
                    yield arrived
            yield None
            asked = time.monotonic()

    def close(self) -> None:
        """End it; safe to call twice."""
        self._owned.close()

    def _arrival(self, position: int | None, asked: float) -> tuple[float, bool]:
        """Return when what was asked for began to come, and whether that is known."""
        now = time.monotonic()
        begun = now if now - asked > WAITED else None  # what nobody waited for had come before
        if self._bytes is not None and position is not None:
            begun = self._bytes.arrivals.at(position)
        elif self._joined:  # what was waited for was the beginning of the next one
            begun, self._begun = self._begun, begun
        return (now, False) if begun is None else (begun, True)


def connect(location: str, rtsp_transport: str) -> Connection | None:
    """Connect to a live stream; None if a file is there, to be shown at the pace of its own stamps.

    :raises SourceError: if there is none; the text says why, and what to do.
    """
    name = shown(location)
    try:
        return _connect(location, rtsp_transport)
    except (FFmpegError, OSError, ValueError) as error:
        # Without the cause: its text and its trace may have the password.
        raise SourceError(f"{name} {what_is_wrong(error)}") from None
    except Exception as error:
        if type(error).__module__ != "http.client":  # which is loaded for HTTP alone
            raise
        raise SourceError(f"{name} does not speak HTTP; is it the right port?") from None


def shown(location: str) -> str:
    """Return what a stream is called in messages."""
    return f'"{without_password(location)}"'


def _connect(location: str, rtsp_transport: str) -> Connection | None:
    parts = _parts(location)
    if is_url(location) and parts.hostname:
        socket.getaddrinfo(parts.hostname, None)  # FFmpeg would say: input/output error
    if parts.scheme in ("http", "https"):
        answer = ask_http(location)
        return None if answer.stream is None else _by_bytes(answer.stream, answer.format)
    if parts.scheme == "tcp" and not parts.query:  # it has FFmpeg's options, such as listen
        return _by_bytes(connect_tcp(location))
    if parts.scheme == "udp":
        return _by_bytes(listen_udp(location))
    return _by_ffmpeg(location, parts.scheme, rtsp_transport)


def _parts(location: str) -> SplitResult:
    try:
        parts = urlsplit(location)
        if parts.port is None and parts.hostname is None and parts.scheme in WITH_HOST:
            raise UrlError
    except ValueError:  # a port that is no number
        raise UrlError from None
    return parts


def _by_bytes(stream: ByteStream, form: str | None = None) -> Connection | None:
    with Owned() as owned:
        owned.at_end("a live stream's bytes", stream.close)
        options = AT_ONCE | MPEG_TS if stream.is_mpegts() else AT_ONCE
        container = owned.take(
            "a live stream's container",
            lambda: av.open(stream, "r", form, options=options),
            InputContainer.close,
        )
        _require_video(container)
        if (container.duration or 0) > LONGEST_PART * av.time_base:
            return None  # a file, by a server that does not tell its length
        return Connection(container, owned.pop_all(), stream)


def _by_ffmpeg(location: str, scheme: str, rtsp_transport: str) -> Connection:
    """Leave the network to FFmpeg, too."""
    options = AT_ONCE | {"rw_timeout": MICROSECONDS}
    described = not is_url(location)  # by an SDP file
    rtp = described or scheme in ("rtsp", "rtsps", "rtp")
    if rtp:
        options |= RTP
    if described:
        options["protocol_whitelist"] = "file,udp,rtp"
    if (patience := PATIENCE_IN_URL.get(scheme)) is not None:
        location += ("&" if "?" in location else "?") + patience
    if scheme in ("rtsp", "rtsps"):
        options |= {
            "rtsp_transport": rtsp_transport,
            "allowed_media_types": "video",
            "timeout": MICROSECONDS,
        }
    begun = time.monotonic()
    with Owned() as owned:
        try:
            container = owned.take(
                "a live stream's container",
                lambda: av.open(location, options=options),
                InputContainer.close,
            )
        except InvalidDataError:  # whatever went wrong, with RTSP
            if time.monotonic() - begun >= PATIENCE:
                raise TimeoutError from None
            _check_that_somebody_listens(location)
            raise
        _require_video(container)
        return Connection(container, owned.pop_all(), rtp=rtp)


def _check_that_somebody_listens(location: str) -> None:
    parts = urlsplit(location)
    if (port := parts.port or PORTS.get(parts.scheme)) is not None:
        socket.create_connection((parts.hostname, port), PATIENCE).close()


def _require_video(container: InputContainer) -> None:
    if not container.streams.video:
        raise NoVideoError
