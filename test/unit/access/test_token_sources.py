# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where tokens come from."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.access.roles import Role
from pi_webrtc_streamer.access.token_sources import VARIABLES, find_tokens, parse_tokens, wanted
from pi_webrtc_streamer.access.tokens import TokenError
from pi_webrtc_streamer.settings.access import AccessSettings
from support.access import DRIVE, VIEW


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
