# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the camera node can be told."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .node import NodeSettings
from .schema import SettingsError, setting

LARGEST_SIDE = 8192  # pixels
ROBOT_NAME = "{robot_name}"  # stands for it in the names of frames


@dataclass(frozen=True)
class CameraSettings(NodeSettings):
    """Parameters of the camera node; names follow camera_ros and usb_cam."""

    source: str = setting(
        "auto",
        "Where pictures come from: auto (the camera if it answers, else the pattern), picamera2, "
        "v4l2, pattern, pattern:busy (with texture and noise, which take an encoder's whole "
        "bitrate as a real camera does), pattern:still (such pictures drawn ahead, for measuring), "
        "or the path or URL of a video, a picture or a live stream",
    )
    rtsp_transport: str = setting(
        "tcp",
        "How an RTSP stream comes: tcp (whole, and through firewalls), or udp (sooner where "
        "packets are lost, and damaged then)",
        choices=("tcp", "udp"),
    )
    camera: str = setting(
        "0",
        "The camera: the number of a Raspberry Pi's, its libcamera id or a part of it, or the "
        "device of another one (/dev/video0)",
    )
    width: int = setting(
        1280, "Width of the captured picture in pixels", minimum=16, maximum=LARGEST_SIDE
    )
    height: int = setting(
        720, "Height of the captured picture in pixels", minimum=16, maximum=LARGEST_SIDE
    )
    framerate: float = setting(
        30.0, "Pictures a second (a video keeps its own)", minimum=0.1, maximum=240.0, live=True
    )
    jpeg_quality: int = setting(
        85, "JPEG quality, 1 (smallest) to 100 (best)", minimum=1, maximum=100, live=True
    )
    jpeg_encoder: str = setting(
        "auto",
        "Who makes JPEG: auto (the Raspberry Pi 4's hardware if a trial shows that it is right and "
        "quick, else libjpeg-turbo), libjpeg-turbo, or v4l2m2m (the hardware if it is right)",
        choices=("auto", "libjpeg-turbo", "v4l2m2m"),
    )
    output_encoding: str = setting(
        "rgb8",
        "Encoding of image_raw, which is made while somebody subscribes to it",
        choices=("rgb8", "bgr8", "mono8", "yuv422_yuy2"),
    )
    crop: list[int] = setting(
        [0, 0, 0, 0],
        "Part of the captured picture to keep: x, y, width, height in pixels; all 0 keeps it all",
        minimum=0,
        maximum=LARGEST_SIDE,
        live=True,
    )
    output_width: int = setting(
        0,
        "Width to scale to after cropping, in pixels; 0: not scaled, or by the height alone",
        minimum=0,
        maximum=LARGEST_SIDE,
        live=True,
    )
    output_height: int = setting(
        0,
        "Height to scale to after cropping, in pixels; 0: not scaled, or by the width alone",
        minimum=0,
        maximum=LARGEST_SIDE,
        live=True,
    )
    flip: str = setting(
        "none",
        "Mirror the picture, before it is rotated",
        choices=("none", "horizontal", "vertical", "both"),
        live=True,
    )
    rotation: int = setting(
        0,
        "Turn the picture clockwise by 0, 90, 180 or 270 degrees",
        minimum=0,
        maximum=270,
        live=True,
    )
    frame_id: str = setting(
        "", "Frame in header.frame_id (REP 103); empty: <node name>_optical_frame", live=True
    )
    reliability: str = setting(
        "best_effort",
        "QoS of everything that is published: best_effort (a late picture is of no use), or "
        "reliable, for subscribers that ask for it (image_transport, RViz, rosbag2 by default)",
        choices=("best_effort", "reliable"),
    )
    frame_prefix: str = setting(
        "",
        "What stands before the frame in header.frame_id, as before those of "
        "robot_state_publisher: robot1/, or {robot_name}/",
        live=True,
    )
    use_node_time: bool = setting(
        False,
        "Stamp pictures with the node's time when they are published, which may be simulated, and "
        "not with that of their exposure",
    )
    camera_name: str = setting(
        "",
        "Name of the camera in its calibration file, and ${NAME} in camera_info_url; empty: the "
        "name of the node",
    )
    camera_info_url: str = setting(
        "file://${ROS_HOME}/camera_info/${NAME}.yaml",
        "Where the calibration is, and set_camera_info saves it: file:///... or package://...",
        live=True,
    )

    def __post_init__(self) -> None:
        if ROBOT_NAME in self.frame_prefix + self.frame_id and not self.robot_name:
            raise SettingsError(f"frame_prefix or frame_id has {ROBOT_NAME}; give robot_name, too")
        if self.rotation % 90:
            raise SettingsError(f"rotation is {self.rotation}; choose 0, 90, 180 or 270")
        if len(self.crop) != 4:
            raise SettingsError(
                f"crop has {len(self.crop)} numbers; it takes four: x, y, width, height"
            )
        if any(self.crop) and 0 in self.crop[2:]:
            raise SettingsError(f"crop is {self.crop}; its width and height must not be 0")
        if not re.fullmatch(r"(\w[\w.-]*)?", self.camera_name, re.ASCII):
            raise SettingsError(
                f'camera_name is "{self.camera_name}"; it takes letters, digits, _, - and .'
            )

    def frame_of(self, node_name: str) -> str:
        """Return what a node's pictures have in header.frame_id."""
        frame = self.frame_prefix + (self.frame_id or f"{node_name}_optical_frame")
        return frame.replace(ROBOT_NAME, self.robot_name)
