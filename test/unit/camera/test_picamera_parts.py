# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What picamera2 imports in vain need not be there."""

import sys
from importlib import import_module

import pytest

from pi_webrtc_streamer.camera import picamera_parts
from pi_webrtc_streamer.camera.picamera_parts import without_unused_parts


def test_what_is_missing_can_be_imported_as_picamera2_does_and_only_then():
    with without_unused_parts():
        pykms = import_module("pykms")
        assert import_module("pidng.core").PICAM2DNG is None
        assert pykms.PixelFormat.RGB888
    for name in ("pykms", "pidng", "pidng.core", "pidng.camdefs"):
        assert name not in sys.modules
        with pytest.raises(ImportError):
            import_module(name)


def test_what_is_there_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr(picamera_parts, "NEVER_USED", {"wave": {"wave": {"open": None}}})
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    with without_unused_parts():
        assert import_module("wave").open
    assert "wave" in sys.modules
