# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the launch files do: start a node for each camera, and the bridge that shows them.

The nodes are told to bring themselves up (``autostart``), and so come back as well when they are
respawned after a crash: the request for a transition that launch would send then goes to the dead
node, for which DDS vouches some time longer, and is lost.
"""

from __future__ import annotations

import atexit
import os
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    LogInfo,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
)
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node
from launch_ros.event_handlers import OnStateTransition
from launch_ros.utilities import make_namespace_absolute, prefix_namespace

from .cli import FOR_BRIDGE, FOR_CAMERAS
from .predecessor.config.given import Given
from .predecessor.settings import PredecessorSettings
from .ros.parameters import convert
from .settings.bridge import BridgeSettings
from .settings.camera import CameraSettings
from .settings.config import Config, dump_parameters
from .settings.config_file import read_config
from .settings.schema import ConfigError, Setting, SettingsError, Value, check, settings_of
from .settings.topics import bridge_parameters, name_topics

PACKAGE = "pi_webrtc_streamer"
DEFAULT_CONFIG = str(Path(get_package_share_directory(PACKAGE), "config", "streamer.yaml"))
BRIDGE = "bridge"
PROCESS = "streamer"  # where all nodes are in one
OF_CAMERAS = (
    *FOR_CAMERAS,
    *("jpeg_quality", "flip", "rotation", "frame_id", "frame_prefix", "camera_info_url"),
    "reliability",
)
SETTINGS = {**settings_of(PredecessorSettings), **settings_of(CameraSettings)}
RESPAWN_DELAY = Setting("Seconds until a node that has ended is started again", minimum=0)
LEFT = [  # start and goal of a transition, and what it means
    ("deactivating", "inactive", "something has deactivated it"),
    ("shuttingdown", "finalized", "something has shut it down"),
]
LOG_LEVELS = ["debug", "info", "warn", "error", "fatal"]


CONFIGURATION = [
    DeclareLaunchArgument(
        "config", default_value=DEFAULT_CONFIG, description="Parameter file of all nodes."
    ),
    DeclareLaunchArgument(
        "config_toml",
        default_value="",
        description="The predecessor's config.toml, to be taken instead of config.",
    ),
    DeclareLaunchArgument(
        "cameras",
        default_value="",
        description="Names of the cameras, with commas between them (front,rear): each has its "
        "section of config, and a node where cameras are started; the arguments below are then for "
        "all of them, and what differs goes to config. Empty: those that config names for the "
        "bridge.",
    ),
]
TOPICS = DeclareLaunchArgument(
    "topics",
    default_value="",
    description="Topics with pictures of other nodes, with commas between them, to be shown "
    "instead of cameras (/usb_cam/image_raw,/eye/image_raw/compressed).",
)
ONE_PROCESS = DeclareLaunchArgument(
    "one_process",
    default_value="false",
    choices=["true", "false"],
    description="Whether cameras and bridge run in one process. It takes less memory; but what "
    "crashes takes all others with it.",
)
OF_ALL_NODES = [
    DeclareLaunchArgument(
        "namespace", default_value="", description="Namespace of the nodes and topics."
    ),
    DeclareLaunchArgument(
        "use_sim_time",
        default_value="",
        description="Whether time comes from /clock: true or false. Empty: as in config.",
    ),
    DeclareLaunchArgument(
        "respawn",
        default_value="true",
        choices=["true", "false"],
        description="Whether a node that ends is started again.",
    ),
    DeclareLaunchArgument(
        "respawn_delay", default_value="1.0", description=f"{RESPAWN_DELAY.description}."
    ),
    DeclareLaunchArgument(
        "log_level",
        default_value="info",
        choices=LOG_LEVELS,
        description="What the nodes log.",
    ),
]


def declare_setting(name: str) -> DeclareLaunchArgument:
    """Declare an argument for a parameter, with the parameter's own description."""
    return DeclareLaunchArgument(
        name,
        default_value="",
        description=f"{SETTINGS[name][0].description}. Empty: as in config.",
    )


