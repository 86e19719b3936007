# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Signing in: a token for a cookie, so that it stays neither in the address nor in the history."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import time
from string import Template
from urllib.parse import parse_qs

from aiohttp import web

from ..access.entrance import Refusal
from ..page import FOLDER, TEMPLATE
from .body import read_text
from .errors import ApiError
from .foreign import foreign_interface
from .keys import ACCESS
from .relative import beside
from .visit import client_address, cookie_name, is_secure

COOKIE_AGE = 30 * 24 * 3600  # seconds
MOST_FIELDS = 10  # of a form
TITLES = {401: "This robot asks for a token", 429: "Please wait"}


def _page() -> str:
    """Return the page to sign in. It has all that it needs within it: nobody is served more yet."""
    _, _, after = (FOLDER / "index.html").read_text("utf-8").partition("<head>\n")
    head, _, _ = after.partition("  <!--")
    styles = [(FOLDER / "style" / f"{name}.css").read_text("utf-8") for name in ("theme", "login")]
    template = Template((FOLDER / TEMPLATE).read_text("utf-8"))
    return template.safe_substitute(head=head, style="\n".join(styles))


def _style_hash(page: str) -> str:
    style = re.search("<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    return base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()


PAGE = _page()


HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_style_hash(PAGE)}'; img-src data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    # With no-referrer, the form would be sent with the Origin "null".
    "Referrer-Policy": "same-origin",
}


def is_for_people(request: web.Request) -> bool:
    """Return whether an answer is to be read by somebody at a browser."""
    foreign = foreign_interface(request)
    page = request.path in ("/", foreign.page) and not foreign.own_port
    return page and "text/html" in request.headers.get("Accept", "")


def login_page(request: web.Request, refusal: Refusal, headers: dict[str, str]) -> web.Response:
    """Say why somebody is not let in and, where that helps, ask for a token."""
    asks = refusal.status in TITLES
    problem = str(refusal)
    if refusal.retry_after is not None:
        problem = f"{problem}: the next one is looked at in {refusal.retry_after} s"
    given = "token" in request.query or request.method == "POST"
    text = Template(PAGE).substitute(
        title=TITLES.get(refusal.status, "This is not possible"),
        problem=html.escape(_sentence(problem)) if given or not asks else "",
        address=html.escape(_address_without_token(request)),
        form="" if asks else "hidden",
    )
    return web.Response(
        status=refusal.status, text=text, content_type="text/html", headers={**HEADERS, **headers}
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def signed_in(request: web.Request, token: str) -> web.Response:
    """Return the way to the same address without the token, with a cookie for it.

    :raises Refusal: if the token is not right.
    """
    entrance = request.app[ACCESS].entrance
    role = entrance.role_of_token(token, client_address(request), time.monotonic())
    response = web.Response(status=303, headers={"Cache-Control": "no-store"})
    response.headers["Location"] = _address_without_token(request)
    cookie = None if role is None else entrance.cookie(role)
    if cookie is not None:
        response.set_cookie(
            cookie_name(request),
            cookie,
            max_age=COOKIE_AGE,
            path="/",
            httponly=True,
            secure=is_secure(request),
            samesite="Lax",
        )
    return response


async def sign_in(request: web.Request) -> web.Response:
    """Take the form of the login page."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise ApiError(415, "send the token as a form (application/x-www-form-urlencoded)")
    try:
        form = parse_qs(await read_text(request), max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise ApiError(400, f"the form has more than {MOST_FIELDS} fields") from error
    if "token" not in form:
        raise Refusal(401, "the form has no token")
    return signed_in(request, form["token"][0].strip())


def _address_without_token(request: web.Request) -> str:
    query = [(name, value) for name, value in request.query.items() if name != "token"]
    return beside(request.rel_url.with_query(query))
