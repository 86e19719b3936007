# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Settings as ROS parameters: declared with type, range and description, read back checked.

A parameter file may hold anything. Whatever is wrong with it is collected while the parameters
are declared, and raised when the settings are read, which a node does when it is configured: a
node with a bad file starts, says what is wrong, and refuses to configure. What is not for this node
at all is another matter: a file for a whole robot has that, and so it is only warned of.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from ..runtime.faults import faults
from ..settings.schema import (
    Setting,
    SettingsError,
    Value,
    check,
    from_values,
    settings_of,
    unknown_key,
)

Schema = TypeVar("Schema")

# Declared by rclpy itself, or by it for publishers.
ROS_OWN = ("use_sim_time", "start_type_description_service")
ROS_OWN_PREFIX = "qos_overrides."


class NodeParameters(Generic[Schema]):
    """The parameters of one node.

    ``node`` must have been made with ``automatically_declare_parameters_from_overrides=True``:
    that is how keys are found that no setting has. ``is_configured`` says whether a setting that is
    not live may not be changed now; ``on_live`` gets the live settings that are about to change and
    may raise :class:`SettingsError` to refuse.
    """

    def __init__(
        self,
        node: Node,
        schema: type[Schema],
        is_configured: Callable[[], bool],
        on_live: Callable[[dict[str, Value]], object] = lambda changes: None,
    ) -> None:
        self._node = node
        self._schema = schema
        self._is_configured = is_configured
        self._on_live = on_live
        self._problems: dict[str, str] = {}
        self._warned_of: set[str] = set()
        self._settings: dict[str, tuple[Setting, Value]] = {}
        self._overrides = {
            name: parameter.value
            for name, parameter in node.get_parameters_by_prefix("").items()
            if name not in ROS_OWN and not name.startswith(ROS_OWN_PREFIX)
        }
        for name, (about, default) in settings_of(schema).items():
            self.declare(name, about, default)
        node.add_pre_set_parameters_callback(self._convert)
        node.add_on_set_parameters_callback(self._on_set)

    def declare(self, name: str, about: Setting, default: Value) -> None:
        """Declare a parameter, unless it is; what the parameter file gives for it is taken."""
        if name in self._settings:
            return
        self._settings[name] = about, default
        value = default
        if name in self._overrides:
            if self._node.has_parameter(name):
                self._node.undeclare_parameter(name)
            try:
                value = _converted(name, self._overrides.pop(name), about, default)
                check(name, value, about)
            except SettingsError as error:
                self._problems[name] = str(error)
                value = default
        self._node.declare_parameter(name, value, _descriptor(about, default), ignore_override=True)

    def overrides(self, prefix: str) -> dict[str, Value]:
        """Return the given keys below a prefix that no setting has, without the prefix."""
        return {
            name[len(prefix) :]: value
            for name, value in self._overrides.items()
            if name.startswith(prefix)
        }

    def value(self, name: str) -> Any:
        """Return one parameter's present value."""
        return self._node.get_parameter(name).value

    def read(self, known_prefixes: tuple[str, ...] = ()) -> Schema:
        """Return the settings as they are now.

        :raises SettingsError: with a line for everything that is wrong; for unknown keys, too, if
            ``strict_parameters`` is set.
        """
        problems = list(self._problems.values())
        unknown = [name for name in self._overrides if not name.startswith(known_prefixes)]
        if self.value("strict_parameters"):
            problems += [unknown_key(name, self._settings) for name in unknown]
        else:
            self._leave_out(unknown)
        values = {name: self.value(name) for name in settings_of(self._schema)}
        try:
            settings = from_values(self._schema, values)
        except SettingsError as error:
            raise SettingsError("; ".join([*problems, str(error)])) from error
        if problems:
            raise SettingsError("; ".join(problems))
        return settings

    def changed(self, changes: Mapping[str, Value]) -> Schema:
        """Return the settings as they would be after some changes.

        :raises SettingsError: if these do not go together with the others.
        """
        values = {name: self.value(name) for name in settings_of(self._schema)}
        return from_values(self._schema, {**values, **changes})

    def _leave_out(self, unknown: list[str]) -> None:
        """Warn, once, of each key that no setting has; ROS ignores what nobody declares."""
        for name in unknown:
            if name not in self._warned_of:
                self._warned_of.add(name)
                why = unknown_key(name, self._settings, brief=True)
                self._node.get_logger().warning(
                    f"{why}; it is ignored (strict_parameters:=true refuses it)"
                )
            if self._node.has_parameter(name):
                self._node.undeclare_parameter(name)

    def _convert(self, parameters: list[Parameter]) -> list[Parameter]:
        """Give what is to be set the types that were declared, as far as that can be."""
        return [self._fit(parameter) for parameter in parameters]

    def _fit(self, parameter: Parameter) -> Parameter:
        name, value = parameter.name, parameter.value
        if name not in self._settings or value is None:
            return parameter
        try:
            converted = _converted(name, value, *self._settings[name])
            # An empty list does not say of what.
            kind = Parameter.Type.from_parameter_value(self._settings[name][1])
            return Parameter(name, kind, converted)
        except SettingsError:
            return parameter  # rclpy refuses it, and says which type it takes

    def _on_set(self, parameters: list[Parameter]) -> SetParametersResult:
        ours = [each for each in parameters if self._changes(each)]
        try:
            for parameter in ours:
                self._check_change(parameter)
            live = {p.name: p.value for p in ours if self._settings[p.name][0].live}
            if live and self._is_configured():
                self._on_live(live)
        except SettingsError as error:
            return SetParametersResult(successful=False, reason=str(error))
        except Exception as error:
            # Out of here, it would leave whoever sets the parameter without an answer.
            faults.report(self._node.get_logger(), "a parameter could not be set", error)
            return SetParametersResult(successful=False, reason=f"{error!r}; the log says more")
        for parameter in ours:
            self._problems.pop(parameter.name, None)
        return SetParametersResult(successful=True)

    def _changes(self, parameter: Parameter) -> bool:
        """Whether one of ours would get another value; tools also set what is so already."""
        name = parameter.name
        if name not in self._settings or not self._node.has_parameter(name):  # it is being declared
            return False
        return name in self._problems or parameter.value != self.value(name)

    def _check_change(self, parameter: Parameter) -> None:
        about, _ = self._settings[parameter.name]
        if self._is_configured() and not about.live:
            raise SettingsError(
                f"{parameter.name} takes effect when the node is configured: deactivate it and "
                "clean it up, set the parameter, then configure it again"
            )
        check(parameter.name, parameter.value, about)


