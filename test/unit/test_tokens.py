"""Tokens: their roles, comparison and cookies, and where they come from."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.access.entrance import Refusal, require
from pi_webrtc_streamer.access.roles import Role
from pi_webrtc_streamer.access.token_sources import VARIABLES, find_tokens, parse_tokens, wanted
from pi_webrtc_streamer.access.tokens import TokenError, Tokens, new_token
from pi_webrtc_streamer.settings.access import AccessSettings
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


def test_parameters_come_before_the_environment_and_that_before_the_file(tmp_path):
    path = tmp_path / "tokens"
    path.write_text(f"# ours\n\nview = {VIEW}\ndrive=from-the-file\n")
    path.chmod(0o600)
    environment = {VARIABLES[Role.DRIVE]: "from-the-environment"}
    settings = AccessSettings(token_file=str(path))
    found = find_tokens(settings, environment)
    assert found.tokens.role_of(VIEW) == Role.VIEW
    assert found.tokens.role_of("from-the-environment") == Role.DRIVE
    assert found.tokens.role_of("from-the-file") is None
    assert found.made is None
    assert str(path) in found.where
    found = find_tokens(AccessSettings(token_drive=DRIVE), environment)
    assert found.tokens.role_of(DRIVE) == Role.DRIVE
    assert found.where == "the parameter token_drive"


def test_without_any_one_is_made_anew_each_time():
    first, second = (find_tokens(AccessSettings(), {}) for _ in range(2))
    assert first.made is not None
    assert first.made != second.made
    assert first.tokens.role_of(first.made) == Role.DRIVE
    assert not wanted(AccessSettings(), {})
    assert wanted(AccessSettings(), {VARIABLES[Role.VIEW]: VIEW})
    assert wanted(AccessSettings(token_file="x"), {})


def test_a_missing_file_is_made_for_its_owner_alone_and_kept(tmp_path):
    path = tmp_path / "folder" / "tokens"
    settings = AccessSettings(token_file=str(path))
    first = find_tokens(settings, {})
    content = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [line.split(" = ")[0] for line in content.splitlines()] == ["view", "drive"]
    second = find_tokens(settings, {})
    assert second.tokens.cookie(Role.DRIVE) == first.tokens.cookie(Role.DRIVE)
    assert path.read_text() == content
    assert list(path.parent.iterdir()) == [path], "nothing else is left"


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [
        ("view = secret-0123", 0o644, "can be read by others: chmod 600"),
        ("secret-0123", 0o600, "line 1 is neither view = TOKEN nor drive = TOKEN"),
        ("view = secret-0123\nsteer = secret-4567", 0o600, "line 2 is neither"),
        ("view =", 0o600, "line 1 is neither"),
        ("# nothing", 0o600, "has no line view = TOKEN"),
    ],
)
def test_a_wrong_file_is_named_and_not_shown(tmp_path, content, mode, why):
    path = tmp_path / "tokens"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(TokenError, match=why) as error:
        find_tokens(AccessSettings(token_file=str(path)), {})
    assert str(path) in str(error.value)
    assert "secret" not in str(error.value)


@given(st.text())
def test_any_text_gives_tokens_or_an_error(text):
    with contextlib.suppress(TokenError):
        assert all(parse_tokens(text).values())


def test_a_file_that_is_no_text_or_no_file_is_named(tmp_path):
    path = tmp_path / "tokens"
    path.write_bytes(b"\xff\xfe")
    path.chmod(0o600)
    with pytest.raises(TokenError, match="is no text"):
        find_tokens(AccessSettings(token_file=str(path)), {})
    with pytest.raises(TokenError, match="cannot be used: Is a directory"):
        find_tokens(AccessSettings(token_file=str(tmp_path)), {})
