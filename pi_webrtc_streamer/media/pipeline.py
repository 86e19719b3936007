# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""One camera's media thread: decode once, encode once for each codec and tier in use."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..runtime.faults import faults
from ..runtime.heap import release_heap
from ..runtime.owning import Owned, end_thread
from .codec import Codec, StreamSettings
from .decoder import DecodeError, PictureDecoder
from .distributor import FrameDistributor, Mailbox
from .encoded_stream import EncodedStream, EncoderFailed, Picture, StreamSink
from .frame import Frame
from .rtp_clock import RtpClock
from .tiers import Tier
from .timeline import Timeline

logger = logging.getLogger(__name__)

# A key frame is made of the last picture when no new one comes within this time: a viewer who
# joins a slow camera need not wait for its next picture.
REPEAT_AFTER = 0.08  # seconds


class _Watch:
    """What there is from the opening of the first stream to the closing of the last.

    No picture outlives it: the next one to watch is shown none from before.
    """

    def __init__(self, streams: tuple[EncodedStream, ...] = ()) -> None:
        self.streams = streams
        self.inbox: Mailbox[Frame] = Mailbox()
        self.decoder: PictureDecoder | None = None
        self.last: tuple[Picture, float] | None = None  # and when it was decoded

    def rest(self) -> None:
        """Give back what only viewers need; in the media thread."""
        if self.decoder is not None:
            self.decoder = self.last = None
            release_heap()

    def patience(self) -> float | None:
        """How long to wait for a picture before the last one is looked at again, in seconds."""
        if self.last is None or not any(stream.keyframes.pending for stream in self.streams):
            return None
        return REPEAT_AFTER

    def to_repeat(self, now: float) -> tuple[EncodedStream, ...]:
        """The streams that want a key frame so much that the last picture will do."""
        if self.last is None or now - self.last[1] < REPEAT_AFTER:
            return ()
        return tuple(stream for stream in self.streams if stream.keyframes.due(now))


class MediaPipeline:
    """Owns the media thread of one camera, from construction to :meth:`close`.

    It listens to the distributor only while a stream is open: with no viewer nothing is decoded,
    and no encoder is held. ``on_problem`` is told, in the media thread, why a picture could not be
    used. ``timeline`` says when the pictures that were encoded were captured.
    """

    def __init__(
        self,
        name: str,
        distributor: FrameDistributor[Frame],
        settings: StreamSettings,
        on_problem: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._distributor = distributor
        self._settings = settings
        self._on_problem = on_problem
        self._clock = clock
        self._change = threading.Lock()
        self._watch = _Watch()
        self._rtp_clock = RtpClock()
        self.timeline = Timeline()
        self._closing = False
        thread = threading.Thread(target=self._run, name=f"media-{name}", daemon=True)
        with Owned() as owned:
            owned.at_end("the pictures of a media thread", self._end_watch)
            owned.take(f"the thread {thread.name}", thread.start, lambda _: self._end(thread))
            self._owned = owned.pop_all()

    def open_stream(self, codec: Codec, tier: Tier, sink: StreamSink) -> EncodedStream:
        """Start encoding with a codec; the first picture will be a key frame."""
        stream = EncodedStream(codec, tier, self._settings, sink)
        stream.keyframes.request(self._clock())
        with self._change:
            before = self._watch
            if before.streams:
                before.streams = (*before.streams, stream)
            else:
                watch = _Watch((stream,))
                self._distributor.attach(watch.inbox)
                self._watch = watch
        before.inbox.nudge()
        return stream

    def close_stream(self, stream: EncodedStream) -> None:
        """Stop encoding it; the last one to go takes decoder and pictures along."""
        with self._change:
            watch = self._watch
            watch.streams = tuple(other for other in watch.streams if other is not stream)
            if not watch.streams:
                self._end_watch()
        stream.close()
        watch.inbox.nudge()

    def request_keyframe(self, stream: EncodedStream) -> None:
        """Make the stream's next picture a key frame, or soon the last one once more."""
        stream.keyframes.request(self._clock())
        self._watch.inbox.nudge()

    def close(self) -> None:
        """End the thread and drop every picture; safe to call twice."""
        self._owned.close()

    def _end_watch(self) -> None:
        watch, self._watch = self._watch, _Watch()
        watch.streams = ()
        self._distributor.detach(watch.inbox)

    def _end(self, thread: threading.Thread) -> None:
        self._closing = True
        self._watch.inbox.nudge()
        end_thread(thread)

    def _run(self) -> None:
        while not self._closing:
            watch = self._watch
            frame = watch.inbox.wait(watch.patience())
            with self._surviving():
                self._step(watch, frame)
            if not watch.streams:
                watch.rest()
            del watch, frame  # not held while waiting

    def _step(self, watch: _Watch, frame: Frame | None) -> None:
        now, wall = self._clock(), time.time_ns()
        streams = watch.streams
        if not streams:
            return
        if frame is not None:
            watch.decoder = watch.decoder or PictureDecoder(self._settings.max_pixels)
            decoded = watch.decoder.decode(frame)
            picture = Picture(decoded, frame.times._replace(decoded=time.time_ns()))
            watch.last = picture, now
        elif watch.last is not None and (streams := watch.to_repeat(now)):
            picture = watch.last[0]
        else:
            return
        times = picture.times
        timestamp = self._rtp_clock.ticks(times.captured, now)
        if frame is None:
            self.timeline.repeat(timestamp)
        else:
            self.timeline.note(timestamp, times.captured, times.received, now, wall)
        for stream in streams:
            with self._surviving():  # the other streams have their own encoders
                stream.encode(picture, timestamp, now)

    @contextmanager
    def _surviving(self) -> Iterator[None]:
        """Say what goes wrong with a picture, and go on."""
        try:
            yield
        except (DecodeError, EncoderFailed) as error:
            self._on_problem(str(error))
        except Exception as error:
            # A fault of ours must not stop the camera; it is said, with its trace.
            faults.report(logger, "the media thread dropped a picture", error)
