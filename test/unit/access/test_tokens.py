# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tokens and cookies, and the roles that they give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.access.entrance import Refusal, require
from pi_webrtc_streamer.access.roles import Role
from pi_webrtc_streamer.access.tokens import TokenError, Tokens, new_token
from support.access import DRIVE, TOKENS, VIEW


def test_each_token_has_its_role_and_drive_includes_view():
    assert TOKENS.role_of(VIEW) == Role.VIEW
    assert TOKENS.role_of(DRIVE) == Role.DRIVE
    require(Role.DRIVE, Role.VIEW)
    with pytest.raises(Refusal, match="takes the role drive, and the token gives only view"):
        require(Role.VIEW, Role.DRIVE)
    with pytest.raises(Refusal, match="a token is needed"):
        require(None, Role.VIEW)


@given(st.text() | st.text(st.characters()) | st.just(TOKENS.cookie(Role.DRIVE)))
def test_no_other_text_is_a_token_or_cookie(text):
    if text not in (VIEW, DRIVE):
        assert TOKENS.role_of(text) is None
    if text not in (TOKENS.cookie(Role.VIEW), TOKENS.cookie(Role.DRIVE)):
        assert TOKENS.role_of_cookie(text) is None


class NeverCompared(str):
    """A text that is not compared as such, which would tell how much of it is right."""

    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        raise AssertionError


def test_comparison_takes_the_same_time_for_all():
    assert TOKENS.role_of(NeverCompared(VIEW)) == Role.VIEW
    assert TOKENS.role_of(NeverCompared("wrong")) is None
    assert TOKENS.role_of_cookie(NeverCompared(TOKENS.cookie(Role.DRIVE))) == Role.DRIVE


def test_a_cookie_tells_its_role_and_not_its_token():
    for role, token in ((Role.VIEW, VIEW), (Role.DRIVE, DRIVE)):
        assert TOKENS.role_of_cookie(TOKENS.cookie(role)) == role
        assert token not in TOKENS.cookie(role)
        assert token not in repr(TOKENS)
        assert Tokens({role: token}).cookie(role) == TOKENS.cookie(role), "after a restart, too"
    assert Tokens({Role.DRIVE: VIEW}).cookie(Role.DRIVE) != TOKENS.cookie(Role.VIEW)


@pytest.mark.parametrize("token", ["short", "with a space", "schön-und-lang", "line\nbreak-0123"])
def test_tokens_that_cannot_be_used_are_refused_and_not_shown(token):
    with pytest.raises(TokenError) as error:
        Tokens({Role.VIEW: token})
    assert token not in str(error.value)


def test_two_roles_have_two_tokens():
    with pytest.raises(TokenError, match="must differ"):
        Tokens({Role.VIEW: VIEW, Role.DRIVE: VIEW})
    assert len({new_token() for _ in range(100)}) == 100
