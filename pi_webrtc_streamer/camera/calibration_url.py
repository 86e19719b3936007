# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where a calibration is kept: camera_info_url, as ROS's camera_info_manager understands it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from ..runtime.files import ros_home
from .calibration import CalibrationError

DEFAULT_URL = "file://${ROS_HOME}/camera_info/${NAME}.yaml"

_FORMS = "write file:///path/to.yaml or package://name/path/to.yaml"


def path_of(url: str, camera_name: str) -> Path:
    """Return the path that a URL means; empty means :data:`DEFAULT_URL`.

    ``%20`` and the like are decoded, ``${NAME}`` and ``${ROS_HOME}`` are put in, and ``~`` begins a
    path in somebody's home.

    :raises CalibrationError: if the URL means none; the text says what to write.
    """
    scheme, separator, rest = (url or DEFAULT_URL).partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in ("file", "package"):
        what = f'the scheme "{scheme}"' if separator else "no scheme"
        raise CalibrationError(f'camera_info_url is "{url}", with {what}; {_FORMS}')
    place = _expanded(url, unquote(rest), camera_name)
    return _in_package(url, place) if scheme == "package" else _in_file_system(url, place)


def _expanded(url: str, text: str, camera_name: str) -> str:
    """Put variables in, in one pass: what they hold is taken as it is."""
    variables: dict[str, Callable[[], str]] = {
        "NAME": lambda: camera_name,
        "ROS_HOME": lambda: str(ros_home()),
    }

    def value(match: re.Match[str]) -> str:
        name = match[1].removesuffix("}")
        if name not in variables or not match[1].endswith("}"):
            raise CalibrationError(
                f'camera_info_url is "{url}", and ${{{name}}} is unknown; known are ${{NAME}} and '
                "${ROS_HOME}"
            )
        return variables[name]()

    try:
        return re.sub(r"\$\{([^}]*}?)", value, text)
    except RuntimeError as error:
        raise CalibrationError(f'camera_info_url is "{url}": {error}; set ROS_HOME') from error


def _in_file_system(url: str, place: str) -> Path:
    try:
        path = Path(place).expanduser()
    except RuntimeError as error:
        raise CalibrationError(f'camera_info_url is "{url}": {error}') from error
    if not path.is_absolute() or "\0" in place or path.name in ("", ".."):
        raise CalibrationError(f'camera_info_url is "{url}", which is no whole path; {_FORMS}')
    return path


def _in_package(url: str, place: str) -> Path:
    package, _, inside = place.partition("/")
    if not package or not inside or "\0" in place:
        raise CalibrationError(f'camera_info_url is "{url}"; {_FORMS}')
    from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

    try:
        share = get_package_share_directory(package)
    except (PackageNotFoundError, OSError, ValueError) as error:  # OSError: no index at all
        raise CalibrationError(
            f'camera_info_url is "{url}", and the package {package} is not installed'
        ) from error
    return Path(share) / inside.lstrip("/")
