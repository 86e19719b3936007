# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What both sides say to each other, and what neither takes."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.direct.messages import (
    LONGEST,
    Announcement,
    MessageError,
    pack_announcement,
    pack_hello,
    read_announcement,
    read_hello,
    socket_name,
)

SIDES = st.integers(1, 2**32 - 1)
TIMES = st.integers(0, 2**63 - 1)


@given(st.integers(0, 2**32 - 1))
def test_a_hello_says_its_version(version):
    assert read_hello(pack_hello(version)) == version
    assert len(pack_hello(version)) < LONGEST


@given(
    st.builds(
        Announcement,
        sequence=st.integers(0, 2**64 - 1),
        slot=st.integers(0, 2),
        slots=st.integers(3, 9),
        width=SIDES,
        height=SIDES,
        captured=TIMES,
        published=TIMES,
    )
)
def test_an_announcement_arrives_as_it_was(announcement):
    message = pack_announcement(announcement)
    assert read_announcement(message) == announcement
    assert len(message) < LONGEST
    with pytest.raises(MessageError):
        read_announcement(message + b"\0")


@given(st.binary(max_size=LONGEST))
def test_nonsense_is_refused_by_name(message):
    for read in (read_hello, read_announcement):
        with contextlib.suppress(MessageError):
            read(message)


@given(st.integers(0, 232), st.integers(0, 2**32 - 1), st.text(max_size=400))
def test_a_name_fits_whatever_the_topic(domain, user, topic):
    name = socket_name(domain, user, topic)
    assert name.startswith(b"\0")
    assert len(name) <= 107


def test_names_differ_by_domain_user_and_topic():
    names = {
        socket_name(domain, user, topic)
        for domain in (0, 1)
        for user in (1000, 1001)
        for topic in ("/front/image_raw/compressed", "/rear/image_raw/compressed")
    }
    assert len(names) == 8
