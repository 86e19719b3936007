"""What is fuzzed: each target takes any bytes, and fails on anything but what its parser documents.

The seeds are good inputs to begin from. This module needs no fuzzer: the tests run the corpus
through the targets as well.
"""

from __future__ import annotations

import array
import asyncio
import json
import math
from collections.abc import Callable
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import simplejpeg
import yaml
from aiortc import RTCPeerConnection
from aiortc.rtp import RtcpPacket, pack_remb_fci
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMessage

from pi_webrtc_streamer.camera.camera_info import CameraInfoError, parse_camera_info
from pi_webrtc_streamer.media.cdr import CdrError, Image, ImageError, read_image
from pi_webrtc_streamer.media.decoder import DecodeError, JpegDecoder
from pi_webrtc_streamer.media.feed import CameraFeed
from pi_webrtc_streamer.media.jpeg import JpegError, read_jpeg_size
from pi_webrtc_streamer.media.rate_control import LEAST_CAPACITY, LinkEstimate
from pi_webrtc_streamer.media.raw_image import encode_jpeg
from pi_webrtc_streamer.settings.bridge import BridgeSettings, settings_of_camera
from pi_webrtc_streamer.settings.camera import CameraSettings
from pi_webrtc_streamer.settings.config_file import parse_config
from pi_webrtc_streamer.settings.parameters import convert
from pi_webrtc_streamer.settings.predecessor.translate import translate
from pi_webrtc_streamer.settings.schema import ConfigError, SettingsError, check, settings_of
from pi_webrtc_streamer.web.legacy.dialects import GO, RUST, dialect_of_message
from pi_webrtc_streamer.web.legacy.messages import Malformed, Offer, Refused, candidates_of
from pi_webrtc_streamer.webrtc.candidates import MOST_CANDIDATES, CandidateError, CandidateFilter
from pi_webrtc_streamer.webrtc.offer import OfferError, check_offer, split_sections
from pi_webrtc_streamer.webrtc.sender import StreamSender
from pi_webrtc_streamer.webrtc.trickle import Fragment, FragmentError, parse_fragment

from .web_targets import bytes_of_connections, connection, visit, visits

MAX_PIXELS = 100_000  # so that a picture takes milliseconds
CEILING = 3_000_000  # bit/s


class Target(NamedTuple):
    """A parser to be fuzzed."""

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


def compressed_image(data: bytes) -> None:
    """Take a CompressedImage, as the subscription does: CDR, the format, and the JPEG's header."""
    feed = CameraFeed("camera", "/topic", max_pixels=MAX_PIXELS)
    feed.accept(data)
    assert feed.received + feed.rejected == 1
    status = feed.status([])
    assert len(status.reason) < 2000
    assert feed.received == 0 or 0 < status.width * status.height <= MAX_PIXELS


def image(data: bytes) -> None:
    """Take an Image and make JPEG of it."""
    with suppress(CdrError, ImageError):
        picture = read_image(data)
        jpeg = encode_jpeg(picture, _refuse, MAX_PIXELS)
        assert read_jpeg_size(memoryview(jpeg)) == (picture.width, picture.height)


def jpeg(data: bytes) -> None:
    """Decode a JPEG as the media thread does."""
    with suppress(JpegError):
        read_jpeg_size(memoryview(data), MAX_PIXELS)
    with suppress(DecodeError):
        frame = JpegDecoder(MAX_PIXELS).decode(memoryview(data))
        assert frame.width * frame.height <= MAX_PIXELS


def offer(data: bytes) -> None:
    """Check an offer, and complete an answer to it."""
    text = data.decode("utf-8", "replace")
    with suppress(OfferError):
        checked = check_offer(text, ["h264", "vp8"], CandidateFilter())
        assert checked.text.count("a=candidate:") <= MOST_CANDIDATES * 8
        sections = split_sections(checked.text)
        assert all(lines[0].startswith(("m=audio ", "m=video ")) for lines in sections[1:])
        completed = split_sections(checked.complete(checked.text))
        offered = split_sections("\r\n".join(text.splitlines()))
        kinds = [[lines[0].split(" ")[0] for lines in each[1:]] for each in (completed, offered)]
        assert kinds[0] == kinds[1]


def trickle(data: bytes) -> None:
    """Read a fragment and choose among its candidates."""
    with suppress(FragmentError, CandidateError):
        fragment = parse_fragment(data.decode("utf-8", "replace"))
        candidates = CandidateFilter()
        taken = {each.line for each in fragment.candidates if candidates.takes(each.line)}
        assert len({tuple(line.split()[4:6]) for line in taken}) <= MOST_CANDIDATES


