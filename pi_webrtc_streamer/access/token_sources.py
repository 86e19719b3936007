# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where tokens come from: parameters, the environment, a file, or chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .private_file import is_private, write_private
from .roles import Role
from .tokens import TokenError, Tokens, new_token

VARIABLES = {role: f"PI_WEBRTC_STREAMER_TOKEN_{role.name}" for role in Role}


class GivenTokens(Protocol):
    """What the settings say of tokens; an empty text is none."""

    @property
    def token_file(self) -> str:
        """The path of a file with tokens."""

    @property
    def token_view(self) -> str:
        """The token with which one may watch."""

    @property
    def token_drive(self) -> str:
        """The token with which one may also drive."""


@dataclass(frozen=True)
class FoundTokens:
    """The tokens in force."""

    tokens: Tokens
    where: str  # for people who look for them
    made: str | None  # a token that was made just now, and that nobody else knows


def wanted(settings: GivenTokens, environment: Mapping[str, str]) -> bool:
    """Return whether there are tokens that somebody has chosen."""
    return bool(_given(settings, environment) or settings.token_file)


def find_tokens(settings: GivenTokens, environment: Mapping[str, str]) -> FoundTokens:
    """Return the tokens: parameters come first, then the environment, then the file.

    Where there is none, one for ``drive`` is made. A file that is missing is made, with both.

    :raises TokenError: if they cannot be used; the text says why.
    """
    given = _given(settings, environment)
    tokens = {role: token for role, (token, _) in given.items()}
    where = [name for _, name in given.values()]
    if settings.token_file:
        path = Path(settings.token_file).expanduser()
        tokens = _file_tokens(path) | tokens
        where.append(str(path))
    if tokens:
        return FoundTokens(Tokens(tokens), " and ".join(where), None)
    made = new_token()
    return FoundTokens(Tokens({Role.DRIVE: made}), "the bridge's log", made)


def _given(settings: GivenTokens, environment: Mapping[str, str]) -> dict[Role, tuple[str, str]]:
    """Return each token that was given, with where it was."""
    found = {}
    for role, variable in VARIABLES.items():
        parameter = f"token_{role}"
        for token, where in (
            (getattr(settings, parameter), f"the parameter {parameter}"),
            (environment.get(variable, ""), f"the variable {variable}"),
        ):
            if token and role not in found:
                found[role] = token, where
    return found


def _file_tokens(path: Path) -> dict[Role, str]:
    try:
        if not path.exists():
            _make_file(path)
        private, text = is_private(path), path.read_text(encoding="utf-8")
    except OSError as error:
        raise TokenError(f"token_file {path} cannot be used: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise TokenError(f"token_file {path} is no text") from error
    if not private:
        raise TokenError(f"token_file {path} can be read by others: chmod 600 {path}")
    try:
        return parse_tokens(text)
    except TokenError as error:
        raise TokenError(f"token_file {path}: {error}") from None


def _make_file(path: Path) -> None:
    lines = [f"{role} = {new_token()}\n" for role in Role]
    try:
        write_private(path, "".join(lines), replace=False)
    except FileExistsError:
        return  # another bridge was faster; its tokens will do


def parse_tokens(text: str) -> dict[Role, str]:
    """Return the tokens of a file: lines ``view = TOKEN`` and ``drive = TOKEN``, # for comments.

    :raises TokenError: if it has another line, or none.
    """
    tokens = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, equals, token = (part.strip() for part in line.partition("="))
        if not name or name.startswith("#"):
            continue
        if not equals or not token or name not in ("view", "drive"):
            raise TokenError(f"line {number} is neither view = TOKEN nor drive = TOKEN")
        tokens[Role[name.upper()]] = token
    if not tokens:
        raise TokenError("it has no line view = TOKEN or drive = TOKEN")
    return tokens
