# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How paths and URLs are shown."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.camera.location import is_url, without_password

SHOWN = [
    ("rtsp://robot:secret@camera.local/1?a=b", "rtsp://camera.local/1?a=b"),
    ("http://robot@camera.local", "http://camera.local"),
    ("http://a:b@c@camera.local/@", "http://camera.local/@"),
    ("rtsp://camera.local/a@b", "rtsp://camera.local/a@b"),
    ("rtsp://camera.local:554/a@b", "rtsp://camera.local:554/a@b"),
    ("rtsp://[::1]:554/a@b", "rtsp://[::1]:554/a@b"),
    ("/videos/a@b.mp4", "/videos/a@b.mp4"),
    ("/videos/password=1.mp4", "/videos/password=1.mp4"),
    ("rtsp://robot:se/cret@camera.local/1", "rtsp://camera.local/1"),
    ("rtsp://robot:#secret@camera.local/1", "rtsp://camera.local/1"),
    ("http://camera.local/?user=robot&pwd=secret&n=1", "http://camera.local/?user=...&pwd=...&n=1"),
    ("http://camera.local/?loginuse=a&loginpas=b", "http://camera.local/?loginuse=...&loginpas=..."),
    ("http://camera.local/?p%61ssword=secret", "http://camera.local/?p%61ssword=..."),
    ("http://camera.local/?n=1;token=secret", "http://camera.local/?n=1;token=..."),
    ("http://camera.local/n=1/a?token=sec/ret==", "http://camera.local/n=1/a?token=..."),
    ("http://camera.local/#access_token=secret", "http://camera.local/#access_token=..."),
    ("rtsp://camera.local/user=robot_password=secret_1.sdp", "rtsp://camera.local/user=..."),
    ("srt://camera.local:7001?passphrase=secret&latency=20",
     "srt://camera.local:7001?passphrase=...&latency=20"),
    ("http://camera.local/?channel=1&subtype=0", "http://camera.local/?channel=1&subtype=0"),
]  # fmt: skip


@pytest.mark.parametrize(("location", "shown"), SHOWN)
def test_what_is_secret_is_not_shown(location, shown):
    assert without_password(location) == shown
    assert without_password(shown) == shown


@given(
    st.text(min_size=6),
    st.sampled_from(["user:{}@host/a", "host/?password={}", "host/?a=1&token={}"]),
)
def test_no_password_is_shown_however_odd(password, place):
    escaped = quote(password, safe="")
    shown = without_password("rtsp://" + place.format("<" + escaped + ">"))
    assert "<" not in shown
    assert shown.startswith("rtsp://host/")


def test_a_path_is_no_url():
    assert is_url("udp://@:1234")
    assert not is_url("/dev/video0")
