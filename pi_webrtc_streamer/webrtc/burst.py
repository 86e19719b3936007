# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sends a picture's packets with few system calls: UDP generic segmentation offload (GSO).

Linux cuts one large send into datagrams of equal size (``UDP_SEGMENT``, udp(7)), which costs a
quarter of a call for each. Where the kernel or the network device cannot, packets go one by one.
"""

from __future__ import annotations

import errno
import logging
import socket
import struct
from collections.abc import Iterator, Sequence

logger = logging.getLogger(__name__)

UDP_SEGMENT = 103  # linux/udp.h; Python's socket module does not name it
MOST_SEGMENTS = 64  # UDP_MAX_SEGMENTS of the oldest kernels that have it
LARGEST_SEND = 65_000  # bytes in one call, less than an IP packet's 65,535
CANNOT_SEGMENT = {errno.EINVAL, errno.EIO, errno.ENOPROTOOPT, errno.EOPNOTSUPP, errno.EMSGSIZE}


class BurstSocket:
    """Sends on a socket that belongs to somebody else, by a descriptor of its own.

    What is sent here does not wait in the owner's buffer: see that this is empty before.
    """

    def __init__(self, owner: socket.socket) -> None:
        self._socket = owner.dup()
        self._segments = True  # until the first try says otherwise

    def send(self, packets: Sequence[bytes], address: tuple[str, int]) -> bool:
        """Send packets to an address; returns False if the socket's buffer did not take them all.

        :raises OSError: if the network refuses them.
        """
        try:
            for run in runs_of_equal_size(packets):
                self._send_run(run, address)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Give the descriptor back; the owner's socket stays open."""
        self._socket.close()

    def _send_run(self, run: Sequence[bytes], address: tuple[str, int]) -> None:
        if len(run) > 1 and self._segments:
            control = [(socket.SOL_UDP, UDP_SEGMENT, struct.pack("=H", len(run[0])))]
            try:
                self._socket.sendmsg(run, control, 0, address)
            except OSError as error:
                if error.errno not in CANNOT_SEGMENT:
                    raise
                self._segments = False
                logger.info("no segmentation offload here (%s): sending one by one", error.strerror)
            else:
                return
        for packet in run:
            self._socket.sendto(packet, address)


def runs_of_equal_size(packets: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Cut packets into runs that one call can send: all of one size, but for a shorter last one."""
    start = 0
    while start < len(packets):
        size = len(packets[start])
        most = min(MOST_SEGMENTS, max(1, LARGEST_SEND // size))
        end = start + 1
        while end < len(packets) and end - start < most and len(packets[end]) <= size:
            end += 1
            if len(packets[end - 1]) < size:
                break
        yield packets[start:end]
        start = end
