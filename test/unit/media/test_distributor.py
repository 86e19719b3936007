# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Newest wins: mailboxes and the distributor."""

import gc
import threading

from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.media.distributor import NOBODY, FrameDistributor, Mailbox
from pi_webrtc_streamer.media.frame import JpegFrame, live_frames
from pi_webrtc_streamer.media.stages import StageTimes


@given(st.lists(st.one_of(st.integers(), st.none())))
def test_a_mailbox_holds_the_newest_and_counts_the_rest(actions):
    """None takes, a number puts: nothing old is ever taken, and nothing goes uncounted."""
    mailbox: Mailbox[int] = Mailbox()
    waiting: list[int] = []
    lost = 0
    for action in actions:
        if action is None:
            assert mailbox.take() == (waiting[-1] if waiting else None)
            lost += max(0, len(waiting) - 1)
            waiting = []
        else:
            mailbox.put(action)
            waiting.append(action)
    assert mailbox.overwritten == lost + max(0, len(waiting) - 1)


def test_a_waiting_consumer_gets_an_item_from_another_thread():
    mailbox: Mailbox[str] = Mailbox()
    taken: list[str | None] = []
    thread = threading.Thread(target=lambda: taken.append(mailbox.wait()))
    thread.start()
    mailbox.put("frame")
    thread.join()
    assert taken == ["frame"]


def test_a_nudge_wakes_without_an_item():
    mailbox: Mailbox[str] = Mailbox()
    mailbox.nudge()
    assert mailbox.wait() is None


def test_every_mailbox_gets_every_item_while_attached():
    distributor: FrameDistributor[int] = FrameDistributor()
    first: Mailbox[int] = Mailbox()
    second: Mailbox[int] = Mailbox()
    distributor.publish(0)
    with distributor.subscribed(first), distributor.subscribed(second):
        distributor.publish(1)
        assert (first.take(), second.take()) == (1, 1)
        distributor.publish(2)
    assert first.take() is None, "what a mailbox held is dropped when it goes"
    distributor.publish(3)
    assert second.take() is None


@given(st.lists(st.integers(0, 4)))
def test_demand_is_told_exactly_when_the_first_comes_and_the_last_goes(toggles):
    told: list[int] = []
    distributor: FrameDistributor[int] = FrameDistributor(told.append)
    mailboxes: list[Mailbox[int]] = [Mailbox() for _ in range(5)]
    attached: set[int] = set()
    expected: list[int] = []
    audiences = 0
    for number in toggles:
        was = bool(attached)
        if number in attached:
            attached.discard(number)
            distributor.detach(mailboxes[number])
            distributor.detach(mailboxes[number])
        else:
            attached.add(number)
            distributor.attach(mailboxes[number])
        if bool(attached) != was:
            audiences += bool(attached)
            expected.append(audiences if attached else NOBODY)
        assert distributor.wanted == bool(attached)
    assert told == expected


def test_what_was_received_for_one_audience_is_not_for_the_next():
    told: list[int] = []
    distributor: FrameDistributor[str] = FrameDistributor(told.append)
    mailbox: Mailbox[str] = Mailbox()
    with distributor.subscribed(Mailbox()):
        (before,) = told
    with distributor.subscribed(mailbox):
        distributor.publish("from before", before)
        assert mailbox.take() is None
        with distributor.subscribed(Mailbox()):  # who joins them is of the same audience
            distributor.publish("for them", told[-1])
        assert mailbox.take() == "for them"
        distributor.publish("for whoever is there")
        assert mailbox.take() == "for whoever is there"
    distributor.publish("for nobody", NOBODY)


def test_a_frame_lives_as_long_as_somebody_holds_it():
    distributor: FrameDistributor[JpegFrame] = FrameDistributor()
    mailboxes: list[Mailbox[JpegFrame]] = [Mailbox() for _ in range(3)]
    for mailbox in mailboxes:
        distributor.attach(mailbox)
    before = live_frames()
    message = bytes(1000)
    for _ in range(10):
        distributor.publish(JpegFrame(memoryview(message)[10:], StageTimes(0), 16, 16))
    gc.collect()
    assert live_frames() == before + 1, "ten frames overwrote each other in three mailboxes"
    held = [mailbox.take() for mailbox in mailboxes]
    assert all(frame is held[0] for frame in held)
    del held
    gc.collect()
    assert live_frames() == before


def test_overwritten_items_are_counted_for_mailboxes_that_are_gone_as_well():
    distributor: FrameDistributor[int] = FrameDistributor()
    slow: Mailbox[int] = Mailbox()
    for _ in range(2):
        with distributor.subscribed(slow):
            for item in range(3):
                distributor.publish(item)
    assert distributor.overwritten == 4
