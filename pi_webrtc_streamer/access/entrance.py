# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The rules by which a request is let in, and as whom."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field

from .attempts import FREE, Attempts
from .hosts import KnownHosts, same_origin
from .roles import Role
from .tokens import Tokens

logger = logging.getLogger(__name__)

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
WHERE_TOKENS_ARE = "the bridge's log has it, or says where it is"


class Refusal(Exception):
    """A request that is not let in: the HTTP status, a sentence for the client, and its wait."""

    def __init__(self, status: int, text: str, retry_after: int | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.retry_after = retry_after  # seconds


@dataclass(frozen=True)
class Visit:
    """What a request says of who sends it, and from where."""

    method: str
    address: str  # the client's
    host: str | None
    origin: str | None = None
    site: str | None = None  # Sec-Fetch-Site (W3C Fetch Metadata)
    navigates: bool = False  # whether somebody goes to a page, in a tab of its own
    upgrades: bool = False  # whether it opens a WebSocket
    secure: bool = False  # whether it came over TLS
    forwarded: bool = False  # whether it came through a proxy
    listed: bool = False  # whether it is from another site that may use this address (CORS)
    bearer: str | None = field(default=None, repr=False)
    # A token that a page can have a browser send unasked: one of HTTP Basic, or in an address.
    shown: str | None = field(default=None, repr=False)
    cookie: str | None = field(default=None, repr=False)

    @property
    def changes(self) -> bool:
        """Whether it may change something."""
        return self.method not in SAFE_METHODS or self.upgrades


class Entrance:
    """Lets requests in. Times are in seconds.

    Without ``tokens`` everybody has the role ``everybody``: who is on this machine, for ``local``,
    and whoever reaches the port else.
    """

    def __init__(
        self,
        tokens: Tokens | None,
        hosts: KnownHosts,
        *,
        local: bool,
        everybody: Role = Role.DRIVE,
    ) -> None:
        self._tokens = tokens
        self._everybody = everybody
        self._hosts = hosts
        self._local = local
        self._attempts = Attempts()

    def admit(self, visit: Visit, now: float) -> Role | None:
        """Return the visitor's role, None if it has shown nothing that gives it one.

        :raises Refusal: if the request must not be answered, whoever it is from.
        """
        host = self._known_host(visit)
        if self._tokens is not None and visit.bearer is not None:
            # No page can make a browser send this without having been asked for (CORS).
            return self.role_of_token(visit.bearer, visit.address, now)
        own = visit.origin is not None and same_origin(visit.origin, host, secure=visit.secure)
        listed = visit.listed and not own
        if not (own or listed):
            self._refuse_foreign_page(visit)
        if self._tokens is None:
            self._require_local(visit)
            return Role.VIEW if listed else self._everybody
        if visit.shown is not None and not visit.changes:
            return self.role_of_token(visit.shown, visit.address, now)
        if visit.cookie is None or listed:
            return None
        role = self._tokens.role_of_cookie(visit.cookie)
        if role is not None and visit.changes and visit.origin is None:
            raise Refusal(403, "the header Origin is missing; or send Authorization: Bearer TOKEN")
        return role

    def role_of_token(self, token: str, address: str, now: float) -> Role | None:
        """Return the role that a token gives to somebody at an address.

        :raises Refusal: 401 if the token is wrong, 429 if there were too many wrong ones.
        """
        if self._tokens is None:
            return self._everybody
        wait = self._attempts.wait(address, now)
        if wait > 0:
            raise Refusal(429, "there were too many wrong tokens from there", math.ceil(wait))
        role = self._tokens.role_of(token)
        if role is None:
            wrong = self._attempts.failed(address, now)
            if wrong % FREE == 0:
                logger.warning("%d wrong tokens in a row from %s", wrong, address)
            raise Refusal(401, f"that token is not right; {WHERE_TOKENS_ARE}")
        self._attempts.succeeded(address)
        return role

    def cookie(self, role: Role) -> str | None:
        """Return what a visitor keeps instead of its token; None where none is needed."""
        return None if self._tokens is None else self._tokens.cookie(role)

    def _known_host(self, visit: Visit) -> str:
        if visit.host is None:
            raise Refusal(400, "there must be one header Host")
        if not self._hosts.knows(visit.host):
            raise Refusal(
                421,
                "the bridge does not know itself by this name; use its address, or add the name to "
                "the parameter allowed_hosts",
            )
        return visit.host

    def _refuse_foreign_page(self, visit: Visit) -> None:
        if visit.origin is not None:
            raise Refusal(
                403,
                "a page from elsewhere sent this; the parameter cors_origins lists whose pages "
                "may use WHEP and show pictures",
            )
        followed = visit.navigates and not visit.changes  # a link, by somebody
        if visit.site in ("cross-site", "same-site") and not followed:
            raise Refusal(
                403,
                "a page from elsewhere sent this, and may not; one that the parameter cors_origins "
                "lists may show pictures, with the attribute crossorigin",
            )

    def _require_local(self, visit: Visit) -> None:
        if self._local and visit.forwarded:
            raise Refusal(
                403,
                "this came through a proxy, and without a token the bridge serves this machine "
                "alone; give it a token (docs/security.md)",
            )


def require(role: Role | None, needed: Role) -> None:
    """See that a visitor may do what it takes a role for.

    :raises Refusal: 401 if it has no role, 403 if a lower one.
    """
    if role is None:
        raise Refusal(401, f"a token is needed; {WHERE_TOKENS_ARE}")
    if role < needed:
        raise Refusal(403, f"this takes the role {needed}, and the token gives only {role}")
