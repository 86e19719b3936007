# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the bridge knows of one camera: its frames, and why there are none."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from .distributor import NOBODY, FrameDistributor
from .frame import Frame, JpegFrame, PlanarFrame
from .jpeg import MAX_PIXELS, JpegHeader, too_large
from .pictures import Pictures, Way
from .rate import RateMeter
from .rhythm import LEAST_PATIENCE, Rhythm
from .stages import StageTimes
from .whole import WholePictures

if TYPE_CHECKING:
    from .planes import Lease

logger = logging.getLogger(__name__)

COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"
IMAGE = "sensor_msgs/msg/Image"
PROBLEM_SHOWN = 5.0  # seconds for which a message that could not be used is the explanation
SAY_AGAIN_AFTER = 10.0  # seconds before the same problem is logged again


@dataclass(frozen=True)
class FeedStatus:
    """A camera as ``/cameras`` shows it; ``age`` in seconds, ``rate`` in frames/s.

    ``delay`` is how old the newest frame was when it was received, by its stamp, in seconds; None
    without a stamp. ``misfit`` is why a publisher's QoS lets nothing through. ``patience`` is for
    how many seconds no picture may come, by the camera's own rhythm. ``loss`` is why pictures are
    lost on their way to the bridge, and what helps; "" if they are not. ``way`` is how pictures
    come to viewers, or came to the last one.
    """

    state: str
    reason: str
    width: int
    height: int
    rate: float
    age: float | None
    delay: float | None = None
    misfit: str | None = None
    patience: float = LEAST_PATIENCE
    loss: str = ""
    way: Way = Way.DDS


class CameraFeed:
    """Publishes a topic's pictures, and can say how the camera is.

    ``distributor`` has them as JPEG, and ``on_demand`` is told who wants that, if anybody (see
    :class:`FrameDistributor`); ``pictures`` has them for viewers, whichever way they come.
    Pictures of more than ``max_pixels`` are refused before anything is decoded. ``stamps_behind``
    says by how many nanoseconds the clock of stamps is behind that of this machine: 0 unless time
    is simulated, None while nobody knows.
    """

    def __init__(
        self,
        name: str,
        topic: str,
        on_demand: Callable[[int], object] | None = None,
        max_pixels: int = MAX_PIXELS,
        clock: Callable[[], float] = time.monotonic,
        stamps_behind: Callable[[], int | None] = lambda: 0,
    ) -> None:
        self.name = name
        self.topic = topic
        self.max_pixels = max_pixels
        self.whole = WholePictures(max_pixels)
        self.distributor: FrameDistributor[JpegFrame] = FrameDistributor(self._demand)
        self.pictures = Pictures(name, self.distributor, self._note_demand)
        self.received = 0
        self.rejected = 0
        self._on_demand = on_demand
        self._clock = clock
        self._stamps_behind = stamps_behind
        self._frames = RateMeter()
        self._problems = RateMeter()
        self._rhythm = Rhythm()  # of pictures
        self._messages = Rhythm()  # of those that cannot be shown, too
        self._size = (0, 0)
        self._wanted_since = 0.0
        self._last_received: float | None = None
        self._delay: float | None = None
        self._problem: tuple[str, float] | None = None
        self._problem_logged: tuple[str, float] | None = None
        self._misfit: str | None = None
        self._loss = ""

    def publish(
        self, jpeg: memoryview, header: JpegHeader, times: StageTimes, audience: int | None = None
    ) -> None:
        """Publish a JPEG picture, for one audience or whoever is there.

        Where viewers have the same picture directly, it is not counted once more.
        """
        times = self._on_our_clock(times)
        frame = JpegFrame(jpeg, times, header.width, header.height)
        if not self.pictures.come_directly:
            self._note(frame)
        self.distributor.publish(frame, audience)

    def refuses(self, width: int, height: int) -> bool:
        """Whether a picture that comes directly is too large to be shown; it is said, too."""
        if width * height <= self.max_pixels:
            return False
        self.report_problem(too_large(width, height, self.max_pixels))
        return True

    def publish_planes(
        self, planes: Lease, width: int, height: int, times: StageTimes, audience: int
    ) -> None:
        """Publish a picture that came directly, for an audience of :attr:`pictures`.

        ``planes`` is what :class:`.PlanarFrame` has.
        """
        times = self._on_our_clock(times._replace(received=time.time_ns()))
        frame = PlanarFrame(planes, times, width, height)
        self._note(frame)
        self.pictures.distributor.publish(frame, audience)

    def _on_our_clock(self, times: StageTimes) -> StageTimes:
        behind = self._stamps_behind()
        return times._replace(captured=0 if behind is None else times.captured + behind)

    def _note(self, frame: Frame) -> None:
        now, times = self._clock(), frame.times
        self.received += 1
        self._size = frame.width, frame.height
        self._last_received = now
        self._delay = (times.received - times.captured) / 1e9 if times.captured else None
        self._misfit = None
        self._frames.add(now)
        self._rhythm.add(now)
        self._messages.add(now)

    def report_problem(self, problem: str) -> None:
        """Note why a message could not be used; logged when new, and then now and then."""
        now = self._clock()
        self.rejected += 1
        self._problem = problem, now
        self._problems.add(now)
        self._messages.add(now)
        logged = self._problem_logged
        if logged is None or logged[0] != problem or now - logged[1] >= SAY_AGAIN_AFTER:
            self._problem_logged = problem, now
            logger.warning(
                "camera %s: a message on %s cannot be shown: %s (%d so far)",
                self.name,
                self.topic,
                problem,
                self.rejected,
            )

    def report_misfit(self, misfit: str | None) -> None:
        """Note why nothing arrives from a publisher; that a picture comes says that it does."""
        self._misfit = misfit

    def report_loss(self, loss: str) -> None:
        """Note why pictures are lost on their way, and what helps; "" if they are not."""
        if loss and not self._loss:
            logger.warning("camera %s: %s", self.name, loss)
        self._loss = loss

    def flush(self) -> None:
        """Forget what was received: the feed begins anew."""
        self._last_received = None
        self._problem = None
        self._misfit = None
        self._loss = ""
        self._frames = RateMeter()
        self._problems = RateMeter()
        self._rhythm = Rhythm()
        self._messages = Rhythm()

    def status(self, publisher_types: Sequence[str]) -> FeedStatus:
        """Say how the camera is, given what the publishers of its topic publish."""
        now = self._clock()
        age = None if self._last_received is None else now - self._last_received
        period, patience = self._rhythm.period, self.patience
        state, reason = explain(
            topic=self.topic,
            wanted=self.wanted,
            publisher_types=publisher_types,
            age=age,
            waited=now - self._wanted_since,
            period=period,
            patience=patience,
            problem=self._current_problem(now),
            misfit=self._misfit,
            loss=self._loss,
        )
        width, height = self._size
        rate = self._frames.rate(now)
        if not rate and period and age is not None and age <= patience:
            rate = 1 / period  # a slow camera
        delay = self._delay if rate else None
        return FeedStatus(
            state,
            reason,
            width,
            height,
            rate,
            age,
            delay=delay,
            misfit=self._misfit,
            patience=patience,
            loss=self._loss,
            way=self.pictures.way,
        )

    @property
    def patience(self) -> float:
        """For how many seconds no picture may come, by the camera's own rhythm."""
        return self._rhythm.patience

    @property
    def wanted(self) -> bool:
        """Whether anybody wants pictures, in whatever form."""
        return self.distributor.wanted or self.pictures.distributor.wanted

    @property
    def overwritten(self) -> int:
        """How many pictures made way for a newer one before anybody took them."""
        return self.distributor.overwritten + self.pictures.distributor.overwritten

    def _note_demand(self, audience: int) -> None:
        if audience != NOBODY and not self.wanted:
            self._wanted_since = self._clock()
            self._rhythm.rest()
            self._messages.rest()

    def _demand(self, audience: int) -> None:
        self._note_demand(audience)
        if self._on_demand is not None:
            self._on_demand(audience)

    def _current_problem(self, now: float) -> str | None:
        """The problem that keeps the picture away; one bad message among many does not."""
        if self._problem is None:
            return None
        problem, when = self._problem
        if now - when > max(PROBLEM_SHOWN, self._messages.patience):
            return None
        problems = self._problems.count(now)
        if problems < 0.5 * self._frames.count(now):
            return None
        if problems == 0 and self._last_received is not None and self._last_received > when:
            return None
        return problem


