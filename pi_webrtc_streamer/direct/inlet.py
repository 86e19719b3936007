# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The bridge's side: takes a camera's pictures directly while somebody watches, where it can."""

from __future__ import annotations

import array
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING

from ..media.distributor import NOBODY
from ..media.feed import CameraFeed
from ..media.pictures import Way
from ..media.stages import StageTimes
from ..runtime.faults import faults
from ..runtime.owning import Owned, end_thread
from .local import find
from .memory import MemoryRefused, ReadMemory
from .messages import (
    LONGEST,
    VERSION,
    Announcement,
    MessageError,
    pack_hello,
    read_announcement,
    read_hello,
)
from .outlet import Fill, Outlet
from .slots import Copy, Layout, picture_bytes
from .sockets import calm, is_of_this_user, make_socket, make_wake, ready, wake

if TYPE_CHECKING:
    from ..media.planes import PacketPool

logger = logging.getLogger(__name__)

LOOK_AGAIN_AFTER = 1.0  # seconds, while pictures come over DDS
ANSWER_WITHIN = 0.5  # seconds for a camera node to say hello; it is slower if its machine is


class Unavailable(Exception):
    """Pictures do not come directly; the text says why, or is empty if nobody offers them."""


class Inlet:
    """Takes a camera's pictures directly for its feed, from the first demand to :meth:`close`.

    It owns a thread, which begins with the first demand. ``name`` is that of
    :func:`~.messages.socket_name`.
    """

    def __init__(self, feed: CameraFeed, name: bytes) -> None:
        self._feed = feed
        self._name = name
        self._audience = NOBODY
        self._closing = False
        self._context = copy_context()  # knows whose log it is
        self._said = ""
        self._change = threading.Lock()
        self._thread: threading.Thread | None = None
        with Owned() as owned:
            self._wake = owned.take("the wake of an inlet", make_wake, os.close)
            self._threads = owned.enter("the thread of an inlet", Owned())
            owned.at_end("the demand for direct pictures", self._end)
            owned.at_end("the direct way", lambda: feed.pictures.seek(None))
            self._owned = owned.pop_all()
        feed.pictures.seek(self.demand)

    def demand(self, audience: int) -> None:
        """Say who wants pictures from now on; see :class:`.FrameDistributor`. From any thread."""
        with self._change:
            if self._closing:
                return
            self._audience = audience
            if self._thread is None and audience != NOBODY:
                self._begin()
            wake(self._wake)

    def close(self) -> None:
        """End the thread; pictures come over DDS then. Safe to call twice."""
        self._owned.close()

    def _begin(self) -> None:
        name = f"direct-{self._feed.name}"
        thread = threading.Thread(
            target=self._context.run, args=(self._run,), name=name, daemon=True
        )
        self._threads.take(f"the thread {name}", thread.start, lambda _: end_thread(thread))
        self._thread = thread

    def _end(self) -> None:
        with self._change:
            self._closing = True
            self._audience = NOBODY
            wake(self._wake)

    def _run(self) -> None:
        while not self._closing:
            audience = self._audience
            if audience == NOBODY:
                self._wait(None)
                continue
            try:
                self._follow(audience)
            except Unavailable as error:
                self._say(str(error))
            except Exception as error:
                # A fault of ours must not leave viewers without pictures; it is said.
                faults.report(logger, f"no direct pictures of {self._feed.topic}", error)
            if self._serves(audience):
                self._feed.pictures.come_by(Way.DDS, audience)
                self._wait(LOOK_AGAIN_AFTER, audience)

    def _serves(self, audience: int) -> bool:
        return audience == self._audience and not self._closing

    def _wait(self, seconds: float | None, audience: int = NOBODY) -> None:
        """Wait until there is another audience, or for so long."""
        end = None if seconds is None else time.monotonic() + seconds
        while audience == self._audience and not self._closing:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return
            ready(self._wake, seconds=left)
            calm(self._wake)

    def _say(self, why: str) -> None:
        """Log why pictures do not come directly although they are offered; once."""
        if why and why != self._said:
            logger.warning("camera %s: no direct pictures: %s", self._feed.name, why)
        self._said = why or self._said

    def _follow(self, audience: int) -> None:
        """Take pictures for an audience, until it goes or they come no more.

        :raises Unavailable: if they do not come directly.
        """
        outlet = find(self._name)
        if outlet is not None:
            self._take_references(outlet, audience)
        else:
            with Owned() as owned:
                self._take_copies(_Connection(_connect(self._name, owned), owned), audience)

    def _take_references(self, outlet: Outlet, audience: int) -> None:
        pool = _packet_pool()
        failed: list[Exception] = []

        def receive(fill: Fill, width: int, height: int, times: StageTimes) -> None:
            """Take one picture, in the capture thread: what it was lent goes back at once."""
            if failed:
                return
            try:
                if not self._feed.refuses(width, height):
                    planes = pool.filled(picture_bytes(width, height), fill)
                    self._feed.publish_planes(planes, width, height, times, audience)
            except Exception as error:  # which is none of the camera's
                failed.append(error)
                wake(self._wake)

        with outlet.joined(receive, partial(wake, self._wake)):
            if outlet.closing:
                return
            self._feed.pictures.come_by(Way.IN_PROCESS, audience)
            while self._serves(audience) and not failed and not outlet.closing:
                ready(self._wake)
                calm(self._wake)
        for error in failed:
            raise error

    def _take_copies(self, connection: _Connection, audience: int) -> None:
        end = time.monotonic() + ANSWER_WITHIN
        while not (heard := connection.is_answered()) and self._serves(audience):
            if (left := end - time.monotonic()) <= 0:
                raise Unavailable("the camera node does not answer")
            ready(connection.descriptor, self._wake, seconds=left)
            calm(self._wake)
        if not heard:
            return
        self._feed.pictures.come_by(Way.SHARED_MEMORY, audience)
        pool = _packet_pool()
        while self._serves(audience):
            ready(connection.descriptor, self._wake)
            calm(self._wake)
            newest = connection.newest()
            if newest is not None and self._serves(audience):
                self._take(connection, newest, pool, audience)

    def _take(
        self, connection: _Connection, newest: Announcement, pool: PacketPool, audience: int
    ) -> None:
        width, height = newest.width, newest.height
        if self._feed.refuses(width, height):
            return
        planes = connection.read(newest, pool.copied)
        if planes is not None:
            times = StageTimes(newest.captured, newest.published)
            self._feed.publish_planes(planes, width, height, times, audience)


