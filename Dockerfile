# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
# ROS 2 and pi_webrtc_streamer, for machines whose system has no ROS 2: Raspberry Pi OS, Debian. docs/install.md.
#
#   docker build --tag pi_webrtc_streamer .
#   docker build --build-arg ROS_DISTRO=kilted --tag pi_webrtc_streamer .
ARG ROS_DISTRO=jazzy
FROM ros:${ROS_DISTRO}-ros-base

SHELL ["/bin/bash", "-o", "pipefail", "-c"]

# libcamera and its Python module, and what of picamera2 has no wheel. Versions: the distribution has one of each.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        libcamera-ipa python3-libcamera python3-prctl python3-venv \
        "ros-${ROS_DISTRO}-cv-bridge" "ros-${ROS_DISTRO}-rmw-cyclonedds-cpp" \
    && rm -rf /var/lib/apt/lists/*

# What changes seldom comes first. The environment sees ROS's and libcamera's Python modules.
COPY requirements/bootstrap.txt requirements/run.txt requirements/picamera2.txt /tmp/requirements/
RUN python3 -m venv --system-site-packages /opt/pi_webrtc_streamer \
    && /opt/pi_webrtc_streamer/bin/pip install --no-cache-dir --require-hashes --ignore-installed \
        -r /tmp/requirements/bootstrap.txt \
    && /opt/pi_webrtc_streamer/bin/pip install --no-cache-dir --require-hashes --no-deps \
        -r /tmp/requirements/run.txt -r /tmp/requirements/picamera2.txt

COPY . /src/pi_webrtc_streamer
RUN /opt/pi_webrtc_streamer/bin/pip install --no-cache-dir --no-deps --no-build-isolation /src/pi_webrtc_streamer

# Nothing needs root. The group's number is that of the devices on Debian, Ubuntu and Raspberry Pi OS: 44, video.
RUN useradd --create-home --groups video robot \
    && install -d -o robot -g robot /home/robot/.ros
USER robot
WORKDIR /home/robot
VOLUME /home/robot/.ros

ENV AMENT_PREFIX_PATH=/opt/pi_webrtc_streamer
HEALTHCHECK --interval=30s --start-period=30s CMD \
    ["/opt/pi_webrtc_streamer/bin/python", "/src/pi_webrtc_streamer/tools/health", "--within", "0", "--steady", "0"]
# The base image's entry point sources ROS.
CMD ["/opt/pi_webrtc_streamer/bin/pi-webrtc-streamer"]
