# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""When a viewer is beyond help."""

from pi_webrtc_streamer.link.health import ViewerHealth


def test_a_viewer_that_lags_ten_pictures_in_a_row_is_in_trouble():
    health = ViewerHealth()
    for number in range(9):
        health.on_unit(False, number)
        assert health.trouble(number) is None
    health.on_unit(True, 9)
    assert health.trouble(9) is None
    for number in range(10):
        health.on_unit(False, 10 + number)
    assert "did not take 10 pictures in a row" in (health.trouble(20) or "")


def test_a_viewer_that_is_silent_while_pictures_are_sent_is_in_trouble():
    health = ViewerHealth()
    now = 0.0
    while now < 4.9:
        health.on_unit(True, now)
        assert health.trouble(now) is None
        now += 0.1
    health.on_sign(now)
    while now < 9.8:
        health.on_unit(True, now)
        assert health.trouble(now) is None
        now += 0.1
    while now < 10.1:
        health.on_unit(True, now)
        now += 0.1
    assert "nothing was heard from it for 5 s" in (health.trouble(now) or "")


def test_silence_while_nothing_is_sent_is_no_trouble():
    health = ViewerHealth()
    health.on_unit(True, 0)
    health.on_sign(0.1)
    assert health.trouble(100) is None
    health.on_unit(True, 100)
    assert health.trouble(100) is None
    health.on_unit(True, 101)
    assert health.trouble(101) is None