def _packet_pool() -> PacketPool:
    """Return a pool for the pictures of an audience: it loads FFmpeg's libraries."""
    from ..media.planes import PacketPool

    return PacketPool()


def _connect(name: bytes, owned: Owned) -> socket.socket:
    """Return a connection to a camera node in another process, to which we have said hello.

    :raises Unavailable: if nobody offers pictures by this name, or another user does.
    """
    try:
        made = owned.take("a connection to a camera node", make_socket, socket.socket.close)
        made.connect(name)
        if not is_of_this_user(made):
            raise Unavailable("the camera node runs as another user")
        made.send(pack_hello())
    except (ConnectionError, BlockingIOError) as error:  # nobody is there, or has room for us
        raise Unavailable("") from error
    except OSError as error:  # a sandbox, for example, may not let us
        raise Unavailable(f"it cannot be connected to: {error.strerror}") from error
    return made


class _Connection:
    """What comes over a connection to a camera node, and the memory that it hands over."""

    def __init__(self, connected: socket.socket, owned: Owned) -> None:
        self._socket = connected
        self._memories = owned.enter("the memory of a camera node", Owned())
        self._memory: ReadMemory | None = None

    @property
    def descriptor(self) -> int:
        return self._socket.fileno()

    def is_answered(self) -> bool:
        """Take the answer to our hello, if it has come.

        :raises Unavailable: if it is of another version, or there will be none.
        """
        try:
            message = self._socket.recv(LONGEST)
            version = read_hello(message) if message else 0
        except BlockingIOError:
            return False
        except (ConnectionError, MessageError) as error:
            raise Unavailable(f"the camera node does not answer as it should: {error}") from error
        if not message:
            raise Unavailable("")
        if version != VERSION:
            raise Unavailable(f"the camera node speaks version {version}, the bridge {VERSION}")
        return True

    def newest(self) -> Announcement | None:
        """Take all messages that wait, and return what the last one says.

        :raises Unavailable: if there will be no more, or one is of no use.
        """
        newest = None
        try:
            while True:
                newest = self._next()
        except BlockingIOError:
            return newest
        except ConnectionError:
            raise Unavailable("") from None
        except (MessageError, MemoryRefused) as error:
            raise Unavailable(str(error)) from error

    def _next(self) -> Announcement:
        """Take one message, and the memory that comes with it."""
        with Owned() as owned:
            message, descriptors = owned.take("a message", self._receive, _close_descriptors)
            if not message:
                raise Unavailable("")
            announced = read_announcement(message)
            if descriptors:
                self._map(descriptors[0], announced)
            return announced

    def read(self, announced: Announcement, copy: Callable[[memoryview], Copy]) -> Copy | None:
        """Return a picture; None if a newer one has taken its place.

        :raises Unavailable: if it is in no memory that was handed over.
        """
        if self._memory is None or self._memory.slots.layout != _layout(announced):
            raise Unavailable("a picture was announced before its memory was handed over")
        return self._memory.slots.read(announced.slot, announced.sequence, copy)

    def _receive(self) -> tuple[bytes, list[int]]:
        """Return a message and the descriptors that came with it, which are the caller's."""
        number = array.array("i")
        message, extras, *_ = self._socket.recvmsg(
            LONGEST, socket.CMSG_LEN(number.itemsize), socket.MSG_CMSG_CLOEXEC
        )
        for level, kind, data in extras:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                number.frombytes(data[: len(data) - len(data) % number.itemsize])
        return message, list(number)

    def _map(self, descriptor: int, announced: Announcement) -> None:
        self._memory = None
        self._memories.close()
        self._memory = self._memories.take(
            "the memory that was handed over",
            partial(ReadMemory, descriptor, _layout(announced)),
            ReadMemory.close,
        )


def _close_descriptors(received: tuple[bytes, list[int]]) -> None:
    for descriptor in received[1]:
        os.close(descriptor)


def _layout(announced: Announcement) -> Layout:
    return Layout(announced.width, announced.height, announced.slots)
