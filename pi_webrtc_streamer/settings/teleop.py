# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the bridge node can be told of driving: parameters ``teleop.*``."""

from __future__ import annotations

from dataclasses import dataclass

from ..teleop.head import HeadLimits
from ..teleop.limits import Limits
from .schema import SettingsError, setting


@dataclass(frozen=True)
class TeleopSettings:
    """Nothing else of them is read unless ``enabled``; docs/teleop.md explains them together."""

    enabled: bool = setting(
        False,
        "Whether the robot can be driven from the page by whoever has the role drive; read "
        "docs/safety.md first",
    )
    topic: str = setting("cmd_vel", "Topic of the velocity commands")
    type: str = setting(
        "auto",
        "Message type of the velocity commands: twist, twist_stamped, or auto, which follows what "
        "the topic's subscribers take (TwistStamped while there are none)",
        choices=("auto", "twist", "twist_stamped"),
    )
    frame_id: str = setting("base_link", "frame_id of the velocity commands that have a header")
    speed: float = setting(0.3, "Speed at full deflection, in m/s", minimum=0.0, maximum=20.0)
    turn_speed: float = setting(
        0.6, "Rate of turn at full deflection, in rad/s", minimum=0.0, maximum=20.0
    )
    fast_factor: float = setting(
        2.0, "What both are multiplied by while fast is held", minimum=1.0, maximum=10.0
    )
    slow_factor: float = setting(
        0.5, "What both are multiplied by while slow is held", minimum=0.05, maximum=1.0
    )
    acceleration: float = setting(
        1.0,
        "How fast the speed may change, in m/s each second; a fault stops the robot at once",
        minimum=0.05,
        maximum=100.0,
    )
    turn_acceleration: float = setting(
        3.0,
        "How fast the rate of turn may change, in rad/s each second",
        minimum=0.05,
        maximum=100.0,
    )
    holonomic: bool = setting(False, "Whether the robot can also move sideways")
    command_gap: float = setting(
        0.3,
        "Seconds without a command after which the robot stops",
        minimum=0.1,
        maximum=2.0,
    )
    command_age: float = setting(0.5, "Seconds that a command may be old", minimum=0.1, maximum=5.0)
    picture_age: float = setting(
        0.5,
        "Seconds that the picture may be old by which a command was given; three pictures' time "
        "may pass in any case",
        minimum=0.1,
        maximum=5.0,
    )
    blind_from: float = setting(
        0.3,
        "Age of the picture, in seconds, from which the speed is limited",
        minimum=0.0,
        maximum=5.0,
    )
    blind_distance: float = setting(
        0.25,
        "Metres that the robot may move within that age",
        minimum=0.01,
        maximum=100.0,
    )
    viewers_may_stop: bool = setting(False, "Whether Stop is also for whoever may only watch")
    odometry_topic: str = setting(
        "", "Topic of nav_msgs/Odometry, whose speed is shown while driving; empty: none"
    )
    battery_topic: str = setting(
        "", "Topic of sensor_msgs/BatteryState to show while driving; empty: none"
    )
    head: str = setting(
        "none",
        "How the head is moved: none, trajectory (trajectory_msgs/JointTrajectory) or array "
        "(std_msgs/Float64MultiArray: pan, tilt)",
        choices=("none", "trajectory", "array"),
    )
    head_topic: str = setting("head_controller/joint_trajectory", "Topic of the head's positions")
    joint_states_topic: str = setting(
        "joint_states", "Topic that says where the head is (sensor_msgs/JointState)"
    )
    pan_joint: str = setting("head_pan_joint", "Name of the joint that turns the head")
    tilt_joint: str = setting("head_tilt_joint", "Name of the joint that lifts and lowers it")
    pan_limits: list[float] = setting(
        [-1.5, 1.5], "From where to where the head is turned, in rad", minimum=-7.0, maximum=7.0
    )
    tilt_limits: list[float] = setting(
        [-0.7, 0.7], "From where to where it is lifted, in rad", minimum=-7.0, maximum=7.0
    )
    pan_reversed: bool = setting(False, "Whether the pan joint turns right as its position grows")
    tilt_reversed: bool = setting(False, "Whether the tilt joint goes down as its position grows")
    head_speed: float = setting(
        1.0, "How fast the head moves at full deflection, in rad/s", minimum=0.01, maximum=20.0
    )
    camera_height: float = setting(
        0.0,
        "Height of the camera above the ground, in metres, for the guide lines; 0: there are none",
        minimum=0.0,
        maximum=10.0,
    )
    camera_tilt: float = setting(
        0.0, "By how much the camera looks down, in rad", minimum=-1.5, maximum=1.5
    )
    camera_fov: float = setting(
        1.15, "Horizontal field of view of the camera, in rad", minimum=0.1, maximum=3.0
    )
    robot_width: float = setting(
        0.3, "Width of the robot, in metres, for the guide lines", minimum=0.01, maximum=10.0
    )

    def __post_init__(self) -> None:
        for name in ("pan_limits", "tilt_limits"):
            pair = getattr(self, name)
            if len(pair) != 2 or pair[0] > pair[1]:
                raise SettingsError(f"teleop.{name} is {pair}; write [from, to], in rad")

    @property
    def limits(self) -> Limits:
        """How fast a driver may be, and when the robot stops."""
        return Limits(
            speed=self.speed,
            turn_speed=self.turn_speed,
            fast_factor=self.fast_factor,
            slow_factor=self.slow_factor,
            acceleration=self.acceleration,
            turn_acceleration=self.turn_acceleration,
            holonomic=self.holonomic,
            command_gap=self.command_gap,
            command_age=self.command_age,
            picture_age=self.picture_age,
            blind_from=self.blind_from,
            blind_distance=self.blind_distance,
        )

    @property
    def head_limits(self) -> HeadLimits | None:
        """How far and fast the head may go; None without one."""
        if self.head == "none":
            return None
        return HeadLimits(
            self.head_speed,
            (self.pan_limits[0], self.pan_limits[1]),
            (self.tilt_limits[0], self.tilt_limits[1]),
            -1.0 if self.pan_reversed else 1.0,
            -1.0 if self.tilt_reversed else 1.0,
        )
