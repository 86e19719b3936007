"""Who may come in: tokens, waiting, names and origins, from friendly and hostile visitors."""

import contextlib
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.access.attempts import (
    CAPACITY,
    FORGOTTEN_AFTER,
    FREE,
    LONGEST_WAIT,
    Attempts,
)
from pi_webrtc_streamer.access.entrance import Entrance, Refusal, Visit, require
from pi_webrtc_streamer.access.hosts import (
    KnownHosts,
    is_origin,
    machine_names,
    same_origin,
    split_authority,
)
from pi_webrtc_streamer.access.proxies import TrustedProxies
from pi_webrtc_streamer.access.roles import Role
from pi_webrtc_streamer.access.token_sources import VARIABLES, find_tokens, parse_tokens, wanted
from pi_webrtc_streamer.access.tokens import TokenError, Tokens, new_token
from pi_webrtc_streamer.settings.access import AccessSettings
from pi_webrtc_streamer.settings.bridge import BridgeSettings
from pi_webrtc_streamer.settings.schema import SettingsError

VIEW, DRIVE = "watch-only-0123", "drive-too-4567"
ADDRESS = "192.0.2.7"
KNOWN = KnownHosts(["localhost", "robot", "robot.local"])
TOKENS = Tokens({Role.VIEW: VIEW, Role.DRIVE: DRIVE})


def guarded() -> Entrance:
    return Entrance(TOKENS, KNOWN, local=False)


def visit(method: str = "GET", host: str | None = "robot:8080", **rest) -> Visit:
    return Visit(method, rest.pop("address", ADDRESS), host, **rest)


def refusal(entrance: Entrance, visit: Visit, now: float = 0.0) -> int:
    with pytest.raises(Refusal) as refused:
        entrance.admit(visit, now)
    return refused.value.status


# Tokens


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


# Where tokens come from


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


# Wrong tokens

times = st.lists(st.integers(0, 120).map(lambda quarters: quarters / 4), max_size=60)


