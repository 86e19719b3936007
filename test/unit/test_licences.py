# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Each source file says under which licence it is, in the way of SPDX (REUSE)."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("bench", "faults", "fuzz", "launch", "pi_webrtc_streamer", "soak", "test", "tools")
SOURCES = {".py", ".js", ".css"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_source_names_its_licence(folder):
    sources = [
        path
        for path in (ROOT / folder).rglob("*")
        if path.suffix in SOURCES or (folder == "tools" and path.is_file() and not path.suffix)
    ]
    assert sources or not (ROOT / folder).is_dir()
    for path in sources:
        if text := path.read_text(encoding="utf-8"):
            assert "SPDX-License-Identifier: Apache-2.0" in text[:400], path
