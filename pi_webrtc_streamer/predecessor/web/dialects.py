# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tells the dialects apart."""

from __future__ import annotations

from . import go, rust
from .messages import Dialect, NoObject, read_object

RUST: Dialect = rust.Rust()
GO: Dialect = go.Go()


def dialect_of_message(text: str) -> Dialect | None:
    """Return the dialect that a client's message is in, None if it could be either."""
    try:
        content = read_object(text)
    except NoObject:
        return None
    if any(key in content for key in rust.KEYS):
        return RUST
    return GO if go.KEY in content else None


def dialect_of_path(path: str) -> Dialect:
    """Return the dialect of a client that has said nothing yet: the Go streamer had one path."""
    return GO if path == go.PATH else RUST
