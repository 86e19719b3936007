# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who may come in: the bridge node's settings for it."""

from __future__ import annotations

from dataclasses import dataclass

from ..access.hosts import is_origin, split_authority
from ..access.proxies import TrustedProxies
from .schema import SettingsError, setting


@dataclass(frozen=True)
class AccessSettings:
    """Parameters of the bridge node; a list with one empty text is an empty list."""

    auth: str = setting(
        "auto",
        "Who may come in: auto (with a token, if the host is not this machine alone or a token is "
        "given), token (with a token, always), open (everybody who reaches the port may watch, as "
        "long as no token is given, and nobody drive), or none (everybody may do everything)",
        choices=("auto", "token", "open", "none"),
    )
    token_file: str = setting(
        "",
        "File with lines view = TOKEN and drive = TOKEN, readable by its owner alone; it is made "
        "if it is missing. Without it and the two below, a token is made at each start, and logged",
    )
    token_view: str = setting(
        "",
        "Token with which one may watch; every ROS node can read this parameter: better use "
        "token_file or the environment variable PI_WEBRTC_STREAMER_TOKEN_VIEW",
        secret=True,
    )
    token_drive: str = setting(
        "",
        "Token with which one may also drive; every ROS node can read this parameter: better use "
        "token_file or the environment variable PI_WEBRTC_STREAMER_TOKEN_DRIVE",
        secret=True,
    )
    tls: str = setting(
        "none",
        "HTTPS: none, files (tls_certificate and tls_key), or self-signed (a certificate that is "
        "made here, and kept)",
        choices=("none", "files", "self-signed"),
    )
    tls_certificate: str = setting("", "Certificate, with those that it depends on (a PEM file)")
    tls_key: str = setting("", "The certificate's key, without a pass phrase (a PEM file)")
    allowed_hosts: list[str] = setting(
        [""],
        "Further names by which browsers may call the bridge (robot.example.org); addresses, "
        "localhost and the machine's own name, also with .local, are always right",
    )
    cors_origins: list[str] = setting(
        [""],
        "Web origins whose pages may show the cameras (https://example.org), or * for every one",
    )
    trusted_proxies: list[str] = setting(
        [""],
        "Addresses or networks (10.0.0.0/8) of reverse proxies, whose word on their clients' "
        "address and on TLS is taken (X-Forwarded-For, X-Forwarded-Proto)",
    )

    def __post_init__(self) -> None:
        self._check_tls()
        for name in filter(None, self.allowed_hosts):
            _check_host(name)
        for origin in self.listed_origins:
            if origin != "*" and not is_origin(origin):
                raise SettingsError(
                    f'cors_origins has "{origin}"; write https://example.org, without a path, or *'
                )
        try:
            TrustedProxies(self.proxies)
        except ValueError as error:
            raise SettingsError(f"trusted_proxies has what is no address: {error}") from error

    @property
    def known_hosts(self) -> list[str]:
        """The further names of the bridge."""
        return [name for name in self.allowed_hosts if name]

    @property
    def listed_origins(self) -> list[str]:
        """The origins of other sites that may use WHEP, as browsers write them."""
        return [origin.lower() for origin in self.cors_origins if origin]

    @property
    def proxies(self) -> list[str]:
        """The addresses of the reverse proxies."""
        return [proxy for proxy in self.trusted_proxies if proxy]

    def _check_tls(self) -> None:
        for name in ("tls_certificate", "tls_key"):
            given = bool(getattr(self, name))
            if given and self.tls != "files":
                raise SettingsError(f"{name} is given, but tls is {self.tls}; set tls to files")
            if not given and self.tls == "files":
                raise SettingsError(f"tls is files, and {name} is missing")


def _check_host(name: str) -> None:
    try:
        _, port = split_authority(name)
    except ValueError:
        port = 0
    if port is not None:
        raise SettingsError(f'allowed_hosts has "{name}"; write a name, without http:// or port')