@dataclass(frozen=True)
class Parts:
    """Which nodes a launch file starts."""

    cameras: bool
    bridge: bool

    def describe(self) -> LaunchDescription:
        """Declare the arguments; the nodes follow when their values are known."""
        return LaunchDescription(
            [
                *self.arguments(),
                SetEnvironmentVariable("PYTHONUNBUFFERED", "1"),
                OpaqueFunction(function=partial(start_nodes, self)),
            ]
        )

    def arguments(self) -> list[DeclareLaunchArgument]:
        """Return what the launch file takes; an empty setting leaves it to the parameter file."""
        settings = [
            *(OF_CAMERAS if self.cameras else ()),
            *(FOR_BRIDGE if self.bridge else ()),
        ]
        return [
            *CONFIGURATION,
            *([] if self.cameras else [TOPICS]),
            *([ONE_PROCESS] if self.cameras and self.bridge else []),
            *(declare_setting(name) for name in settings),
            *OF_ALL_NODES,
        ]


def start_nodes(parts: Parts, context: LaunchContext) -> list[Any]:
    """Return the nodes, and what tells of their states.

    :raises RuntimeError: if an argument or the parameter file is no good; the text says which.
    """
    arguments = given_arguments(parts, context)
    try:
        config = replace(chosen_config(arguments), namespace=full_namespace(context, arguments))
        parameters = chosen_parameters(parts, arguments, config)
        delay = number("respawn_delay", arguments.get("respawn_delay", ""))
        check("respawn_delay", delay, RESPAWN_DELAY)
    except (ConfigError, SettingsError) as error:
        raise RuntimeError(str(error)) from error
    folder = TemporaryDirectory(prefix=f"{PACKAGE}_")
    atexit.register(folder.cleanup)

    def written(name: str, nodes: dict[str, dict[str, Value]]) -> str:
        path = Path(folder.name, f"{name}.yaml")
        path.write_text(parameter_file(nodes), encoding="utf-8")
        return str(path)

    actions: list[Any] = [
        *(LogInfo(msg=text) for text in config.infos),
        *(LogInfo(msg=f"warning: {text}") for text in config.warnings),
    ]
    if arguments.get("one_process") == "true":
        return [*actions, make_process(written(PROCESS, parameters), delay)]
    for name, of_node in parameters.items():
        actions += make_node(name, written(name, {name: of_node}), delay)
    return actions


def given_arguments(parts: Parts, context: LaunchContext) -> dict[str, str]:
    """Return the arguments that are not empty. Whoever includes this has other configurations."""
    declared = [argument.name for argument in parts.arguments()]
    texts = {name: LaunchConfiguration(name).perform(context).strip() for name in declared}
    arguments = {name: text for name, text in texts.items() if text}
    if os.environ.get("PI_IP"):
        arguments.setdefault("pi_ip", os.environ["PI_IP"])
    return arguments


def chosen_parameters(
    parts: Parts, arguments: dict[str, str], config: Config
) -> dict[str, dict[str, Value]]:
    """Return the parameters of each node to start, by its name."""
    topics = name_topics(split(arguments.get("topics", "")))
    cameras = list(topics) or chosen_cameras(arguments, config)
    time = use_sim_time(arguments)
    parameters: dict[str, dict[str, Value]] = {}
    if parts.cameras:
        for_cameras = given_settings(arguments, OF_CAMERAS)
        parameters |= {name: config.parameters(name) | for_cameras | time for name in cameras}
    if parts.bridge:
        parameters[BRIDGE] = {
            **config.bridge_parameters(cameras),
            **given_settings(arguments, FOR_BRIDGE),
            **time,
            **(bridge_parameters(topics) if topics else {"cameras": cameras}),
        }
    return parameters


def make_node(name: str, parameters: str, respawn_delay: float) -> list[Any]:
    """Return one node, and what tells of its states."""
    node = LifecycleNode(
        executable="bridge_node" if name == BRIDGE else "camera_node",
        name=name,
        parameters=[parameters],
        **process_arguments(name, respawn_delay),
    )
    # A node says itself when it has come up: launch may not have found it yet by then.
    tell = [
        RegisterEventHandler(
            OnStateTransition(
                target_lifecycle_node=node,
                start_state=start,
                goal_state=goal,
                entities=[LogInfo(msg=f"{name} is {goal} now: {what}")],
            )
        )
        for start, goal, what in LEFT
    ]
    return [*tell, node]


