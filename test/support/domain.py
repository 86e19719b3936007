# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A ROS domain for one program and those that it starts."""

import random
import socket

_held: list[socket.socket] = []


def take_domain() -> int:
    """Return a ROS domain that nobody is in, and that nobody else takes by this function until this
    process ends.
    """
    for domain in random.sample(range(1, 102), 101):
        lock = socket.socket(socket.AF_UNIX)
        try:
            # A name in Linux's abstract namespace: the kernel forgets it with the process.
            lock.bind(f"\0pi_webrtc_streamer.ros_domain.{domain}")
            _see_that_nobody_is_in(domain)
        except OSError:
            lock.close()
        else:
            _held.append(lock)
            return domain
    raise RuntimeError("every ROS domain from 1 to 101 is in use")


def _see_that_nobody_is_in(domain: int) -> None:
    """See that the ports of a domain's first ten participants are free (DDSI-RTPS 2.5, 9.6.2.3).

    :raises OSError: if one is not.
    """
    for participant in range(10):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
            port.bind(("", 7400 + 250 * domain + 10 + 2 * participant))
