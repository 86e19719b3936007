"""Calibration files, as camera_calibration and camera_calibration_parsers write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sensor_msgs.msg import CameraInfo

_MATRICES = {
    "camera_matrix": ("k", 9),
    "rectification_matrix": ("r", 9),
    "projection_matrix": ("p", 12),
}


class CameraInfoError(ValueError):
    """A calibration cannot be used; the text names the file and what is wrong."""


class CameraInfoMissing(CameraInfoError):
    """There is no file where the URL points."""


def load_camera_info(url: str) -> CameraInfo:
    """Return the calibration that a ``file://`` or ``package://`` URL names, without a header.

    :raises CameraInfoMissing: if there is no such file.
    :raises CameraInfoError: if it cannot be read as a calibration.
    """
    path = resolve(url)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CameraInfoMissing(f"there is no calibration file {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CameraInfoError(f"the calibration {path} cannot be read: {error}") from error
    return parse_camera_info(text, path)


def resolve(url: str) -> Path:
    """Return the path that a calibration URL means.

    :raises CameraInfoError: if its scheme is another or its package is not installed.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Path(unquote(parts.netloc + parts.path))
    if parts.scheme == "package" and parts.netloc:
        from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

        try:
            share = get_package_share_directory(parts.netloc)
        except (PackageNotFoundError, OSError, ValueError) as error:  # OSError: no index at all
            raise CameraInfoError(f'"{url}": package {parts.netloc} is not installed') from error
        return Path(share) / unquote(parts.path).lstrip("/")
    raise CameraInfoError(
        f'camera_info_url is "{url}"; write file:///path/to.yaml or package://name/path/to.yaml'
    )


def parse_camera_info(text: str, path: Path) -> CameraInfo:
    """Return what a calibration file says that was read from ``path``.

    :raises CameraInfoError: if it cannot be read as a calibration.
    """
    import yaml  # 3 MB, which a camera without a calibration file does not need

    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # 2026-13-01 is a ValueError
        raise CameraInfoError(f"the calibration {path} is no YAML: {error}") from error
    try:
        return make_camera_info(content)
    except CameraInfoError as error:
        raise CameraInfoError(f"the calibration {path} cannot be used: {error}") from None


def make_camera_info(content: Any) -> CameraInfo:
    """Make the message of a calibration file's content.

    :raises CameraInfoError: if a key is missing, or a matrix has another number of elements.
    """
    if not isinstance(content, dict):
        raise CameraInfoError("it is not a mapping of keys to values")
    info = CameraInfo()
    info.width, info.height = _size(content, "image_width"), _size(content, "image_height")
    info.distortion_model = str(content.get("distortion_model", ""))
    info.d = _numbers(content, "distortion_coefficients", None)
    for key, (field, count) in _MATRICES.items():
        setattr(info, field, _numbers(content, key, count))
    return info


def _size(content: dict[str, Any], key: str) -> int:
    value = content.get(key)
    if type(value) is not int or not 0 < value < 2**32:
        raise CameraInfoError(f"{key} is {value!r}; it must be a size in pixels")
    return value


def _numbers(content: dict[str, Any], key: str, count: int | None) -> list[float]:
    entry = content.get(key)
    data = entry.get("data") if isinstance(entry, dict) else None
    if not isinstance(data, list):
        raise CameraInfoError(f"{key} has no list named data")
    try:
        numbers = [float(value) for value in data]
    except (TypeError, ValueError):
        raise CameraInfoError(f"{key} holds something that is no number") from None
    if count is not None and len(numbers) != count:
        raise CameraInfoError(f"{key} has {len(numbers)} numbers instead of {count}")
    return numbers
