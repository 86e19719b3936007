# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Build and install pi_webrtc_streamer, with colcon into a ROS workspace or with pip."""

import sys

if not (3, 10) <= sys.version_info[:2] <= (3, 14):
    sys.exit(
        "error: pi_webrtc_streamer needs Python 3.10 to 3.14; "
        f"this is Python {sys.version_info[0]}.{sys.version_info[1]}"
    )

from glob import glob
from pathlib import Path

from setuptools import Distribution, find_packages, setup

from distutils.command.install_data import install_data  # isort: skip  (setuptools brings its own distutils)

PACKAGE = "pi_webrtc_streamer"
SHARE = f"share/{PACKAGE}"
NODES = ["camera_node", "bridge_node"]
COMMAND = "pi-webrtc-streamer"
LAUNCHER = """\
#!/bin/sh
# pip puts programs into bin/, ros2 run and ros2 launch look for them here.
exec "$(dirname "$0")/../../bin/$(basename "$0")" "$@"
"""


class InstallData(install_data):
    """Add lib/<package>/<program> to a wheel: `ros2 launch` works after pip as after colcon."""

    def run(self) -> None:
        super().run()
        if not {"bdist_wheel", "editable_wheel"} & self.distribution.command_obj.keys():
            return
        for program in (*NODES, COMMAND):
            launcher = Path(self.install_dir, "lib", PACKAGE, program)
            launcher.parent.mkdir(parents=True, exist_ok=True)
            launcher.write_text(LAUNCHER)
            launcher.chmod(0o755)
            self.outfiles.append(str(launcher))


class Package(Distribution):
    """Data files for an editable installation, which asks for a has_data that nobody has."""

    def has_data(self) -> bool:
        return bool(self.has_data_files())


setup(
    name=PACKAGE,
    version="0.1.0",
    description="A robot's cameras in the browser over WebRTC, and as ROS 2 topics",
    maintainer="The pi_webrtc_streamer maintainers",
    maintainer_email="maintainers@pi-webrtc-streamer.invalid",
    license="Apache-2.0",
    python_requires=">=3.10,<3.15",
    packages=find_packages(include=[PACKAGE, f"{PACKAGE}.*"]),
    package_data={PACKAGE: ["py.typed", "web/*.html", "page/**/*"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (SHARE, ["package.xml"]),
        (f"{SHARE}/launch", sorted(glob("launch/*.launch.py"))),
        (f"{SHARE}/config", sorted(glob("config/*"))),
    ],
    # ROS itself (rclpy, ...) comes with a ROS installation, or from requirements/ros-*.txt.
    install_requires=[
        # The sender takes over private parts of aiortc: these are the versions it was made for.
        # 1.16 left Python 3.10 behind; the two have the same sender.
        "aiortc==1.15.*; python_version < '3.11'",
        "aiortc==1.16.*; python_version >= '3.11'",
        "aiohttp>=3.9",
        "av>=17.1,<19",
        "cryptography>=44",
        "ifaddr",
        "numpy>=1.26",
        "prometheus-client>=0.19",
        "pyyaml",
        "simplejpeg>=1.7",
        "tomli; python_version < '3.11'",
    ],
    extras_require={
        "test": ["pytest"],  # tells colcon that pytest runs the tests
    },
    entry_points={
        "console_scripts": [
            *(f"{node} = {PACKAGE}.programs:{node}" for node in NODES),
            f"{COMMAND} = {PACKAGE}.cli:main",
        ],
    },
    distclass=Package,
    cmdclass={"install_data": InstallData},
    zip_safe=False,
)
