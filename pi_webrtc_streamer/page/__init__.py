# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the browser loads: the page, as ES modules by subject. Python is nowhere but here."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
TEMPLATE = "login.html"  # filled in by web/login.py
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
NAMES = frozenset(  # nothing else is served
    path.relative_to(FOLDER).as_posix()
    for path in FOLDER.rglob("*")
    if path.suffix in TYPES and path.name != TEMPLATE
)
FOR_DRIVING = frozenset(  # served where somebody can drive, or stop
    name for name in NAMES if name.startswith(("drive/", "style/drive"))
)
