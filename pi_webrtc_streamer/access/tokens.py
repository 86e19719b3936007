# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tokens, each of which stands for a role, and the cookies that stand for tokens."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping

from .roles import Role

SHORTEST = 8  # characters; with a wait after each few wrong ones (attempts.py)
_COOKIE_PURPOSE = b"pi_webrtc_streamer cookie for "


class TokenError(ValueError):
    """Tokens that cannot be used; the text names where they are from, and never has a token."""


def new_token() -> str:
    """Return a token that nobody guesses (128 bits).

    In hexadecimal: terminals that make addresses clickable may leave out a ``-`` at the end.
    """
    return secrets.token_hex(16)


class Tokens:
    """The tokens that let visitors in."""

    def __init__(self, by_role: Mapping[Role, str]) -> None:
        """Take a token for each role that can be had.

        :raises TokenError: if one is too short, cannot stand in a header, or stands for two roles.
        """
        for role, token in by_role.items():
            _check(role, token)
        if len(set(by_role.values())) < len(by_role):
            raise TokenError("the tokens of view and drive are the same; they must differ")
        self._by_role = dict(by_role)
        self._cookies = {role: _cookie(role, token) for role, token in by_role.items()}

    def role_of(self, token: str) -> Role | None:
        """Return the role that a token stands for, in a time that tells nothing of the tokens."""
        return _find(token, self._by_role.items())

    def cookie(self, role: Role) -> str:
        """Return what a visitor's cookie holds: a proof of the token, from which it cannot be had.

        It holds as long as the token does, whenever the bridge is restarted. It has no date in it:
        a Raspberry Pi without a network does not know the time.
        """
        return self._cookies[role]

    def role_of_cookie(self, value: str) -> Role | None:
        """Return the role that a cookie stands for."""
        return _find(value, self._cookies.items())


def _check(role: Role, token: str) -> None:
    if len(token) < SHORTEST:
        raise TokenError(f"the token of {role} has less than {SHORTEST} characters; take more")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise TokenError(
            f"the token of {role} has a character that it must not have; "
            "take letters, digits, - and _"
        )


def _cookie(role: Role, token: str) -> str:
    purpose = _COOKIE_PURPOSE + str(role).encode()
    return hmac.new(token.encode(), purpose, hashlib.sha256).hexdigest()


def _find(given: str, known: Iterable[tuple[Role, str]]) -> Role | None:
    # Digests are of one length, so that not even the token's length shows; and all are compared.
    found = None
    digest = _digest(given)
    for role, text in known:
        if hmac.compare_digest(digest, _digest(text)):
            found = role
    return found


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
