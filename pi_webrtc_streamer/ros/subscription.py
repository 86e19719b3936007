# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A subscription that is there while somebody wants its messages."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from rclpy.event_handler import (
    QoSMessageLostInfo,
    QoSRequestedIncompatibleQoSInfo,
    SubscriptionEventCallbacks,
    UnsupportedEventTypeError,
)
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription

from ..media.distributor import NOBODY
from ..media.feed import COMPRESSED_IMAGE, IMAGE
from ..runtime.faults import faults
from ..runtime.owning import Owned
from .callbacks import call_every, own_group
from .loss import Kind, Loss
from .qos import given_overrides, misfit_of_publisher, newest_only
from .serialized import SerializedCompressedImage, SerializedImage

logger = logging.getLogger(__name__)

RCLError = rclpy_implementation.RCLError
LOOK_AGAIN_AFTER = 1.0  # seconds without a message
SAY_AGAIN_AFTER = 10.0  # seconds
MESSAGES = {COMPRESSED_IMAGE: SerializedCompressedImage, IMAGE: SerializedImage}


# Gets the bytes, when they were published, in nanoseconds since the epoch, and for which audience
# they were received.
Receiver: TypeAlias = Callable[[bytes, int, int], object]


class _Kind(NamedTuple):
    message_type: str
    reliability: ReliabilityPolicy


class _EventCallbacks(SubscriptionEventCallbacks):
    """Does without news of lost messages where the middleware has none."""

    def create_event_handlers(self, *arguments: Any) -> list[Any]:
        try:
            handlers: list[Any] = super().create_event_handlers(*arguments)
        except UnsupportedEventTypeError:
            self.message_lost = None
            handlers = super().create_event_handlers(*arguments)
        return handlers