def make_process(parameters: str, respawn_delay: float) -> Node:
    """Return the process that has all nodes; they are named by the parameter file."""
    return Node(
        executable="pi-webrtc-streamer",
        arguments=["--config", parameters],
        **process_arguments(PROCESS, respawn_delay),
    )


def process_arguments(name: str, respawn_delay: float) -> dict[str, Any]:
    """Return what launch is told of every process; the log goes by ``name``."""
    return {
        "package": PACKAGE,
        "namespace": LaunchConfiguration("namespace"),
        "exec_name": name,
        "ros_arguments": ["--log-level", LaunchConfiguration("log_level")],
        "respawn": LaunchConfiguration("respawn"),
        "respawn_delay": respawn_delay,
        "output": "screen",
        "emulate_tty": True,
    }


def full_namespace(context: LaunchContext, arguments: dict[str, str]) -> str:
    """Return the namespace of the nodes, within those that were pushed."""
    pushed = context.launch_configurations.get("ros_namespace")
    return make_namespace_absolute(prefix_namespace(pushed, arguments.get("namespace", ""))) or "/"


def chosen_config(arguments: dict[str, str]) -> Config:
    """Return what the file says that is given, or else the one that comes with the package."""
    config, toml = arguments.get("config", DEFAULT_CONFIG), arguments.get("config_toml")
    if toml is not None and config != DEFAULT_CONFIG:
        raise SettingsError(f"config is {config} and config_toml is {toml}; give one of them")
    return read_config(toml or config, given_to_toml(arguments), toml=toml is not None)


def given_to_toml(arguments: dict[str, str]) -> Given:
    """Return what the arguments say to a config.toml."""
    port = number("port", arguments["port"], int) if "port" in arguments else None
    return Given(web_port=port, pi_ip=arguments.get("pi_ip", ""))


def chosen_cameras(arguments: dict[str, str], config: Config) -> list[str]:
    """Return the names of the cameras to start."""
    names = config.cameras
    if "cameras" in arguments:
        names = split(arguments["cameras"])
    BridgeSettings(cameras=names)  # sees that they are names, and each another
    if "camera" in arguments and len(names) > 1:
        raise SettingsError(
            f"camera is {arguments['camera']}, but there are several cameras ({', '.join(names)}); "
            "give each its own in its section of config"
        )
    return names


def split(text: str) -> list[str]:
    """Return what commas separate."""
    return [each.strip() for each in text.split(",")] if text.strip() else []


def use_sim_time(arguments: dict[str, str]) -> dict[str, Value]:
    """Return the parameter, if it is given.

    :raises SettingsError: if it is neither true nor false.
    """
    text = arguments.get("use_sim_time", "").lower()
    if text not in ("", "true", "false"):
        raise SettingsError(f"use_sim_time is {text}; choose true or false")
    return {"use_sim_time": text == "true"} if text else {}


def given_settings(arguments: dict[str, str], names: tuple[str, ...]) -> dict[str, Value]:
    """Return those of the settings that are given, checked as the nodes would."""
    given = {}
    for name in names:
        if name in arguments:
            about, default = SETTINGS[name]
            text = arguments[name]
            given[name] = text if isinstance(default, str) else number(name, text, type(default))
            check(name, given[name], about)
    return given


def number(name: str, text: str, kind: type = float) -> Any:
    """Return the number that a text means.

    :raises SettingsError: if it means none.
    """
    try:
        value = kind(text)
    except ValueError:
        value = text
    return convert(name, value, kind())


def parameter_file(nodes: dict[str, dict[str, Value]]) -> str:
    """Return a parameter file for nodes, in whatever namespace.

    The nodes do not get config itself, where a section is for one namespace alone.
    """
    return dump_parameters(
        {
            f"/**/{name}": {"ros__parameters": {"autostart": True} | parameters}
            for name, parameters in nodes.items()
        }
    )
