# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A camera in one codec and tier: pictures in, access units out."""

from __future__ import annotations

import time
from typing import Protocol

from av.error import FFmpegError
from av.video.frame import VideoFrame

from . import live
from .codec import AccessUnit, Codec, StreamSettings
from .encoder import Encoder, open_encoder
from .frame_counts import StreamCounts
from .keyframes import KeyframeGate
from .packetiser import AROUND_PAYLOAD, H264Packetiser, Packetiser, Vp8Packetiser
from .sizes import Size, divided, fitted
from .stages import StageTimes
from .tiers import Tier

# Requests that come closer together than this share one key frame: each costs as much as several
# other pictures, and every viewer gets it.
KEYFRAME_INTERVAL = 0.3  # seconds
# An encoder that fails is replaced at once; if the new one fails at its first picture, too, the
# next one has to wait: opening one takes as long as encoding some pictures.
REBUILD_AFTER = 1.0  # seconds


class EncoderFailed(Exception):
    """A picture could not be encoded; the text says why."""


class StreamSink(Protocol):
    """Takes a stream's access units to its viewers."""

    @property
    def full(self) -> bool:
        """Whether a picture would only wait before every viewer's link; may be asked anywhere."""
        ...

    @property
    def ready(self) -> bool:
        """Whether the last unit has been taken: a picture is only encoded when it has."""
        ...

    def deliver(self, unit: AccessUnit) -> None:
        """Take a unit; called in the media thread, so it must not wait."""
        ...


class Picture:
    """A decoded picture, and what it is scaled to, once for all who want that size."""

    def __init__(self, frame: VideoFrame, times: StageTimes) -> None:
        self.times = times
        self._frame = frame
        self._scaled = {Size(frame.width, frame.height): frame}
        live.pictures.add(self)

    def divided(self, divisor: int) -> VideoFrame:
        """Return the picture as receivers can show it, with its sides divided."""
        size = divided(fitted(self._frame.width, self._frame.height), divisor)
        if size not in self._scaled:
            self._scaled[size] = self._frame.reformat(
                width=size.width, height=size.height, interpolation="FAST_BILINEAR"
            )
        return self._scaled[size]


class EncodedStream:
    """One codec and tier of one camera: an encoder, a packetiser, and who takes its units.

    ``bitrate``, in bit/s, may be set from any thread; it takes effect at the next picture. So may
    ``tier``, to one of the same size: then with a new encoder, and a key frame.
    ``seconds`` is what scaling and encoding have taken so far.
    """

    def __init__(
        self, codec: Codec, tier: Tier, settings: StreamSettings, sink: StreamSink
    ) -> None:
        self.codec = codec
        self.tier = tier
        self.keyframes = KeyframeGate(KEYFRAME_INTERVAL)
        self.bitrate = tier.highest
        self.encoded = 0
        self.skipped = 0
        self.withheld = 0
        self.failed = 0
        self.seconds = 0.0
        self._settings = settings
        self._sink = sink
        self._encoder: Encoder | None = None
        self._encoder_tier = tier
        self._closed = False
        self._proven = False
        self._rebuild_at = 0.0
        self._failure = ""
        make_packetiser = H264Packetiser if codec is Codec.H264 else Vp8Packetiser
        self._packetiser: Packetiser = make_packetiser(settings.mtu - AROUND_PAYLOAD)

    def encode(self, picture: Picture, timestamp: int, now: float) -> None:
        """Encode a picture and deliver it, or skip it if the last one is still under way.

        It is withheld where it would only wait before the links. Either is done before the encoder
        rather than behind it: that keeps the references of all later pictures whole.

        :raises EncoderFailed: if the encoder fails, or has to wait because a new one failed, too.
            The first picture of a new one is a key frame.
        """
        if self._closed:  # while the picture was scaled, or encoded for others
            return
        if self._sink.full:
            self.withheld += 1
            return
        if not self._sink.ready:
            self.skipped += 1
            return
        if now < self._rebuild_at:
            raise EncoderFailed(self._failure)
        begun = time.perf_counter()
        try:
            encoded = self._encode(picture.divided(self.tier.divisor), self.keyframes.due(now))
        except Exception as error:
            self._give_up_encoder(error, now)
            if isinstance(error, FFmpegError):
                raise EncoderFailed(self._failure) from error
            raise
        self.seconds += time.perf_counter() - begun
        self._proven = True
        if encoded is None:
            return
        data, is_keyframe = encoded
        if is_keyframe:
            self.keyframes.made(now)
        self.encoded += 1
        payloads = tuple(self._packetiser.packetise(data))
        times = picture.times._replace(encoded=time.time_ns())
        size = sum(map(len, payloads))
        self._sink.deliver(AccessUnit(payloads, timestamp, is_keyframe, size, times))

    @property
    def encoder(self) -> str:
        """FFmpeg's name of the encoder that is open; empty if none is."""
        encoder = self._encoder
        return encoder.name if encoder is not None else ""

    def _give_up_encoder(self, error: Exception, now: float) -> None:
        self.failed += 1
        why = error.strerror if isinstance(error, FFmpegError) else error
        self._failure = f"the encoder for {self.codec.value} fails: {why}"
        self._rebuild_at = now if self._proven else now + REBUILD_AFTER
        self._encoder, self._proven = None, False
        self.keyframes.request(now)

    @property
    def counts(self) -> StreamCounts:
        """What became of its pictures."""
        return StreamCounts(self.encoded, self.skipped, self.failed, self.withheld)

    def close(self) -> None:
        """Close the encoder; there is no other one."""
        self._closed = True
        self._encoder = None

    def _encode(self, frame: VideoFrame, keyframe: bool) -> tuple[memoryview, bool] | None:
        encoder, tier = self._encoder, self.tier
        other_tier = tier != self._encoder_tier
        if encoder is None or other_tier or not encoder.suits(frame, self.bitrate):
            self._encoder = None
            encoder = open_encoder(self.codec, frame, tier, self._settings, self.bitrate)
            self._encoder, self._encoder_tier = encoder, tier
        encoder.set_bitrate(self.bitrate)
        return encoder.encode(frame, keyframe)
