"""A ROS domain for one program and those that it starts."""

import random
import socket

_held: list[socket.socket] = []


def take_domain() -> int:
    """Return a ROS domain that nobody else takes by this function until this process ends."""
    for domain in random.sample(range(1, 102), 101):
        lock = socket.socket(socket.AF_UNIX)
        try:
            # A name in Linux's abstract namespace: the kernel forgets it with the process.
            lock.bind(f"\0pi_webrtc_streamer.ros_domain.{domain}")
        except OSError:
            lock.close()
        else:
            _held.append(lock)
            return domain
    raise RuntimeError("every ROS domain from 1 to 101 is taken by a test that runs")