def signalling(data: bytes) -> None:
    """Read a message of the predecessor's clients in both dialects, and answer with what it has."""
    text = data.decode("utf-8", "replace")
    assert dialect_of_message(text) in (RUST, GO, None)
    for dialect in (RUST, GO):
        event = dialect.read(text)
        if isinstance(event, Offer):
            assert json.loads(dialect.answer(event.sdp))
            candidates_of(event.sdp)
        elif isinstance(event, Fragment):
            for candidate in event.candidates:
                dialect.candidate(candidate.line, 0).encode()
                with suppress(CandidateError):
                    CandidateFilter().takes(candidate.line)
        elif isinstance(event, (Refused, Malformed)):
            dialect.error(event.why).encode()


def feedback(data: bytes) -> None:
    """Learn from a receiver's RTCP; one sender serves all inputs, as one viewer sends many."""
    try:
        packets = RtcpPacket.parse(data)
    except ValueError:
        return
    loop, sender = _sender()
    for packet in packets:
        loop.run_until_complete(sender._handle_rtcp_packet(packet))
    now = loop.time()
    for later in (now, now + 60):
        capacity = sender.link.capacity(later)
        assert math.isfinite(capacity)
        assert LEAST_CAPACITY <= capacity <= CEILING
    assert 0 <= sender.link.loss <= 1
    assert sender.link.round_trip >= 0


def camera_info(data: bytes) -> None:
    """Read a calibration."""
    with suppress(CameraInfoError):
        parse_camera_info(data.decode("utf-8", "replace"), Path("camera.yaml"))


def config(data: bytes) -> None:
    """Read a configuration file, and the settings of its bridge."""
    with suppress(ConfigError, SettingsError):
        content = parse_config(data.decode("utf-8", "replace"), "streamer.yaml")
        given = content.get("bridge", {}).get("ros__parameters", {})
        values = {}
        for name, (about, default) in settings_of(BridgeSettings).items():
            if name in given:
                values[name] = convert(name, given[name], default)
                check(name, values[name], about)
        BridgeSettings(**values)


def config_toml(data: bytes) -> None:
    """Translate a config.toml of the predecessor's, and read the settings that come of it."""
    with suppress(ConfigError):
        nodes = translate(data.decode("utf-8", "replace"), "config.toml").nodes
        bridge = nodes.pop("bridge")
        for name in bridge["cameras"]:
            _read(CameraSettings, {}, nodes.pop(name))
            _read(BridgeSettings, settings_of_camera(name), bridge)
        assert not nodes


def _read(schema: type, further: dict[str, Any], given: dict[str, Any]) -> None:
    """See that a node takes what is given, but for what belongs to other cameras."""
    known = settings_of(schema) | further
    values = {}
    for name, value in given.items():
        if name in known:
            about, default = known[name]
            values[name] = convert(name, value, default)
            check(name, values[name], about)
        else:
            assert name.endswith(".signalling_port"), name
    schema(**{name: value for name, value in values.items() if name not in further})


def _refuse(picture: Image) -> Any:
    raise ImageError(f"cv_bridge was asked for {picture.encoding}")


@cache
def _sender() -> tuple[asyncio.AbstractEventLoop, StreamSender]:
    @contextmanager
    def join(*_: object) -> Any:
        yield None

    async def make() -> StreamSender:
        transceiver = RTCPeerConnection().addTransceiver("video", direction="sendonly")
        sender = StreamSender(transceiver, join, LinkEstimate(CEILING))
        transceiver.sender._ssrc = 1  # that reports can name
        return sender

    loop = asyncio.new_event_loop()
    return loop, loop.run_until_complete(make())


def _jpeg(width: int = 32, height: int = 24) -> bytes:
    encoded: bytes = simplejpeg.encode_jpeg(np.zeros((height, width, 3), np.uint8))
    return encoded


def _compressed_images() -> list[bytes]:
    return [
        serialize_message(CompressedImage(format=name, data=array.array("B", _jpeg())))
        for name in ("jpeg", "bgr8; jpeg compressed bgr8", "png")
    ]


