# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Calibration files, as ROS's camera_calibration_parsers reads and writes them in YAML.

cameracalibrator writes them, too. What is read here is what upstream reads, and what is written
is the same to the letter; but what upstream would take for zeros, or leave out, is an error here.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from reprlib import repr as shortened
from typing import NamedTuple

from ..runtime.files import write_whole
from .calibration import Calibration, CalibrationError, Region

LARGEST = 1_000_000  # bytes; a calibration has a thousand

MATRICES = {
    "camera_matrix": (3, 3),
    "rectification_matrix": (3, 3),
    "projection_matrix": (3, 4),
}
# What yaml-cpp takes for truth values.
_YES, _NO = ("y", "yes", "true", "on"), ("n", "no", "false", "off")


class CalibrationFile(NamedTuple):
    """What a file says: for which camera it is (empty if it does not say), and how that sees."""

    camera_name: str
    calibration: Calibration
    remarks: tuple[str, ...] = ()  # what had to be assumed


def load_calibration(path: Path) -> CalibrationFile | None:
    """Return what a file says, or None if there is no such file.

    :raises CalibrationError: if it cannot be read as a calibration; the text names the file.
    """
    check_format(path)
    try:
        text = _read_text(path)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise CalibrationError(f"the calibration {path} cannot be read: {error}") from error
    try:
        return parse_calibration(text)
    except CalibrationError as error:
        raise CalibrationError(f"the calibration {path} cannot be used: {error}") from None


def _read_text(path: Path) -> str:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # a device or pipe could be read without end
        raise CalibrationError(f"the calibration {path} is no file")
    if status.st_size > LARGEST:
        raise CalibrationError(f"the calibration {path} is larger than {LARGEST} bytes")
    return path.read_text(encoding="utf-8")


def save_calibration(path: Path, camera_name: str, calibration: Calibration) -> None:
    """Write a file that upstream reads, whole or not at all; folders are made.

    A link is followed: what it points to is replaced, not the link.

    :raises CalibrationError: if that cannot be done; the text names the file.
    """
    check_format(path)
    try:
        write_whole(path.resolve(), format_calibration(camera_name, calibration))
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise CalibrationError(f"the calibration {path} cannot be written: {error}") from error


def check_format(path: Path) -> None:
    """See that a file is of the format that is read and written here, by its name.

    :raises CalibrationError: if not.
    """
    if path.suffix == ".ini":
        raise CalibrationError(
            f"{path} is a calibration in Videre's INI format, which is not supported: use the "
            ".yaml that cameracalibrator writes beside it"
        )
    if path.suffix not in (".yaml", ".yml"):
        raise CalibrationError(f"{path} is no name of a calibration; it ends in .yaml or .yml")