def test_the_first_few_are_free_then_the_wait_doubles_up_to_a_minute():
    attempts, now, waits = Attempts(), 0.0, []
    for _ in range(FREE + 9):
        assert attempts.wait(ADDRESS, now) == 0
        attempts.failed(ADDRESS, now)
        waits.append(attempts.wait(ADDRESS, now))
        now += waits[-1]
    assert waits == [0] * (FREE - 1) + [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


@given(times)
def test_a_wait_is_bounded_and_ends_by_itself(pauses):
    attempts, now = Attempts(), 0.0
    for pause in pauses:
        now += pause
        before = attempts.wait(ADDRESS, now)
        attempts.failed(ADDRESS, now)
        after = attempts.wait(ADDRESS, now)
        assert 0 <= before <= LONGEST_WAIT
        assert before <= after <= LONGEST_WAIT
        assert attempts.wait(ADDRESS, now + after) == 0
    assert attempts.wait(ADDRESS, now + FORGOTTEN_AFTER) == 0


@given(times, st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_nobody_waits_for_another(pauses, guilty, innocent):
    attempts = Attempts()
    for now in pauses:
        attempts.failed(str(guilty), now)
    assert (attempts.wait(str(innocent), max(pauses, default=0)) == 0) or guilty == innocent


def test_a_subscriber_is_one_however_many_addresses_he_takes():
    attempts = Attempts()
    for number in range(FREE):
        attempts.failed(f"2001:db8::{number}", 0)
        attempts.failed(f"fe80::{number}%eth0", 0)
        attempts.failed(("192.0.2.7", "::ffff:192.0.2.7")[number % 2], 0)
    assert attempts.wait("2001:db8::99", 0) > 0
    assert attempts.wait(ADDRESS, 0) > 0
    assert attempts.wait("fe80::1%eth0", 0) == 0, "a neighbour has nothing to do with another"


def test_the_table_is_bounded_forgets_and_keeps_who_was_last():
    attempts = Attempts()
    for number in range(3 * CAPACITY):
        attempts.failed(str(ipaddress.IPv4Address(number)), number / 1000)
        assert len(attempts) <= CAPACITY
    assert attempts.failed(str(ipaddress.IPv4Address(3 * CAPACITY - 1)), 4) == 2
    assert attempts.failed(ADDRESS, 4 + FORGOTTEN_AFTER) == 1
    assert len(attempts) == 1


def test_a_right_token_makes_up_for_the_wrong_ones():
    entrance = guarded()
    for _ in range(3):
        for _ in range(FREE - 1):
            assert refusal(entrance, visit(bearer="wrong")) == 401
        assert entrance.admit(visit(bearer=VIEW), 0) == Role.VIEW


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


# Hosts and origins

labels = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)
ports = st.none() | st.integers(0, 99999)


def with_port(host: str, port: int | None) -> str:
    return host if port is None else f"{host}:{port}"


@given(st.ip_addresses(), ports)
def test_every_address_is_a_right_host(address, port):
    host = f"[{address}]" if address.version == 6 else str(address)
    assert KNOWN.knows(with_port(host, port))


@given(labels, labels, ports)
def test_every_other_name_is_a_wrong_host(label, domain, port):
    assert not KNOWN.knows(with_port(f"{label}.{domain}", port)) or f"{label}.{domain}" in (
        "robot.local",
    )
    assert not KNOWN.knows(with_port(f"localhost.{domain}", port))
    assert not KNOWN.knows(with_port(f"127.0.0.1.{domain}", port))


@given(st.text())
def test_any_text_as_a_host_or_origin_is_judged(text):
    KNOWN.knows(text)
    is_origin(text)
    assert not same_origin(text, "robot:8080", secure=True) or text.startswith("https://")


@pytest.mark.parametrize("host", ["", "robot:", "robot:x", "a b", "[::1", "robot/x", "u@robot"])
def test_what_is_no_host_is_wrong(host):
    assert not KNOWN.knows(host)


def test_names_in_any_case_and_with_a_dot_at_the_end():
    assert KNOWN.knows("Robot.Local.:8080")
    assert machine_names("Pi.example.org") == {"localhost", "pi.example.org", "pi", "pi.local"}
    assert split_authority("[::1]:80") == ("[::1]", 80)


@given(labels, ports, st.sampled_from(["http", "https"]))
def test_a_page_of_the_bridge_is_recognised(host, port, scheme):
    authority = with_port(host, port)
    origin = f"{scheme}://{authority}"
    assert same_origin(origin, authority, secure=scheme == "https")
    assert not same_origin(f"{scheme}://x{authority}", authority, secure=False)
    assert not same_origin(f"{origin}.evil.example", authority, secure=False)
    assert same_origin(f"http://{authority}", authority, secure=True) is False


@pytest.mark.parametrize(
    ("origin", "authority", "secure", "same"),
    [
        ("http://robot:8080", "robot:8080", False, True),
        ("http://robot:9090", "robot:8080", False, False),
        ("http://robot", "robot:80", False, True),
        ("https://robot", "robot", False, True),  # a proxy has taken TLS off
        ("https://robot", "robot:443", True, True),
        ("null", "robot", False, False),
        ("file://", "robot", False, False),
    ],
)
def test_origins(origin, authority, secure, same):
    assert same_origin(origin, authority, secure=secure) is same


# Admission


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
    elif role is not None:
        assert role == TOKENS.role_of_cookie(visit.cookie)
        assert visit.origin in (None, "http://robot:8080")
        assert visit.site in (None, "none", "same-origin") or visit.origin or visit.navigates
        assert visit.origin is not None or not visit.changes


# Proxies


def test_only_trusted_proxies_are_believed():
    proxies = TrustedProxies(["127.0.0.1", "10.0.0.0/8"])
    assert proxies.client("192.0.2.7", ["198.51.100.1"]) == "192.0.2.7"
    assert proxies.client("127.0.0.1", ["198.51.100.1"]) == "198.51.100.1"
    assert proxies.client("::ffff:127.0.0.1", [" 198.51.100.1 "]) == "198.51.100.1"
    assert proxies.client("127.0.0.1", ["1.1.1.1", "198.51.100.1", "10.1.2.3"]) == "198.51.100.1"
    assert proxies.client("127.0.0.1", []) == "127.0.0.1"
    assert TrustedProxies([]).client("127.0.0.1", ["1.1.1.1"]) == "127.0.0.1"


@pytest.mark.parametrize(
    ("written", "client"),
    [
        ("192.0.2.7:4711", "192.0.2.7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("unknown", "unknown"),
    ],
)
def test_a_port_that_a_proxy_writes_makes_no_other_client(written, client):
    assert TrustedProxies(["127.0.0.1"]).client("127.0.0.1", [written]) == client


@given(st.lists(st.text(), max_size=5), st.ip_addresses())
def test_what_a_client_writes_itself_does_not_hide_it(written, client):
    proxies = TrustedProxies(["127.0.0.1"])
    if not proxies.trust(str(client)):
        assert proxies.client("127.0.0.1", [*written, str(client)]) == str(client)


# Settings


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"tls": "files"}, "tls is files, and tls_certificate is missing"),
        ({"tls_key": "x"}, "tls_key is given, but tls is none; set tls to files"),
        ({"allowed_hosts": ["http://robot"]}, 'allowed_hosts has "http://robot"'),
        ({"allowed_hosts": ["robot:80"]}, 'allowed_hosts has "robot:80"'),
        ({"cors_origins": ["https://a.example/"]}, 'cors_origins has "https://a.example/"'),
        ({"cors_origins": ["null"]}, 'cors_origins has "null"'),
        ({"trusted_proxies": ["nginx"]}, "trusted_proxies has what is no address"),
    ],
)
def test_settings_that_do_not_fit_are_named(values, why):
    with pytest.raises(SettingsError, match=why):
        BridgeSettings(**values)


def test_other_sites_are_not_let_in_unless_named():
    assert BridgeSettings().listed_origins == []
    named = BridgeSettings(cors_origins=["https://A.example"])
    assert named.listed_origins == ["https://a.example"]
