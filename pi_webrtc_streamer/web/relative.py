# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Addresses that hold wherever a proxy has put the bridge, as below a path."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yarl import URL


def beside(address: URL) -> str:
    """Return an address of the bridge, relative to one in the same folder (RFC 3986, 4.2)."""
    query = f"?{address.raw_query_string}" if address.raw_query_string else ""
    if query and not address.raw_name:
        return query  # the same folder; curl 7.88 loses what stands behind "./"
    # With "./", a colon in the name does not end a scheme.
    return f"./{address.raw_name}{query}"
