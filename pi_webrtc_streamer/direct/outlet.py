# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The camera node's side: hands each picture to the bridges that read it, and waits for none."""

from __future__ import annotations

import errno
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context

from ..media.stages import StageTimes
from ..runtime.faults import faults
from ..runtime.owning import Owned, end_thread
from .local import offered
from .memory import WrittenMemory
from .messages import (
    LONGEST,
    VERSION,
    Announcement,
    MessageError,
    pack_announcement,
    pack_hello,
    read_hello,
)
from .slots import Layout
from .sockets import calm, is_of_this_user, make_socket, make_wake, ready, wake

logger = logging.getLogger(__name__)

MOST_PEERS = 8  # bridges, and whoever else connects, at once
LISTEN_AGAIN_AFTER = 1.0  # seconds, where another process has the name

Fill = Callable[[memoryview], object]
# Has a picture filled in, while it is called; gets width and height in pixels, too, and when it was
# captured and published.
Receiver = Callable[[Fill, int, int, StageTimes], object]


class _Peer:
    """Somebody who has connected; a reader once it has said hello."""

    def __init__(self, connection: socket.socket, owned: Owned) -> None:
        self.connection = connection
        self.owned = owned
        self.memory: WrittenMemory | None = None  # what it has been handed


class Outlet:
    """Offers a topic's pictures from construction to :meth:`close`.

    ``name`` is that of :func:`~.messages.socket_name`. Whoever connects and says hello is a reader
    until it goes; another user's process is sent away. Without readers there is no memory, and
    :attr:`wanted` is false. A reader in this process calls :meth:`joined` instead.
    """

    def __init__(self, name: bytes) -> None:
        self._name = name
        self._change = threading.Lock()  # of what follows; held while a picture is handed over
        self._peers: dict[int, _Peer] = {}  # by descriptor
        self._readers: tuple[_Peer, ...] = ()
        self._receivers: tuple[Receiver, ...] = ()
        self._gone: tuple[Callable[[], object], ...] = ()
        self._memory: WrittenMemory | None = None
        self._refused = False  # the system has no memory for it, or no socket
        self._listener: socket.socket | None = None
        self._said_taken = False
        self._closing = False
        context = copy_context()  # knows whose camera it is
        thread = threading.Thread(
            target=context.run, args=(self._run,), name="direct-outlet", daemon=True
        )
        with Owned() as owned:
            owned.at_end("the memory for pictures", self._drop_memory)
            self._wake = owned.take("the wake of an outlet", make_wake, os.close)
            self._listening = owned.enter("the socket of an outlet", Owned())
            owned.at_end("the readers of an outlet", self._drop_peers)
            # Before anybody finds the socket: a reader in this process would take that instead.
            owned.enter("the offer to this process", offered(name, self))
            owned.at_end("the readers in this process", self._dismiss)
            self._listen()
            owned.take(f"the thread {thread.name}", thread.start, lambda _: self._end(thread))
            self._owned = owned.pop_all()

    @property
    def wanted(self) -> bool:
        """Whether anybody reads pictures."""
        return bool(self._readers or self._receivers)

    def put(self, width: int, height: int, captured: int, fill: Fill) -> None:
        """Hand a picture to everybody; ``fill`` writes its planes to where it is told.

        ``captured`` is in nanoseconds since the epoch. A reader that is slow misses pictures.
        """
        with self._change:
            for receive in self._receivers:
                receive(fill, width, height, StageTimes(captured, time.time_ns()))
            if self._readers:
                self._share(Layout(width, height), captured, fill)

    @contextmanager
    def joined(self, receive: Receiver, gone: Callable[[], object]) -> Iterator[None]:
        """Let somebody in this process have every picture for the length of a context.

        ``receive`` is called in the capture thread. ``gone`` is called when there will be no more.
        """
        with self._change:
            self._receivers = (*self._receivers, receive)
            self._gone = (*self._gone, gone)
        try:
            yield
        finally:
            with self._change:
                self._receivers = tuple(each for each in self._receivers if each is not receive)
                self._gone = tuple(each for each in self._gone if each is not gone)

    @property
    def closing(self) -> bool:
        """Whether there will be no more pictures."""
        return self._closing

    def close(self) -> None:
        """Send everybody away and give the memory back; safe to call twice."""
        self._owned.close()

    def _share(self, layout: Layout, captured: int, fill: Fill) -> None:
        try:
            memory = self._memory_for(layout)
        except OSError as error:
            logger.warning(
                "no memory for pictures can be shared with the bridge (%s): they go over DDS",
                error.strerror,
            )
            self._refused = True
            wake(self._wake)
            return
        slot, sequence = memory.slots.write(fill)
        announcement = Announcement(
            sequence, slot, layout.slots, layout.width, layout.height, captured, time.time_ns()
        )
        message = pack_announcement(announcement)
        for reader in self._readers:
            self._tell(reader, message, memory)

    def _memory_for(self, layout: Layout) -> WrittenMemory:
        if self._memory is None or self._memory.layout != layout:
            self._drop_memory()
            self._memory = WrittenMemory(layout)
        return self._memory

    def _tell(self, reader: _Peer, message: bytes, memory: WrittenMemory) -> None:
        with_it = [] if reader.memory is memory else [memory.descriptor]
        try:
            socket.send_fds(reader.connection, [message], with_it)
        except BlockingIOError:
            return  # it is slow, and has enough to read
        except OSError as error:
            logger.info("a reader of pictures takes no more: %s", error.strerror)
            reader.connection.shutdown(socket.SHUT_RDWR)  # the thread sees it go
            return
        reader.memory = memory

    def _drop_memory(self) -> None:
        memory, self._memory = self._memory, None
        if memory is not None:
            memory.close()

    def _run(self) -> None:
        while not self._closing:
            try:
                self._look()
            except Exception as error:
                # A fault of ours must not end the thread; it is said, with its trace.
                faults.report(logger, "a reader of pictures could not be served", error)
                ready(self._wake, seconds=LISTEN_AGAIN_AFTER)

    def _look(self) -> None:
        """Wait for something to happen, and see to it."""
        listener = self._listen()
        heard = [self._wake, *self._peers, *([listener.fileno()] if listener else [])]
        again = not listener and not self._refused
        for descriptor in ready(*heard, seconds=LISTEN_AGAIN_AFTER if again else None):
            if descriptor == self._wake:
                calm(self._wake)
            elif descriptor in self._peers:
                self._hear(self._peers[descriptor])
            elif listener is not None:
                self._accept(listener)
        if self._refused:
            self._listener = None
            self._listening.close()
            self._drop_peers()

    def _listen(self) -> socket.socket | None:
        """Return the socket that listens; None while another process has its name."""
        if self._listener is None and not self._refused:
            try:
                self._begin_to_listen()
            except OSError as error:
                self._say_why_not(error)
        return self._listener

    def _begin_to_listen(self) -> None:
        with Owned() as owned:
            listener = owned.take("a socket that listens", make_socket, socket.socket.close)
            listener.bind(self._name)
            listener.listen(MOST_PEERS)
            self._listening.enter("the socket that listens", owned.pop_all())
            self._listener = listener

    def _say_why_not(self, error: OSError) -> None:
        if error.errno != errno.EADDRINUSE:  # a sandbox, for example, may not let us
            logger.warning(
                "no bridge in another process can have pictures directly (%s): they go over DDS",
                error.strerror,
            )
            self._refused = True
        elif not self._said_taken:
            self._said_taken = True
            logger.info(
                "another process offers pictures of this topic to bridges on this machine already; "
                "they get those of this node over DDS until it ends"
            )

    def _accept(self, listener: socket.socket) -> None:
        with Owned() as owned:
            connection, _ = owned.take("a reader", listener.accept, lambda each: each[0].close())
            if len(self._peers) >= MOST_PEERS or not is_of_this_user(connection):
                return
            connection.setblocking(False)
            self._peers[connection.fileno()] = _Peer(connection, owned.pop_all())

    def _hear(self, peer: _Peer) -> None:
        """Take what somebody says: hello, or nothing any more."""
        try:
            message = peer.connection.recv(LONGEST)
            if message:
                self._greet(peer, read_hello(message))
                return
        except BlockingIOError:
            return
        except (ConnectionError, MessageError) as error:
            logger.debug("a reader of pictures is sent away: %s", error)
        self._remove(peer)

    def _greet(self, peer: _Peer, version: int) -> None:
        peer.connection.send(pack_hello())
        with self._change:
            if version == VERSION and peer not in self._readers:
                self._readers = (*self._readers, peer)

    def _remove(self, peer: _Peer) -> None:
        with self._change:
            del self._peers[peer.connection.fileno()]
            self._readers = tuple(each for each in self._readers if each is not peer)
            if not self._readers:
                self._drop_memory()
        peer.owned.close()

    def _drop_peers(self) -> None:
        for peer in list(self._peers.values()):
            self._remove(peer)

    def _dismiss(self) -> None:
        self._closing = True
        with self._change:
            self._receivers, gone = (), self._gone
        for tell in gone:
            tell()

    def _end(self, thread: threading.Thread) -> None:
        self._closing = True
        wake(self._wake)
        end_thread(thread)
