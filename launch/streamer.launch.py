"""Start a node for each camera, and the bridge that shows them to browsers.

The nodes are told to bring themselves up (``autostart``), and so come back as well when they are
respawned after a crash: the request for a transition that launch would send then goes to the dead
node, for which DDS vouches some time longer, and is lost.
"""

import atexit
import os
from dataclasses import replace
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
from launch_ros.actions import LifecycleNode
from launch_ros.event_handlers import OnStateTransition
from launch_ros.utilities import make_namespace_absolute, prefix_namespace

from pi_webrtc_streamer.cli import FOR_BRIDGE
from pi_webrtc_streamer.predecessor.config.given import Given
from pi_webrtc_streamer.predecessor.settings import PredecessorSettings
from pi_webrtc_streamer.ros.parameters import convert
from pi_webrtc_streamer.settings.bridge import BridgeSettings
from pi_webrtc_streamer.settings.camera import CameraSettings
from pi_webrtc_streamer.settings.config import Config, dump_parameters
from pi_webrtc_streamer.settings.config_file import read_config
from pi_webrtc_streamer.settings.schema import (
    ConfigError,
    Setting,
    SettingsError,
    Value,
    check,
    settings_of,
)

PACKAGE = "pi_webrtc_streamer"
DEFAULT_CONFIG = str(Path(get_package_share_directory(PACKAGE), "config", "streamer.yaml"))
BRIDGE = "bridge"
FOR_CAMERAS = ("source", "camera", "width", "height", "framerate")
SETTINGS = {**settings_of(PredecessorSettings), **settings_of(CameraSettings)}
RESPAWN_DELAY = Setting("Seconds until a node that has ended is started again", minimum=0)
LEFT = [  # start and goal of a transition, and what it means
    ("deactivating", "inactive", "something has deactivated it"),
    ("shuttingdown", "finalized", "something has shut it down"),
]
LOG_LEVELS = ["debug", "info", "warn", "error", "fatal"]


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments; the nodes follow when their values are known."""
    return LaunchDescription(
        [
            *declare_arguments(),
            SetEnvironmentVariable("PYTHONUNBUFFERED", "1"),
            OpaqueFunction(function=start_nodes),
        ]
    )


def declare_arguments() -> list[DeclareLaunchArgument]:
    """Return what the launch file takes; an empty setting leaves it to the parameter file."""
    declare = DeclareLaunchArgument
    return [
        declare("config", default_value=DEFAULT_CONFIG, description="Parameter file of all nodes."),
        declare(
            "config_toml",
            default_value="",
            description="The predecessor's config.toml, to be taken instead of config.",
        ),
        declare(
            "cameras",
            default_value="",
            description="Names of the cameras, with commas between them (front,rear): each gets a "
            "node and its section of config; the arguments below are then for all of them, and "
            "what differs goes to config. Empty: the cameras that config names for the bridge.",
        ),
        *(declare_setting(name) for name in (*FOR_CAMERAS, *FOR_BRIDGE)),
        declare("namespace", default_value="", description="Namespace of the nodes and topics."),
        declare(
            "respawn",
            default_value="true",
            choices=["true", "false"],
            description="Whether a node that ends is started again.",
        ),
        declare(
            "respawn_delay",
            default_value="1.0",
            description=f"{RESPAWN_DELAY.description}.",
        ),
        declare(
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


def start_nodes(context: LaunchContext) -> list[Any]:
    """Return the nodes, and what tells of their states.

    :raises RuntimeError: if an argument or the parameter file is no good; the text says which.
    """
    # Whoever includes this has other configurations, which need not be texts.
    declared = [argument.name for argument in declare_arguments()]
    given = {name: LaunchConfiguration(name).perform(context).strip() for name in declared}
    arguments = {name: text for name, text in given.items() if text}
    if os.environ.get("PI_IP"):
        arguments.setdefault("pi_ip", os.environ["PI_IP"])
    try:
        config = replace(chosen_config(arguments), namespace=full_namespace(context, arguments))
        cameras = chosen_cameras(arguments, config)
        for_cameras = given_settings(arguments, FOR_CAMERAS)
        for_bridge = given_settings(arguments, FOR_BRIDGE)
        delay = number("respawn_delay", arguments.get("respawn_delay", ""))
        check("respawn_delay", delay, RESPAWN_DELAY)
    except (ConfigError, SettingsError) as error:
        raise RuntimeError(str(error)) from error
    folder = TemporaryDirectory(prefix=f"{PACKAGE}_")
    atexit.register(folder.cleanup)
    actions: list[Any] = [
        *(LogInfo(msg=text) for text in config.infos),
        *(LogInfo(msg=f"warning: {text}") for text in config.warnings),
    ]
    for name in (*cameras, BRIDGE):
        if name == BRIDGE:
            parameters = {**config.bridge_parameters(cameras), **for_bridge, "cameras": cameras}
        else:
            parameters = {**config.parameters(name), **for_cameras}
        file = Path(folder.name, f"{name}.yaml")
        file.write_text(parameter_file(parameters), encoding="utf-8")
        actions += make_node(name, str(file), delay)
    return actions


def make_node(name: str, parameters: str, respawn_delay: float) -> list[Any]:
    """Return one node, and what tells of its states."""
    node = LifecycleNode(
        package=PACKAGE,
        executable="bridge_node" if name == BRIDGE else "camera_node",
        name=name,
        namespace=LaunchConfiguration("namespace"),
        exec_name=name,
        parameters=[parameters],
        ros_arguments=["--log-level", LaunchConfiguration("log_level")],
        respawn=LaunchConfiguration("respawn"),
        respawn_delay=respawn_delay,
        output="screen",
        emulate_tty=True,
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
        names = [name.strip() for name in arguments["cameras"].split(",")]
    BridgeSettings(cameras=names)  # sees that they are names, and each another
    if "camera" in arguments and len(names) > 1:
        raise SettingsError(
            f"camera is {arguments['camera']}, but there are several cameras ({', '.join(names)}); "
            "give each its own in its section of config"
        )
    return names


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


def parameter_file(parameters: dict[str, Value]) -> str:
    """Return a parameter file for one node.

    The nodes do not get config itself, where a section is for one namespace alone.
    """
    return dump_parameters({"/**": {"ros__parameters": {"autostart": True} | parameters}})
