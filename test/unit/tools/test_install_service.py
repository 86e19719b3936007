# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The systemd unit that tools/install-service makes, as it prints it."""

import os
import pwd
import shlex
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
USER = "daemon" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
NO_ROS = {name: value for name, value in os.environ.items() if not name.startswith("ROS_")}
NO_ROS.pop("AMENT_PREFIX_PATH", None)


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [ROOT / "tools" / "install-service", *arguments]
    environment = {**NO_ROS, "VENV": ".venv", **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def printed(*arguments: str, **variables: str) -> str:
    result = run("--print", "--user", USER, *arguments, **variables)
    assert result.returncode == 0, result.stderr
    return result.stdout


def section(unit: str, name: str) -> dict[str, str]:
    parser = RawConfigParser(strict=False, comment_prefixes=("#",), interpolation=None)
    parser.read_string("\n".join(line for line in unit.splitlines() if "Environment=" not in line))
    return dict(parser[name])


def test_the_service_is_this_program_with_these_arguments_as_this_user():
    unit = printed("--host", "0.0.0.0", "--config", "/home/robot/streamer.yaml")
    service = section(unit, "Service")
    program = f"{ROOT}/.venv/bin/pi-webrtc-streamer"
    assert service["execstart"] == f"{program} --host 0.0.0.0 --config /home/robot/streamer.yaml"
    assert service["user"] == USER
    assert service["workingdirectory"] == str(ROOT)
    assert service["restart"] == "on-failure"
    # Each of them would take the cameras' devices away.
    assert {"privatedevices", "protectclock", "devicepolicy"}.isdisjoint(service)


def test_what_ros_has_in_this_terminal_the_service_has_and_no_token():
    unit = printed(
        ROS_DOMAIN_ID="7",
        RMW_IMPLEMENTATION="rmw_cyclonedds_cpp",
        CYCLONEDDS_URI='<CycloneDDS a="b c"/>',
        PI_WEBRTC_STREAMER_TOKEN_DRIVE="secret",
    )
    assert "Environment=ROS_DOMAIN_ID=7\n" in unit
    assert "Environment=RMW_IMPLEMENTATION=rmw_cyclonedds_cpp\n" in unit
    assert 'Environment="CYCLONEDDS_URI=<CycloneDDS a=\\"b c\\"/>"\n' in unit
    assert "secret" not in unit
    assert "PYTHONPATH" not in printed(PYTHONPATH="/somewhere"), "which no ROS has set"


def test_a_ros_that_is_sourced_is_the_services_too():
    unit = printed(AMENT_PREFIX_PATH="/opt/ros/jazzy", PYTHONPATH="/opt/ros/p", ROS_DISTRO="jazzy")
    assert f"Environment=AMENT_PREFIX_PATH={ROOT}/.venv:/opt/ros/jazzy\n" in unit
    assert "Environment=PYTHONPATH=/opt/ros/p\n" in unit
    assert "Environment=ROS_DISTRO=jazzy\n" in unit


def test_what_systemd_would_read_as_its_own_is_quoted():
    arguments = ["--config", '/home/100% "my" $robots/x.yaml', "--token-file", "a\\b", ";", ""]
    unit = printed(*arguments)
    command = section(unit, "Service")["execstart"].split(" ", 1)[1]
    expected = '--config "/home/100%% \\"my\\" $$robots/x.yaml" --token-file a\\\\b ";" ""'
    assert command == expected
    assert shlex.split(section(unit, "X-pi_webrtc_streamer")["arguments"]) == arguments


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_finds_no_fault_in_it(tmp_path):
    file = tmp_path / "pi-webrtc-streamer.service"
    text = printed("--config", "/a b/100%.yaml", ROS_DOMAIN_ID="7")
    # It looks for the program, which the tests need not have there.
    file.write_text(text.replace(f"{ROOT}/.venv/bin/pi-webrtc-streamer", "/bin/true"))
    checked = subprocess.run(
        ["systemd-analyze", "verify", file], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    file.write_text(text.replace("Restart=on-failure", "Restart=perhaps"))
    checked = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True)
    assert "perhaps" in checked.stderr, "it does look"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--user", "nobody-of-this-name"], "there is no such user"),
        (["--user", USER, "--name", "../x"], "a service's name has letters"),
        (["--user", USER, "--name", ""], "a service's name has letters"),
        (["--user", USER, "--config", "a\nUser=root"], "control character"),
    ],
)
def test_nonsense_is_refused_by_name(arguments, why):
    result = run("--print", *arguments)
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert why in result.stderr
    assert result.stdout == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="for root alone")
@pytest.mark.parametrize(
    ("sudo_user", "why"), [("robot", "run this without sudo"), ("", "with --user USER")]
)
def test_root_is_not_the_robots_user(sudo_user, why):
    result = run("--print", SUDO_USER=sudo_user)
    assert result.returncode == 1
    assert why in result.stderr


@pytest.mark.skipif(Path("/run/systemd/system").is_dir(), reason="systemd runs this machine")
@pytest.mark.parametrize("arguments", [[], ["--uninstall"]])
def test_without_systemd_it_says_so_first(arguments):
    result = run("--user", USER, *arguments)
    assert result.returncode == 1
    assert result.stderr.startswith("error: systemd does not run this machine")