class OnDemandSubscription:
    """Subscribes to a topic's serialized messages while there is an audience for them.

    ``receivers`` says who takes each message type that will do, the preferred one first. The
    subscription is of the first of them that the topic has a publisher of. When its publishers turn
    out, or turn into, others, it follows them: a topic that is silent is looked at every second.

    It is best effort, but for uncompressed pictures whose publishers are all reliable. Of 30 such
    pictures of 1280x720 a second, a third arrived with best effort, since Fast DDS has no room for
    all the fragments of one, and nearly all reliably. A place for one keeps the newest either way.

    :meth:`demand` may be called from any thread; the subscription comes and goes in the executor's.
    With no subscriber, the camera node does not even encode. Each audience has a subscription of
    its own, so that what was received for the one before is known from what is for it.

    ``on_misfit`` is told when a publisher's QoS does not suit the subscription, and with None when
    there is a new one. ``on_loss`` is told once a second why messages are lost on their way, or "".
    Parameters ``qos_overrides.<topic>.subscription.*`` have the last word.
    """

    def __init__(
        self,
        node: Node,
        topic: str,
        receivers: Mapping[str, Receiver],
        on_misfit: Callable[[str | None], object],
        on_loss: Callable[[str], object],
    ) -> None:
        self._node = node
        self._topic = topic
        self._receivers = receivers
        self._on_misfit = on_misfit
        self._on_loss = on_loss
        self._loss = Loss(time.monotonic())
        self._buffer = _default_buffer()
        self._audience = NOBODY
        self._listening: Owned | None = None
        self._listening_for = NOBODY
        self._subscribed = Owned()  # holds one subscription at most
        self._subscription: Subscription | None = None
        self._kind = _Kind(next(iter(receivers)), ReliabilityPolicy.BEST_EFFORT)
        self._silent = True
        with Owned() as owned:
            owned.at_end(f"what listens to {topic}", self._stop_listening)
            self._changed = owned.take(
                f"the guard condition of {topic}",
                lambda: node.create_guard_condition(self._reconcile, own_group()),
                node.destroy_guard_condition,
            )
            self._owned = owned.pop_all()

    def demand(self, audience: int) -> None:
        """Say who wants messages from now on; see :class:`.FrameDistributor`."""
        self._audience = audience
        self._changed.trigger()

    def close(self) -> None:
        """Unsubscribe for good; in the executor's thread."""
        self._audience = NOBODY
        self._owned.close()

    def _reconcile(self) -> None:
        try:
            audience = self._audience
            if audience != self._listening_for:
                self._stop_listening()
            if audience != NOBODY and self._listening is None:
                self._listen(audience)
        except Exception as error:
            faults.report(logger, f"cannot listen to {self._topic}", error)

    def _listen(self, audience: int) -> None:
        self._listening_for = audience
        with Owned() as owned:
            owned.at_end(f"what is subscribed to {self._topic}", self._subscribed.close)
            what = f"the timer of {self._topic}"
            call_every(LOOK_AGAIN_AFTER, self._look_again, owned, what, self._node)
            self._listening = owned.pop_all()
        self._follow_publishers()

    def _stop_listening(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.close()
            self._on_loss("")

    def _look_again(self) -> None:
        silent, self._silent = self._silent, True
        if silent:
            self._follow_publishers()
        self._on_loss(self._explain_loss())

    def _follow_publishers(self) -> None:
        try:
            kind = self._kind_published()
            if self._subscription is None or kind != self._kind:
                self._subscribed.close()
                self._subscribe(kind)
        except Exception as error:
            faults.report(logger, f"cannot subscribe to {self._topic}; trying again", error)

    def _kind_published(self) -> _Kind:
        infos = self._node.get_publishers_info_by_topic(self._topic)
        published = {info.topic_type for info in infos}
        message_type = next((each for each in self._receivers if each in published), None)
        if message_type is None:
            return self._kind  # the next publisher is most likely like the last one
        offered = {
            info.qos_profile.reliability for info in infos if info.topic_type == message_type
        }
        if message_type == IMAGE and offered == {ReliabilityPolicy.RELIABLE}:
            return _Kind(message_type, ReliabilityPolicy.RELIABLE)
        return _Kind(message_type, ReliabilityPolicy.BEST_EFFORT)

    def _explain_loss(self) -> str:
        """Say why messages are lost, if they are."""
        if not self._node.count_publishers(self._topic):
            return ""
        message_type, reliability = self._kind
        reliable = reliability is ReliabilityPolicy.RELIABLE
        kind = Kind(self._topic, message_type == COMPRESSED_IMAGE, reliable)
        return self._loss.explain(time.monotonic(), kind, self._buffer)

    def _subscribe(self, kind: _Kind) -> None:
        self._kind = kind
        self._on_misfit(None)
        self._on_loss("")
        loss = self._loss = Loss(time.monotonic())
        take = partial(self._take, self._receivers[kind.message_type], self._listening_for, loss)
        qos = newest_only(kind.reliability)
        try:
            self._subscription = self._subscribed.take(
                f"the subscription to {self._topic}",
                lambda: self._node.create_subscription(
                    MESSAGES[kind.message_type],
                    self._topic,
                    take,
                    qos,
                    callback_group=own_group(),
                    event_callbacks=_EventCallbacks(
                        incompatible_qos=partial(self._take_misfit, qos),
                        message_lost=partial(self._take_lost, loss),
                    ),
                    qos_overriding_options=given_overrides(self._node, self._topic),
                    raw=True,
                ),
                self._unsubscribe,
            )
        except RCLError as error:
            # DDS gives a topic one type in each process, and this one may hold other nodes.
            self._node.get_logger().warning(
                f"cannot subscribe to {self._topic} as {kind.message_type}, which another node "
                f"publishes: does this process use the topic with another type? ({error})",
                throttle_duration_sec=SAY_AGAIN_AFTER,
            )

    def _unsubscribe(self, subscription: Subscription) -> None:
        self._subscription = None
        self._node.destroy_subscription(subscription)

    def _take(
        self, receiver: Receiver, audience: int, loss: Loss, message: bytes, info: dict[str, int]
    ) -> None:
        self._silent = False
        loss.received(time.monotonic(), len(message))
        receiver(message, info["source_timestamp"], audience)

    def _take_lost(self, loss: Loss, event: QoSMessageLostInfo) -> None:
        loss.lost(time.monotonic(), event.total_count_change)

    def _take_misfit(self, asked: QoSProfile, event: QoSRequestedIncompatibleQoSInfo) -> None:
        """Say that a publisher does not fit, and follow it where that helps."""
        infos = self._node.get_publishers_info_by_topic(self._topic)
        offered = [info.qos_profile for info in infos]
        why = misfit_of_publisher(event.last_policy_kind, self._topic, asked, offered)
        self._node.get_logger().warning(why)
        self._follow_publishers()
        self._on_misfit(why)


def _default_buffer() -> int:
    """Return how many bytes a socket's receive buffer has that asks for none.

    A socket is asked, since in a container /proc/sys/net may lack the setting.
    """
    with Owned() as owned:
        made = owned.take(
            "a socket to ask",
            lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
            socket.socket.close,
        )
        return made.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
