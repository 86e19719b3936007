# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reads a config.toml: known sections and keys, checked, whatever their spelling."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...settings.schema import ConfigError
from .findings import Findings
from .keys import (
    CAMERA,
    CROP,
    CROP_SIDE,
    GO_FLIP,
    OTHER_KEYS,
    RUST_FLIP,
    SECTIONS,
    SECTIONS_WITHOUT_MEANING,
    Key,
    Keys,
    Meaningless,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEEPEST = 20  # tables or lists within one another; with a.a.a = 1 a file could have thousands

_CAMERA_SECTION = re.compile(r"camera_?([1-9]\d?)")


@dataclass(frozen=True)
class Section:
    """A section's values by key, as far as they are given and mean something; see keys.py."""

    name: str  # as the file spells it
    keys: Keys
    given: Mapping[str, Any]

    def __contains__(self, key: str) -> bool:
        return key in self.given

    def __getitem__(self, key: str) -> Any:
        """Return a key's value, the default if it is not given."""
        about = self.keys[key]
        assert isinstance(about, Key)
        return self.given.get(key, about.default)


@dataclass(frozen=True)
class CameraSection(Section):
    """A camera's section; ``go`` says by the rules of which generation it counts."""

    number: int
    go: bool

    @property
    def flip_method(self) -> str:
        """What the section says, or its generation where it says nothing."""
        method: str | None = self["flip_method"]
        if method is None:
            return GO_FLIP if self.go else RUST_FLIP
        return method.lower()


@dataclass(frozen=True)
class Document:
    """A config.toml: every section but the cameras' is there, with nothing given if need be, and
    one camera at least.
    """

    sections: Mapping[str, Section]
    cameras: tuple[CameraSection, ...]

    def __getitem__(self, section: str) -> Section:
        return self.sections[section]


def parse_toml(text: str, path: str) -> dict[str, Any]:
    """Return the content of a TOML file that was read from ``path``.

    :raises ConfigError: if it is none.
    """
    try:
        content = tomllib.loads(text)
        if _is_deeper(content, DEEPEST):
            raise ValueError(f"more than {DEEPEST} tables lie within one another")
        return content
    except (ValueError, RecursionError) as error:  # a number with too many digits is a ValueError
        raise ConfigError(f"the configuration {path} is no TOML: {error}") from error


def _is_deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(levels == 0 or _is_deeper(each, levels - 1) for each in inner)


def read_document(content: Mapping[str, Any], findings: Findings) -> Document:
    """Return what a config.toml says; what cannot be taken is noted, and left out."""
    sections = {name: Section(name, keys, {}) for name, keys in SECTIONS.items()}
    cameras: dict[int, CameraSection] = {}
    for name, value in content.items():
        section, number = normal(name), camera_number(name)
        if any(pattern.fullmatch(section) for pattern, _ in SECTIONS_WITHOUT_MEANING):
            _tell_section_without_meaning(name, section, findings)
        elif number is None and section not in SECTIONS:
            _warn_of_unknown_section(name, value, findings)
        elif not isinstance(value, dict):
            findings.wrong("", name, value, f"a section, [{name}]")
        elif number is None:
            given = _read_section(name, SECTIONS[section], value, findings)
            given = {**sections[section].given, **given}
            sections[section] = Section(name, SECTIONS[section], given)
        else:
            given = _read_camera(name, value, findings)
            go = section == f"camera{number}"
            _add_camera(cameras, CameraSection(name, CAMERA, given, number, go), findings)
    if not cameras:
        cameras[1] = CameraSection("camera1", CAMERA, {}, 1, go=True)
    return Document(sections, tuple(cameras[number] for number in sorted(cameras)))


def camera_number(section: str) -> int | None:
    """Return of which camera a section is, None if it is of none."""
    match = _CAMERA_SECTION.fullmatch(normal(section))
    return None if match is None else int(match[1])


def normal(name: str) -> str:
    """Return a section's or key's name as keys.py has it."""
    # The Go streamer's reader took capitals for small letters.
    return name.lower().replace("-", "_")


def _tell_section_without_meaning(name: str, section: str, findings: Findings) -> None:
    for pattern, about in SECTIONS_WITHOUT_MEANING:
        if pattern.fullmatch(section):
            findings.inform(f"[{name}] has no meaning here: {about.why}")


def _warn_of_unknown_section(name: str, value: Any, findings: Findings) -> None:
    known = [*SECTIONS, "camera1", "camera2"]
    kind = f"section [{name}]" if isinstance(value, dict) else f"key {name}"
    findings.warn(f"the {kind} is unknown{_hint(normal(name), known)}; it is left out")


def _read_camera(section: str, values: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """Return what a camera's section gives; of one that is off, nothing else is looked at."""
    for name, value in values.items():
        if normal(name) == "width" and type(value) is int and value <= 0:
            return {"width": value}
    return _read_section(section, CAMERA, values, findings)


def _read_section(
    section: str, keys: Keys, values: Mapping[str, Any], findings: Findings
) -> dict[str, Any]:
    given: dict[str, Any] = {}
    spelled: dict[str, str] = {}
    for name, value in values.items():
        key = normal(name)
        about = keys.get(key) or OTHER_KEYS.get(normal(section))
        if about is None:
            findings.warn(f"[{section}] {name} is unknown{_hint(key, keys)}; it is left out")
        elif isinstance(about, Meaningless):
            findings.inform(f"[{section}] {name} has no meaning here: {about.why}")
        elif _is_right(about, section, name, value, findings):
            if key in spelled:
                findings.warn(f"[{section}] {name} is {spelled[key]}, too; the last one counts")
            given[key], spelled[key] = value, name
    if "crop" in given:
        given["crop"] = _read_crop(f"{section}.{spelled['crop']}", given["crop"], findings)
    return given


def _is_right(about: Key, section: str, name: str, value: Any, findings: Findings) -> bool:
    # type(), not isinstance(): True is no number.
    if type(value) in about.kinds and about.valid(value):
        return True
    findings.wrong(section, name, value, about.expected)
    return False


def _read_crop(section: str, values: Mapping[str, Any], findings: Findings) -> tuple[int, ...]:
    sides = _read_section(section, dict.fromkeys(CROP, CROP_SIDE), values, findings)
    return tuple(sides.get(side, 0) for side in CROP)


def _add_camera(
    cameras: dict[int, CameraSection], camera: CameraSection, findings: Findings
) -> None:
    """Take a camera's section; of two, the Go streamer's, which is the later generation."""
    other = cameras.get(camera.number)
    taken, left = (other, camera) if other is not None and other.go else (camera, other)
    cameras[camera.number] = taken
    if left is not None:
        findings.warn(f"[{left.name}] is left out, because [{taken.name}] is there as well")


def _hint(name: str, known: Keys | list[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""
