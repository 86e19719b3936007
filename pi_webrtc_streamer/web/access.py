# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who may come in, made from the settings: the rules, TLS, and the address to click."""

from __future__ import annotations

import datetime
import os
import re
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

import ifaddr

from ..access.entrance import Entrance
from ..access.hosts import KnownHosts, machine_names
from ..access.private_file import state_folder
from ..access.proxies import TrustedProxies
from ..access.roles import Role
from ..access.token_sources import FoundTokens, find_tokens, wanted
from ..settings.bridge import BridgeSettings
from .tls import fingerprint, server_context

EVERY_ADDRESS = ("0.0.0.0", "::", "")
_NOT_IN_COOKIE_NAMES = re.compile(r"[^A-Za-z0-9.-]")


@dataclass(frozen=True)
class Access:
    """What the server needs in order to let in whom it should.

    ``link`` is the address of the page with a token that was made for it, and the same as ``url``
    if none was: others know theirs. ``cookie`` names the cookie of this bridge alone: browsers give
    cookies to every port of a host, and a proxy may have several robots below one host.
    ``open_to_all`` says that everybody in the network may watch, as whoever set it up has said.
    """

    entrance: Entrance
    proxies: TrustedProxies
    tls: ssl.SSLContext | None
    port: int
    cookie: str
    url: str
    link: str = field(repr=False)
    open_to_all: bool = False


def make_access(
    settings: BridgeSettings,
    listening: tuple[str, int],
    inform: Callable[[str], object],
    warn: Callable[[str], object],
    environment: Mapping[str, str] = os.environ,
) -> Access:
    """Return who may come in at an address and port that is listened on.

    :raises TokenError: if the tokens cannot be used.
    :raises TlsError: if the certificate cannot.
    """
    address, port = listening
    local = ip_address(address).is_loopback
    addresses = machine_addresses()
    hostname = socket.gethostname()
    names = {*machine_names(hostname), *settings.known_hosts}
    if not local and settings.host not in EVERY_ADDRESS:
        names.add(settings.host)
    found = _find_tokens(settings, local, environment)
    tls = _make_tls(settings, {*names, *addresses, address} - {*EVERY_ADDRESS}, inform)
    url = page_url("http" if tls is None else "https", settings.host, port, addresses)
    if found is None and settings.auth == "open":
        warn(
            f"auth is open and no token is set: whoever reaches {url} sees the cameras; a token "
            "closes it (token_file, or see docs/security.md)"
        )
    elif found is None and not local:
        warn(f"auth is none: whoever reaches {url} sees the cameras and may do everything")
    elif found is not None and found.made is None:
        inform(f"a token is needed: see {found.where}")
    if tls is None and found is not None and not local:
        inform("tls is none: who listens in the network can read the token (tls: self-signed)")
    return Access(
        Entrance(
            None if found is None else found.tokens,
            KnownHosts(names),
            local=local and settings.auth not in ("open", "none"),
            everybody=Role.VIEW if settings.auth == "open" else Role.DRIVE,
        ),
        TrustedProxies(settings.proxies),
        tls,
        port,
        f"pi_webrtc_streamer_{_NOT_IN_COOKIE_NAMES.sub('-', hostname)}_{port}",
        url,
        url if found is None or found.made is None else f"{url}?token={found.made}",
        open_to_all=found is None and settings.auth in ("open", "none"),
    )


def _find_tokens(
    settings: BridgeSettings, local: bool, environment: Mapping[str, str]
) -> FoundTokens | None:
    if settings.auth == "none":
        return None
    open_without = settings.auth == "open" or (settings.auth == "auto" and local)
    if open_without and not wanted(settings, environment):
        return None
    return find_tokens(settings, environment)


def _make_tls(
    settings: BridgeSettings, hosts: set[str], inform: Callable[[str], object]
) -> ssl.SSLContext | None:
    if settings.tls == "none":
        return None
    certificate = Path(settings.tls_certificate).expanduser()
    key = Path(settings.tls_key).expanduser()
    if settings.tls == "self-signed":
        # With it come cryptography and 12 MB, for which a bridge without viewers has no other use.
        from .self_signed import kept_certificate

        certificate = key = state_folder() / "self-signed.pem"
        now = datetime.datetime.now(datetime.timezone.utc)
        if kept_certificate(certificate, hosts, now):
            inform(f"made a certificate, kept in {certificate}")
    context = server_context(certificate, key)
    inform(f"SHA-256 fingerprint of the certificate: {fingerprint(certificate)}")
    return context


def machine_addresses() -> list[str]:
    """Return this machine's addresses, those of one link alone left out; IPv4 comes first."""
    addresses = []
    for adapter in ifaddr.get_adapters():
        for each in adapter.ips:
            ip = ip_address(each.ip if isinstance(each.ip, str) else each.ip[0])
            if not ip.is_link_local:
                addresses.append(ip)
    return [str(ip) for ip in sorted(addresses, key=lambda ip: ip.version)]


def page_url(scheme: str, host: str, port: int, addresses: list[str]) -> str:
    """Return the address to type into a browser; for every interface, that of the first one."""
    if host in EVERY_ADDRESS:
        host = next((ip for ip in addresses if not ip_address(ip).is_loopback), "127.0.0.1")
    return f"{scheme}://[{host}]:{port}/" if ":" in host else f"{scheme}://{host}:{port}/"
