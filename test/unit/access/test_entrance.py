# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who is let in, and as what: friendly and hostile visitors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.access.attempts import (
    FREE,
)
from pi_webrtc_streamer.access.entrance import Entrance, Refusal, Visit
from pi_webrtc_streamer.access.roles import Role
from support.access import ADDRESS, DRIVE, KNOWN, TOKENS, VIEW, guarded, refusal, visit


def test_with_tokens_nobody_without_has_a_role():
    entrance = guarded()
    assert entrance.admit(visit(), 0) is None
    assert entrance.admit(visit(cookie=""), 0) is None
    assert entrance.admit(visit(bearer=VIEW), 0) == Role.VIEW
    assert entrance.admit(visit(cookie=TOKENS.cookie(Role.DRIVE)), 0) == Role.DRIVE
    assert refusal(entrance, visit(bearer="")) == 401
    assert refusal(entrance, visit(bearer=TOKENS.cookie(Role.DRIVE))) == 401


@pytest.mark.parametrize("tokens", [None, TOKENS])
def test_wrong_names_are_refused_even_with_a_token(tokens):
    entrance = Entrance(tokens, KNOWN, local=True)
    assert refusal(entrance, visit(host="evil.example:8080", bearer=DRIVE)) == 421
    assert refusal(entrance, visit(host=None)) == 400


COOKIE = TOKENS.cookie(Role.DRIVE)
FOREIGN = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://robot:9090"},
    {"site": "cross-site"},
    {"site": "same-site"},
    {"site": "cross-site", "navigates": True, "method": "POST"},
    {"origin": "https://evil.example", "method": "POST"},
    {"origin": "https://evil.example", "method": "DELETE"},
    {"origin": "https://evil.example", "upgrades": True},
]


@pytest.mark.parametrize("foreign", FOREIGN)
@pytest.mark.parametrize("tokens", [None, TOKENS], ids=["this machine alone", "with a cookie"])
def test_foreign_pages_get_nothing(tokens, foreign):
    entrance = Entrance(tokens, KNOWN, local=True)
    assert refusal(entrance, visit(**{"cookie": COOKIE, **foreign})) == 403


def test_a_link_elsewhere_leads_to_the_page():
    assert guarded().admit(visit(site="cross-site", navigates=True, cookie=COOKIE), 0) == Role.DRIVE


def test_with_a_cookie_a_change_must_come_from_our_page():
    own = {"cookie": COOKIE, "origin": "http://robot:8080"}
    for change in ({"method": "POST"}, {"method": "PATCH"}, {"upgrades": True}):
        assert guarded().admit(visit(**change, **own), 0) == Role.DRIVE
        assert refusal(guarded(), visit(**change, cookie=COOKIE)) == 403
        assert guarded().admit(visit(**change, bearer=DRIVE), 0) == Role.DRIVE


def test_what_a_browser_may_have_been_made_to_send_is_for_looking_alone():
    assert guarded().admit(visit(shown=VIEW), 0) == Role.VIEW
    assert refusal(guarded(), visit(shown="wrong")) == 401
    for change in ({"method": "POST"}, {"upgrades": True}):
        own = {"origin": "http://robot:8080"}
        assert guarded().admit(visit(**change, **own, shown=DRIVE), 0) is None
    for foreign in FOREIGN:
        assert refusal(guarded(), visit(**foreign, shown=VIEW)) == 403


def test_listed_sites_take_a_token_and_no_cookie():
    listed = {"method": "POST", "origin": "https://player.example", "listed": True}
    assert guarded().admit(visit(**listed, cookie=COOKIE), 0) is None
    assert guarded().admit(visit(**listed, bearer=DRIVE), 0) == Role.DRIVE
    alone = Entrance(None, KNOWN, local=True)
    assert alone.admit(visit(**listed), 0) == Role.VIEW, "they may watch"


def test_our_own_page_is_no_other_site_though_every_one_is_listed():
    own = visit("POST", origin="http://robot:8080", listed=True, cookie=COOKIE)
    assert guarded().admit(own, 0) == Role.DRIVE
    assert Entrance(None, KNOWN, local=True).admit(own, 0) == Role.DRIVE


def test_on_this_machine_alone_everything_may_be_done_unless_a_proxy_passes_it_on():
    alone = Entrance(None, KNOWN, local=True)
    assert alone.admit(visit("POST"), 0) == Role.DRIVE
    assert alone.cookie(Role.DRIVE) is None
    assert refusal(alone, visit(forwarded=True)) == 403
    assert Entrance(None, KNOWN, local=False).admit(visit(forwarded=True), 0) == Role.DRIVE


visits = st.builds(
    Visit,
    method=st.sampled_from(["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"]),
    address=st.just(ADDRESS),
    host=st.sampled_from(["robot", "robot:8080", "192.0.2.1", "evil.example", None]),
    origin=st.sampled_from([None, "null", "http://robot:8080", "https://evil.example"]),
    site=st.sampled_from([None, "none", "same-origin", "same-site", "cross-site"]),
    navigates=st.booleans(),
    upgrades=st.booleans(),
    secure=st.booleans(),
    forwarded=st.booleans(),
    listed=st.booleans(),
    bearer=st.none() | st.sampled_from([VIEW, DRIVE, "wrong"]),
    shown=st.none() | st.sampled_from([VIEW, DRIVE, "wrong"]),
    cookie=st.none() | st.sampled_from([TOKENS.cookie(Role.VIEW), COOKIE, "wrong"]),
)


@given(visits)
def test_nobody_gets_more_than_the_token_gives(visit):
    try:
        role = guarded().admit(visit, 0)
    except Refusal:
        return
    assert visit.host not in (None, "evil.example")
    if visit.bearer is not None:
        assert role == TOKENS.role_of(visit.bearer)
        return
    named = visit.origin or visit.navigates or visit.listed
    assert named or visit.site not in ("same-site", "cross-site"), "a foreign page had it sent"
    if visit.shown is not None and not visit.changes:
        assert role == TOKENS.role_of(visit.shown)
        assert visit.origin in (None, "http://robot:8080") or visit.listed
    elif role is not None:
        assert role == TOKENS.role_of_cookie(visit.cookie)
        assert visit.origin in (None, "http://robot:8080")
        assert visit.origin is not None or not visit.changes


def test_who_must_wait_is_not_even_told_whether_the_token_is_right(caplog):
    entrance = guarded()
    for _ in range(FREE):
        refusal(entrance, visit(bearer="wrong"))
    assert refusal(entrance, visit(bearer=DRIVE), 0.5) == 429
    with pytest.raises(Refusal) as refused:
        entrance.role_of_token(DRIVE, ADDRESS, 0.5)
    assert refused.value.retry_after == 1
    assert entrance.admit(visit(bearer=DRIVE, address="192.0.2.8"), 0.5) == Role.DRIVE
    assert entrance.admit(visit(cookie=TOKENS.cookie(Role.VIEW)), 0.5) == Role.VIEW
    assert entrance.admit(visit(bearer=DRIVE), 1.5) == Role.DRIVE
    assert len(caplog.records) == 1, "one line for several wrong tokens"
    assert "wrong tokens in a row from 192.0.2.7" in caplog.text


def test_an_old_cookie_is_no_wrong_token():
    entrance = guarded()
    for _ in range(100):  # a page that polls after the bridge was started anew
        assert entrance.admit(visit(cookie="of before"), 0) is None
    assert entrance.admit(visit(bearer=VIEW), 0) == Role.VIEW
