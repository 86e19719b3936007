# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Hands every frame to everybody who wants it; the newest wins and nobody is waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Mailbox(Generic[Item]):
    """A place for one item between two threads; a full place is overwritten, and that is counted.

    ``on_put`` is called in the putting thread after each item, for a consumer that does not wait in
    :meth:`wait` (an event loop is woken by it).
    """

    def __init__(self, on_put: Callable[[], object] | None = None) -> None:
        self._on_put = on_put
        self._ready = threading.Condition()
        self._item: Item | None = None
        self._nudged = False
        self.overwritten = 0

    def put(self, item: Item) -> bool:
        """Leave an item, over the one that nobody has taken; returns whether there was one."""
        with self._ready:
            overwrites = self._item is not None
            self.overwritten += overwrites
            self._item = item
            self._ready.notify()
        if self._on_put is not None:
            self._on_put()
        return overwrites

    def take(self) -> Item | None:
        """Take the item, or None where there is none; never waits."""
        with self._ready:
            item, self._item = self._item, None
            return item

    def wait(self, timeout: float | None = None) -> Item | None:
        """Wait for an item, a nudge, or ``timeout`` seconds, and take what is there."""
        with self._ready:
            self._ready.wait_for(lambda: self._item is not None or self._nudged, timeout)
            self._nudged = False
            item, self._item = self._item, None
            return item

    def nudge(self) -> None:
        """Make a waiting consumer look around, with or without an item."""
        with self._ready:
            self._nudged = True
            self._ready.notify()


NOBODY = 0  # the audience when nobody listens


@dataclass(frozen=True)
class _Listening(Generic[Item]):
    audience: int
    mailboxes: tuple[Mailbox[Item], ...]


class FrameDistributor(Generic[Item]):
    """Publishes items to any number of mailboxes, from any thread.

    Those who listen from when the first one comes until the last one goes are an *audience*: 1, 2
    and so on. ``on_demand`` is called with its number when it comes and with :data:`NOBODY` when it
    goes, in the thread in which that happens: nothing need run for nobody. ``overwritten`` counts
    for all mailboxes there have been.
    """

    def __init__(self, on_demand: Callable[[int], object] | None = None) -> None:
        self._on_demand = on_demand
        self._change = threading.Lock()
        self._audiences = 0
        # Replaced whole at each change, so that publish() reads it without a lock.
        self._listening: _Listening[Item] = _Listening(NOBODY, ())
        self.overwritten = 0

    def publish(self, item: Item, audience: int | None = None) -> None:
        """Put the item into every mailbox; into none if it was received for another audience.

        None stands for whoever is there.
        """
        listening = self._listening
        if audience not in (None, listening.audience):
            return
        for mailbox in listening.mailboxes:
            self.overwritten += mailbox.put(item)

    @property
    def wanted(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listening.mailboxes)

    def attach(self, mailbox: Mailbox[Item]) -> None:
        """Let a mailbox have every item from now on."""
        with self._change:
            before = self._listening
            if not before.mailboxes:
                self._audiences += 1
                self._demand(self._audiences)
            self._listening = _Listening(self._audiences, (*before.mailboxes, mailbox))

    def detach(self, mailbox: Mailbox[Item]) -> None:
        """Let it have no more, and drop what it holds; safe to call twice."""
        with self._change:
            before = self._listening.mailboxes
            if mailbox not in before:
                return
            others = tuple(other for other in before if other is not mailbox)
            self._listening = _Listening(self._audiences if others else NOBODY, others)
            mailbox.take()
            if not others:
                self._demand(NOBODY)

    @contextmanager
    def subscribed(self, mailbox: Mailbox[Item]) -> Iterator[Mailbox[Item]]:
        """Attach a mailbox for the length of a context."""
        self.attach(mailbox)
        try:
            yield mailbox
        finally:
            self.detach(mailbox)

    def _demand(self, audience: int) -> None:
        if self._on_demand is not None:
            self._on_demand(audience)
