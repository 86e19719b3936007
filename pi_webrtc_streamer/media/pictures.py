# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which way a camera's pictures come to its viewers: directly, or as JPEG over DDS."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from enum import Enum
from functools import partial

from .distributor import NOBODY, FrameDistributor, Mailbox
from .frame import Frame, JpegFrame

logger = logging.getLogger(__name__)


class Way(str, Enum):
    """How pictures come from the camera node, as ``/cameras`` says it."""

    DDS = "dds"
    SHARED_MEMORY = "shared memory"
    IN_PROCESS = "in process"


class _Relay(Mailbox[JpegFrame]):
    """Passes JPEG pictures on to the viewers of one audience."""

    def __init__(self, publish: Callable[[Frame], object]) -> None:
        super().__init__()
        self._publish = publish

    def put(self, item: JpegFrame) -> bool:
        self._publish(item)
        return False


class Pictures:
    """Hands a camera's pictures to its viewers by way of ``distributor``.

    They are the JPEG pictures of another distributor, for as long as they do not come directly. For
    each audience, the direct way is tried first, if there is one (:meth:`seek`); whoever knows says
    which way they come (:meth:`come_by`), from any thread, as often as that changes. ``on_demand``
    is told who watches, before anything else is.
    """

    def __init__(
        self,
        camera: str,
        jpegs: FrameDistributor[JpegFrame],
        on_demand: Callable[[int], object],
    ) -> None:
        self.distributor: FrameDistributor[Frame] = FrameDistributor(self._demand)
        self.way = Way.DDS
        self._camera = camera
        self._jpegs = jpegs
        self._on_demand = on_demand
        self._ask: Callable[[int], object] | None = None
        self._change = threading.Lock()
        self._audience = NOBODY
        self._sought = False  # the direct way, and nobody has said yet whether it is there
        self._relay: _Relay | None = None

    @property
    def come_directly(self) -> bool:
        """Whether viewers have pictures from elsewhere than the JPEG that comes over DDS."""
        return self._audience != NOBODY and self.way is not Way.DDS

    def seek(self, ask: Callable[[int], object] | None) -> None:
        """Have a direct way asked for pictures from now on, or none any more.

        ``ask`` is told who wants them, as ``on_demand`` is.
        """
        with self._change:
            self._ask = ask
            audience = self._audience
        if ask is None:
            self.come_by(Way.DDS, audience)
        elif audience != NOBODY:
            ask(audience)

    def come_by(self, way: Way, audience: int) -> None:
        """Say which way an audience has its pictures now; of one that has gone, nothing is said."""
        with self._change:
            if audience != self._audience:
                return
            self._sought = False
            changed, self.way = way is not self.way, way
            if changed and audience != NOBODY:
                logger.info("camera %s: pictures come by way of: %s", self._camera, way.value)
            self._relay_if_needed()

    def _demand(self, audience: int) -> None:
        self._on_demand(audience)
        with self._change:
            self._audience = audience
            ask = self._ask
            self._sought = ask is not None and audience != NOBODY
            self._relay_if_needed()
        if ask is not None:
            ask(audience)

    def _relay_if_needed(self) -> None:
        """Take JPEG for the audience of now, or for none, as it has to be."""
        needed = self._audience != NOBODY and self.way is Way.DDS and not self._sought
        relay = self._relay
        if needed and relay is None:
            self._relay = _Relay(partial(self.distributor.publish, audience=self._audience))
            self._jpegs.attach(self._relay)
        elif relay is not None and not needed:
            self._relay = None
            self._jpegs.detach(relay)
