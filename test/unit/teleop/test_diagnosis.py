# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How driving is, as diagnostics have it."""

from pi_webrtc_streamer.runtime.status import Level
from pi_webrtc_streamer.teleop.diagnosis import judge_driving
from pi_webrtc_streamer.teleop.driving import Driving
from pi_webrtc_streamer.teleop.limits import Limits

DESCRIBED = Driving(Limits(), lambda camera, picture: None, None).describe()


def test_who_drives_is_told():
    status = judge_driving({**DESCRIBED, "driver": {"number": 1, "name": "Ada"}})
    assert (status.task, status.level, status.message) == ("teleop", Level.OK, "disarmed")
    assert status.values["driver"] == "Ada"
    assert set(status.values) == set(DESCRIBED)


def test_a_stop_comes_before_that_nobody_listens():
    unheard = {**DESCRIBED, "problem": "Nobody listens on /cmd_vel."}
    assert judge_driving(unheard).level == Level.WARN
    assert judge_driving(unheard).message == "Nobody listens on /cmd_vel."
    assert judge_driving({**unheard, "reason": "Stopped by Ada."}).message == "Stopped by Ada."