def explain(
    *,
    topic: str,
    wanted: bool,
    publisher_types: Sequence[str],
    age: float | None,
    problem: str | None,
    waited: float = inf,
    period: float | None = None,
    patience: float = LEAST_PATIENCE,
    misfit: str | None = None,
    loss: str = "",
) -> tuple[str, str]:
    """Return a camera's state and, where there is no picture, why and what to do.

    ``waited`` is for how many seconds somebody has watched; a picture that is older than that was
    for somebody else. ``period`` and ``patience`` are the camera's (see :class:`.Rhythm`).

    The states: ``live``, ``idle`` (nobody watches), ``waiting`` (no frame yet), ``stale`` (frames
    came and stopped), ``error`` (messages come that cannot be used).
    """
    if problem is not None:
        return "error", f"Messages arrive on {topic} but cannot be shown: {problem}."
    if age is not None and age <= patience:
        return "live", ""
    silent = waited if age is None else min(age, waited)
    due = silent <= patience or age is None
    without_picture = "idle" if not wanted else "waiting" if due else "stale"
    if not publisher_types:
        return without_picture, (
            f"Nobody publishes {topic}. Is the camera node running and active, in the same "
            "ROS_DOMAIN_ID?"
        )
    if not {COMPRESSED_IMAGE, IMAGE}.intersection(publisher_types):
        return without_picture, (
            f"{topic} carries {publisher_types[0]}; the bridge takes sensor_msgs/CompressedImage "
            "or Image. Does the camera's topic parameter name the one with the pictures?"
        )
    if not wanted:
        return "idle", ""
    if misfit is not None:
        return without_picture, misfit
    if loss:
        return without_picture, loss
    slow = period is not None and period > LEAST_PATIENCE
    if slow and silent <= patience:
        return "waiting", f"On {topic} a picture comes every {period:.2g} s: the next one is due."
    if due:
        return "waiting", (
            f"{topic} has a publisher, but no message has come yet. Is its node active, "
            "and does the camera deliver pictures?"
        )
    usual = f", and one came every {period:.2g} s" if slow else ""
    return "stale", (
        f"No message on {topic} for {silent:.0f} s although it has a publisher{usual}. Has the "
        "camera stopped?"
    )
