# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Settings as dataclasses whose fields carry a description and the values they may have.

Pure: ROS parameters, the command line and documentation are all made from these fields.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

# bool, int, float, str, or a list of one of them: what a ROS parameter can be. Each is checked
# against its setting's default before it is used.
Value: TypeAlias = Any

_METADATA = "setting"
_GROUP = "group"

Schema = TypeVar("Schema")


class SettingsError(ValueError):
    """A setting has a value that it cannot have; the text names both, and what would do."""


class ConfigError(ValueError):
    """A configuration file that cannot be used; the text names it and says why."""


@dataclass(frozen=True)
class Setting:
    """What is known of a setting besides its name, type and default."""

    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    live: bool = False  # whether a change takes effect while the node runs
    secret: bool = False  # whether its value must not be shown


def setting(
    default: Any,
    description: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    live: bool = False,
    secret: bool = False,
) -> Any:
    """Make a dataclass field that is a setting; a list default is copied for each object."""
    metadata = {_METADATA: Setting(description, minimum, maximum, choices, live, secret)}
    if isinstance(default, list):
        return dataclasses.field(default_factory=default.copy, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def group(schema: type[Schema]) -> Any:
    """Make a dataclass field that has further settings, named after it: ``field.setting``."""
    return dataclasses.field(default_factory=schema, metadata={_GROUP: schema})


def settings_of(schema: type) -> dict[str, tuple[Setting, Value]]:
    """Return each setting of a dataclass, those of its groups included, with its default."""
    found: dict[str, tuple[Setting, Value]] = {}
    for field in dataclasses.fields(schema):
        if _GROUP in field.metadata:
            of_group = settings_of(field.metadata[_GROUP])
            found |= {f"{field.name}.{name}": each for name, each in of_group.items()}
            continue
        default = (
            field.default_factory()
            if field.default_factory is not dataclasses.MISSING
            else field.default
        )
        found[field.name] = field.metadata[_METADATA], default
    return found


def from_values(schema: type[Schema], values: Mapping[str, Value]) -> Schema:
    """Make settings from values by the names of :func:`settings_of`; what is missing is default.

    :raises SettingsError: if they do not go together.
    """
    own: dict[str, Any] = {}
    for field in dataclasses.fields(schema):  # type: ignore[arg-type]  # a dataclass, as above
        if _GROUP in field.metadata:
            prefix = f"{field.name}."
            of_group = {
                name.removeprefix(prefix): value
                for name, value in values.items()
                if name.startswith(prefix)
            }
            own[field.name] = from_values(field.metadata[_GROUP], of_group)
        elif field.name in values:
            own[field.name] = values[field.name]
    return schema(**own)


def check(name: str, value: Value, about: Setting) -> None:
    """See that a value of the right type is one that the setting may have.

    :raises SettingsError: if not.
    """
    if about.choices and value not in about.choices:
        raise SettingsError(f'{name} is "{value}"; choose one of {", ".join(about.choices)}')
    for number in value if isinstance(value, list) else [value]:
        if isinstance(number, (int, float)) and not isinstance(number, bool):
            _check_range(name, number, about)


def _check_range(name: str, number: float, about: Setting) -> None:
    low, high = about.minimum, about.maximum
    if (low is not None and number < low) or (high is not None and number > high):
        raise SettingsError(f"{name} is {number:g}; it must be {describe_range(about)}")


def describe_range(about: Setting) -> str:
    """Say in words which numbers a setting may have."""
    if about.minimum is None:
        return f"at most {about.maximum:g}"
    if about.maximum is None:
        return f"at least {about.minimum:g}"
    return f"from {about.minimum:g} to {about.maximum:g}"


def unknown_key(name: str, known: Iterable[str], *, brief: bool = False) -> str:
    """Say that a key is unknown, with the nearest known one or, unless ``brief``, all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f'unknown parameter "{name}": did you mean "{near[0]}"?'
    return f'unknown parameter "{name}"' + ("" if brief else f": known are {', '.join(known)}")
