# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Takes a topic's messages: whole JPEGs go on at once, and JPEG is made of all others first."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from ..runtime.faults import faults
from ..runtime.owning import Owned, end_thread
from .cdr import CdrError, CompressedImage, Image, ImageError, read_compressed_image, read_image
from .distributor import Mailbox
from .feed import CameraFeed
from .jpeg import JpegError, JpegHeader, is_jpeg, read_jpeg_header
from .picture_format import names_mosaic
from .stages import StageTimes

if TYPE_CHECKING:
    from .mosaic import SensorBits
    from .raw_image import Pixels

logger = logging.getLogger(__name__)


class _Arrived(NamedTuple):
    image: Image | CompressedImage
    times: StageTimes
    audience: int | None


class Intake:
    """Takes one topic's messages for its feed, and owns a thread that converts, to :meth:`close`.

    Converting takes some milliseconds, for which the thread that receives the messages of all
    cameras must not wait. The newest picture wins. The thread begins with the first picture that
    needs it, and so does the loading of what converts: most topics carry JPEG, and need neither.
    ``to_bgr`` converts encodings that :mod:`.raw_image` does not know itself.

    The messages are serialized. ``published`` is when the publisher sent one, in nanoseconds since
    the epoch; 0: unknown. ``audience`` is for whom it was received: nobody else is shown it.
    """

    def __init__(self, feed: CameraFeed, to_bgr: Callable[[Image], Pixels]) -> None:
        self._feed = feed
        self._to_bgr = to_bgr
        self._inbox: Mailbox[_Arrived] = Mailbox()
        self._sensor: SensorBits | None = None
        self._newest = 0  # when the last picture came that needed no converting
        self._closing = False
        self._thread: threading.Thread | None = None
        self._owned = Owned()

    def take_compressed(
        self, message: bytes, published: int = 0, audience: int | None = None
    ) -> None:
        """Take a CompressedImage; its picture is published, or noted as no use."""
        received = time.time_ns()
        try:
            image = read_compressed_image(message)
            times = StageTimes(image.stamp, published, received)
            header = self._header_of_jpeg(image)
            if header is None:
                self._convert(_Arrived(image, times, audience))
            else:
                self._newest = received
                self._feed.publish(image.data[: header.end], header, times, audience)
        except (CdrError, JpegError) as error:
            self._feed.report_problem(str(error))

    def take_image(self, message: bytes, published: int = 0, audience: int | None = None) -> None:
        """Take an Image; its picture is published, or noted as no use, a little later."""
        received = time.time_ns()
        try:
            image = read_image(message)
        except CdrError as error:
            self._feed.report_problem(str(error))
            return
        self._convert(_Arrived(image, StageTimes(image.stamp, published, received), audience))

    def close(self) -> None:
        """End the thread and drop every picture; safe to call twice."""
        self._closing = True
        self._inbox.nudge()
        self._owned.close()
        self._inbox.take()

    def _header_of_jpeg(self, image: CompressedImage) -> JpegHeader | None:
        """Return the header of a JPEG that can be shown as it is; None if it takes a closer look.

        :raises JpegError: if its header says that it cannot be shown.
        """
        if not is_jpeg(image.data):
            return None
        header = read_jpeg_header(image.data, self._feed.max_pixels)
        if header.end is None or (header.components == 1 and names_mosaic(image.format)):
            return None
        return header

    def _convert(self, arrived: _Arrived) -> None:
        if self._thread is None:
            name = f"convert-{self._feed.name}"
            thread = threading.Thread(target=self._run, name=name, daemon=True)
            self._owned.take(f"the thread {name}", thread.start, lambda _: end_thread(thread))
            self._thread = thread
        self._inbox.put(arrived)

    def _run(self) -> None:
        while not self._closing:
            arrived = self._inbox.wait()
            try:
                if arrived is not None:
                    self._publish(arrived)
            except (ImageError, JpegError) as error:
                self._feed.report_problem(str(error))
            except Exception as error:
                # A fault of ours must not stop the camera; it is said, with its trace.
                what = f"a picture on {self._feed.topic} could not be converted"
                faults.report(logger, what, error)
            arrived = None  # not held while waiting

    def _publish(self, arrived: _Arrived) -> None:
        jpeg = memoryview(self._to_jpeg(arrived.image))
        header = read_jpeg_header(jpeg, self._feed.max_pixels)
        if arrived.times.received >= self._newest:  # none that needed no converting has come since
            self._feed.publish(jpeg, header, arrived.times, arrived.audience)

    def _to_jpeg(self, image: Image | CompressedImage) -> bytes:
        # Not before a picture needs it: these load numpy, FFmpeg's libraries and libjpeg-turbo.
        from .compressed_image import to_jpeg
        from .mosaic import SensorBits
        from .raw_image import encode_jpeg

        self._sensor = self._sensor or SensorBits()
        if isinstance(image, CompressedImage):
            return to_jpeg(image, self._to_bgr, self._feed.max_pixels, self._sensor)
        return encode_jpeg(image, self._to_bgr, self._feed.max_pixels, self._sensor)