def parse_calibration(text: str) -> CalibrationFile:
    """Return what the text of a file says.

    :raises CalibrationError: if it cannot be read as a calibration.
    """
    import yaml  # 3 MB, which a camera without a calibration file does not need

    if text.startswith("%YAML:"):  # OpenCV's way to say it, which is no YAML
        text = text.partition("\n")[2]
    try:
        # Every scalar is text at first, as for yaml-cpp: a camera may be called 0815 or yes.
        content = yaml.load(text, yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise CalibrationError(f"it is no YAML: {error}") from error
    if not isinstance(content, dict):
        raise CalibrationError("it is not a mapping of keys to values")
    return _read(content)


def _read(content: Mapping[str, object]) -> CalibrationFile:
    model, remarks = _distortion_model(content)
    k, r, p = (_matrix(content, key, shape) for key, shape in MATRICES.items())
    calibration = Calibration(
        width=_whole_number(content, "image_width"),
        height=_whole_number(content, "image_height"),
        distortion_model=model,
        d=_matrix(content, "distortion_coefficients"),
        k=k,
        r=r,
        p=p,
        binning=(
            _whole_number(content, "binning_x", 0),
            _whole_number(content, "binning_y", 0),
        ),
        roi=_region(content.get("roi")),
    )
    calibration.check()
    return CalibrationFile(_text(content, "camera_name"), calibration, remarks)


def _distortion_model(content: Mapping[str, object]) -> tuple[str, tuple[str, ...]]:
    if "distortion_model" in content:
        return _text(content, "distortion_model"), ()
    if _text(content, "camera_model") == "fisheye":
        return "equidistant", ()
    return "plumb_bob", ("it names no distortion_model, and plumb_bob is assumed",)


def _region(content: object) -> Region:
    if content is None or content == "":
        return Region()
    if not isinstance(content, dict):
        raise CalibrationError(f"roi is {shortened(content)}; it is a mapping of keys to values")
    x, y, height, width = (
        _whole_number(content, key) for key in ("x_offset", "y_offset", "height", "width")
    )
    rectify = _text(content, "do_rectify").lower()
    if rectify not in (*_YES, *_NO):
        raise CalibrationError(f'do_rectify is "{rectify[:80]}"; it is true or false')
    return Region(x, y, height, width, rectify in _YES)


def _text(content: Mapping[str, object], key: str) -> str:
    value = content.get(key, "")
    if not isinstance(value, str):
        raise CalibrationError(f"{key} is {shortened(value)}; it is one word")
    return value


def _whole_number(content: Mapping[str, object], key: str, default: int | None = None) -> int:
    value = content.get(key)
    if value is None and default is not None:
        return default
    if not (isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10):
        raise CalibrationError(f"{key} is {shortened(value)}; it must be a number of pixels")
    return int(value)


def _matrix(
    content: Mapping[str, object], key: str, shape: tuple[int, int] | None = None
) -> tuple[float, ...]:
    """Return a matrix's elements, row by row; without a shape, the file says what it is."""
    entry = content.get(key)
    if not isinstance(entry, dict) or not isinstance(entry.get("data"), list):
        raise CalibrationError(f"{key} has no list named data")
    data = entry["data"]
    rows, columns = shape or (1, len(data))
    said = _whole_number(entry, "rows", rows), _whole_number(entry, "cols", columns)
    if shape is not None and said != shape:
        raise CalibrationError(f"{key} is {said[0]}x{said[1]} instead of {rows}x{columns}")
    if len(data) != said[0] * said[1]:
        raise CalibrationError(f"{key} has {len(data)} numbers instead of {said[0] * said[1]}")
    try:
        return tuple(map(float, data))
    except (TypeError, ValueError):
        raise CalibrationError(f"{key} holds something that is no number") from None


def format_calibration(camera_name: str, calibration: Calibration) -> str:
    """Return a file's text: character for character what camera_calibration_parsers writes."""
    roi = calibration.roi
    return "\n".join(
        [
            f"image_width: {calibration.width}",
            f"image_height: {calibration.height}",
            f"camera_name: {_word(camera_name)}",
            *_format_matrix("camera_matrix", 3, 3, calibration.k),
            f"distortion_model: {_word(calibration.distortion_model)}",
            *_format_matrix("distortion_coefficients", 1, len(calibration.d), calibration.d),
            *_format_matrix("rectification_matrix", 3, 3, calibration.r),
            *_format_matrix("projection_matrix", 3, 4, calibration.p),
            f"binning_x: {calibration.binning[0]}",
            f"binning_y: {calibration.binning[1]}",
            "roi:",
            f"  x_offset: {roi.x_offset}",
            f"  y_offset: {roi.y_offset}",
            f"  height: {roi.height}",
            f"  width: {roi.width}",
            f"  do_rectify: {str(roi.do_rectify).lower()}",
        ]
    )


def _word(text: str) -> str:
    return f'"{text}"' if text in ("null", "Null", "NULL") else text


def _format_matrix(key: str, rows: int, columns: int, values: tuple[float, ...]) -> list[str]:
    data = ", ".join(f"{value:.17g}" for value in values)
    return [f"{key}:", f"  rows: {rows}", f"  cols: {columns}", f"  data: [{data}]"]