def _images() -> list[bytes]:
    encodings = {"rgb8": 3, "mono8": 1, "mono16": 2, "yuv422": 2, "32FC1": 4, "bayer_rggb8": 1}
    return [
        serialize_message(
            ImageMessage(
                height=4,
                width=6,
                encoding=encoding,
                step=6 * size,
                data=array.array("B", bytes(range(24 * size))),
            )
        )
        for encoding, size in encodings.items()
    ]


def _jpegs() -> list[bytes]:
    return [_jpeg(), _jpeg(16, 16), _jpeg(17, 33)]


def _offers() -> list[bytes]:
    async def make(*kinds: str) -> bytes:
        connection = RTCPeerConnection()
        for kind in kinds:
            if kind == "data":
                connection.createDataChannel("drive")
            else:
                connection.addTransceiver(kind, direction="recvonly")
        await connection.setLocalDescription()
        text: str = connection.localDescription.sdp
        await connection.close()
        # One candidate of the tests' own, instead of this machine's.
        lines = [line for line in text.splitlines() if not line.startswith("a=candidate:")]
        lines += ["a=candidate:1 1 udp 2122260223 192.0.2.7 61764 typ host"]
        return "\r\n".join([*lines, ""]).encode()

    return [
        asyncio.run(make(*kinds))
        for kinds in (["video"], ["audio", "video"], ["video", "data"], ["data", "video"])
    ]


def _fragments() -> list[bytes]:
    return [
        b"a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\n"
        b"a=mid:0\r\na=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0"
        b" ufrag EsAw\r\na=end-of-candidates\r\n",
        b"a=candidate:1 1 UDP 1 2001:db8::7 9000 typ srflx raddr 0.0.0.0 rport 0\r\n"
        b"a=candidate:2 1 tcp 1 192.0.2.1 9 typ host tcptype active\r\n",
    ]


def _messages() -> list[bytes]:
    description = {"type": "offer", "sdp": "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n"}
    candidate = {
        "candidate": "candidate:1 1 udp 2122260223 192.0.2.7 61764 typ host",
        "sdpMid": "0",
        "sdpMLineIndex": 0,
        "usernameFragment": "EsAw",
    }
    messages: list[object] = [
        {"offer": description},
        {"iceCandidate": candidate},
        {"type": "offer", "data": description},
        {"type": "ice-candidate", "data": candidate},
        {"type": "ping"},
    ]
    return [json.dumps(message).encode() for message in messages]


def _feedback() -> list[bytes]:
    report = b"".join(
        [
            b"\x81\xc9\x00\x07\0\0\0\2",  # a receiver report with one block
            b"\0\0\0\1\x40\0\0\x10\0\0\1\0\0\0\0\4\x12\x34\x56\x78\0\1\0\0",
        ]
    )
    remb = pack_remb_fci(1_000_000, [1])
    return [
        report,
        b"\x8f\xce" + (2 + len(remb) // 4).to_bytes(2, "big") + b"\0\0\0\2\0\0\0\0" + remb,
        b"\x81\xcd\x00\x03\0\0\0\2\0\0\0\1\x00\x10\xff\xff",  # NACK
        b"\x81\xce\x00\x02\0\0\0\2\0\0\0\1",  # PLI
        b"\x84\xce\x00\x04\0\0\0\2\0\0\0\0\0\0\0\1\7\0\0\0",  # FIR
    ]


def _calibrations() -> list[bytes]:
    path = Path(__file__).parents[1] / "test" / "nodes" / "calibration.yaml"
    return [path.read_bytes()]


def _configs() -> list[bytes]:
    path = Path(__file__).parents[1] / "config" / "streamer.yaml"
    given = yaml.safe_load(path.read_text())
    return [yaml.safe_dump({"bridge": given["bridge"]}).encode(), yaml.safe_dump(given).encode()]


def _tomls() -> list[bytes]:
    folder = Path(__file__).parents[1] / "test" / "predecessor"
    return [path.read_bytes() for path in sorted(folder.glob("*.toml"))]


TARGETS = {
    "connection": Target(connection, bytes_of_connections),
    "visit": Target(visit, visits),
    "compressed_image": Target(compressed_image, _compressed_images),
    "image": Target(image, _images),
    "jpeg": Target(jpeg, _jpegs),
    "offer": Target(offer, _offers),
    "trickle": Target(trickle, _fragments),
    "signalling": Target(signalling, _messages),
    "feedback": Target(feedback, _feedback),
    "camera_info": Target(camera_info, _calibrations),
    "config": Target(config, _configs),
    "config_toml": Target(config_toml, _tomls),
}
