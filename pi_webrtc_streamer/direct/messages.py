# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What camera node and bridge say to each other: a hello each, then a message for each picture.

A message is one packet of a Unix socket (SOCK_SEQPACKET). Pure.
"""

from __future__ import annotations

import hashlib
import struct
from typing import NamedTuple

# Both sides need the same one; otherwise the pictures go over DDS.
VERSION = 1

_MAGIC = b"pwsplane"
_HELLO = struct.Struct("<8sI")
_ANNOUNCEMENT = struct.Struct("<QIIIIqq")
LONGEST = max(_HELLO.size, _ANNOUNCEMENT.size) + 1  # so that one that is longer is noticed


class MessageError(ValueError):
    """A message is none that this version knows; the text says what it is."""


class Announcement(NamedTuple):
    """Says where a picture is: in which slot, with which sequence number (see :mod:`.slots`).

    ``width`` and ``height`` are in pixels, ``captured`` and ``published`` in nanoseconds since the
    epoch. The first one for some memory comes with its file descriptor.
    """

    sequence: int
    slot: int
    slots: int
    width: int
    height: int
    captured: int
    published: int


def socket_name(domain: int, user: int, topic: str) -> bytes:
    """Return the abstract name (unix(7)) at which the pictures of a topic are offered.

    The topic is the resolved one, so that both sides may have remapped it. It is hashed, since a
    name has 107 bytes at most and a topic may have more.
    """
    topic_hash = hashlib.sha256(topic.encode()).hexdigest()[:32]
    return f"\0pi_webrtc_streamer.direct.{domain}.{user}.{topic_hash}".encode()


def pack_hello(version: int = VERSION) -> bytes:
    """Return what each side says first."""
    return _HELLO.pack(_MAGIC, version)


def read_hello(message: bytes) -> int:
    """Return the version that the other side speaks.

    :raises MessageError: if it is no hello.
    """
    if len(message) < _HELLO.size or message[: len(_MAGIC)] != _MAGIC:
        raise MessageError(f"no hello, but {len(message)} bytes of something else")
    version: int = _HELLO.unpack_from(message)[1]
    return version


def pack_announcement(announcement: Announcement) -> bytes:
    """Return the message that says where a picture is."""
    return _ANNOUNCEMENT.pack(*announcement)


def read_announcement(message: bytes) -> Announcement:
    """Return what a message says.

    :raises MessageError: if it is not one for a picture.
    """
    if len(message) != _ANNOUNCEMENT.size:
        raise MessageError(f"no announcement of a picture, but {len(message)} bytes")
    announcement = Announcement(*_ANNOUNCEMENT.unpack(message))
    if not (announcement.width and announcement.height):
        raise MessageError("the announcement of a picture without a size")
    if announcement.slot >= announcement.slots:
        raise MessageError("the announcement of a picture in a slot that is not there")
    return announcement
