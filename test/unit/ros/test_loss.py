# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""When a topic's messages are said to be lost, and what is said to help."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.ros.loss import BUFFER, FEWEST, SILENT, WINDOW, Kind, Loss

RAW = Kind("/img", compressed=False, reliable=False)
SMALL = 212_992  # bytes, as Linux has it
LINE = "sudo sysctl -w net.core.rmem_default=8388608 net.core.rmem_max=8388608"


def played(received: int, lost: int, seconds: float = 5.0) -> Loss:
    """Let messages come and be lost, evenly."""
    loss = Loss(0.0)
    for number in range(received):
        loss.received(seconds * number / received, 6_220_900)
    for number in range(lost):
        loss.lost(seconds * number / lost, 1)
    return loss


@pytest.mark.parametrize(
    ("received", "lost", "said"),
    [(150, 0, ""), (145, 5, ""), (20, 430, "Nearly all pictures"), (30, 70, "7 of 10 pictures")],
)
def test_what_is_lost_is_said(received, lost, said):
    text = played(received, lost).explain(5.0, RAW, SMALL)
    assert text.startswith(said)
    assert bool(text) is bool(said)
    if said:
        assert "uncompressed (6.2 MB each) and best effort. Publish them reliable" in text
        assert "/img/compressed" in text
        assert LINE in text


def test_the_line_is_not_given_where_it_was_typed_already():
    text = played(20, 430).explain(5.0, RAW, BUFFER)
    assert "sysctl" not in text
    assert "fewer or smaller" in text


def test_what_is_reliable_or_compressed_already_is_not_advised():
    reliable = played(20, 430).explain(5.0, RAW._replace(reliable=True), SMALL)
    assert "Publish them reliable" not in reliable
    assert "/img/compressed" in reliable
    compressed = played(20, 430).explain(5.0, RAW._replace(compressed=True), SMALL)
    assert "/img/compressed" not in compressed
    assert "Large ones (6.2 MB each)" in compressed


def test_silence_is_said_to_be_likely_loss_of_what_can_be_lost():
    assert Loss(0.0).explain(SILENT, RAW, SMALL) == ""
    text = Loss(0.0).explain(SILENT + 0.1, RAW, SMALL)
    assert "no message has come yet" in text
    assert "they may all be lost" in text
    assert LINE in text
    for kind in (RAW._replace(reliable=True), RAW._replace(compressed=True)):
        assert Loss(0.0).explain(SILENT + 0.1, kind, SMALL) == ""
    arrived = Loss(0.0)
    arrived.received(1.0, 100)
    assert arrived.explain(100.0, RAW, SMALL) == "", "the camera has stopped"


def test_words_do_not_flicker_and_end():
    loss = played(40, 60)
    assert loss.explain(5.0, RAW, SMALL)
    for number in range(80):
        loss.received(5.0 + number / 20, 100)
    assert loss.explain(9.0, RAW, SMALL), "a third is lost still"
    for number in range(80):
        loss.received(9.0 + number / 20, 100)
    assert loss.explain(13.0, RAW, SMALL) == ""
    assert loss.explain(13.0 + WINDOW, RAW, SMALL) == ""


@given(
    st.lists(st.tuples(st.floats(0, 3), st.one_of(st.none(), st.integers(1, 1000))), max_size=200),
    st.booleans(),
    st.booleans(),
    st.sampled_from([SMALL, BUFFER]),
)
def test_whatever_happens(events, compressed, reliable, buffer):
    loss = Loss(0.0)
    now = 0.0
    seen: list[tuple[float, int | None]] = []
    for waited, lost in events:
        now += waited
        seen.append((now, lost))
        if lost is None:
            loss.received(now, 100)
        else:
            loss.lost(now, lost)
        recent = [each for when, each in seen if when > now - WINDOW]
        gone = sum(filter(None, recent))
        share = loss.share(now)
        assert (share is None) is (gone < FEWEST)
        if share is not None:
            assert share == pytest.approx(gone / (gone + recent.count(None)))
        text = loss.explain(now, Kind("/img", compressed, reliable), buffer)
        assert bool(text) >= bool(share and share >= 0.5)
        assert bool(text) <= bool(share and share >= 0.25)