def _converted(name: str, value: Any, about: Setting, default: Value) -> Value:
    # A secret is not shown, and YAML would take zeros from one that looks like a number.
    if about.secret and type(value) is not str:
        raise SettingsError(f"{name} takes text: put it in quotes")
    # Without quotes, YAML takes off for false.
    if value is False and "off" in about.choices:
        return "off"
    return convert(name, value, default)


def convert(name: str, value: Any, like: Value) -> Value:
    """Give a value from a file the type of ``like``; whole numbers may stand for real ones.

    :raises SettingsError: if it is of another type.
    """
    wanted = type(like)
    if wanted is float and type(value) is int:
        return float(value)
    if wanted is str and type(value) in (int, float):
        return str(value)  # camera: 0
    if wanted is list and isinstance(like, list):
        element = type(like[0])
        if not isinstance(value, str) and hasattr(value, "__iter__"):
            return [convert(name, each, like[0]) for each in value]
        raise SettingsError(f"{name} is {value!r}; it takes a list of {_TYPE_NAMES[element]}s")
    if type(value) is not wanted:
        raise SettingsError(f"{name} is {value!r}; it takes {_with_article(_TYPE_NAMES[wanted])}")
    if wanted is float and not math.isfinite(value):
        raise SettingsError(f"{name} is {value!r}; it takes a finite number")
    result: Value = value
    return result


_TYPE_NAMES = {bool: "truth value", int: "whole number", float: "number", str: "text"}


def _with_article(noun: str) -> str:
    return noun if noun == "text" else f"a {noun}"


def _descriptor(about: Setting, default: Value) -> ParameterDescriptor:
    when = "can change at any time" if about.live else "read when the node is configured"
    descriptor = ParameterDescriptor(
        description=f"{about.description} ({when})",
        additional_constraints=" | ".join(about.choices),
    )
    low, high = about.minimum, about.maximum
    if low is None or high is None:
        return descriptor
    if type(default) is int:
        descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=0)]
    elif type(default) is float:
        descriptor.floating_point_range = [
            FloatingPointRange(from_value=float(low), to_value=float(high), step=0.0)
        ]
    return descriptor
