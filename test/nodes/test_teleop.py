# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Driving through the real bridge: a driver on aiortc, a base and a camera on DDS."""

import asyncio
import math
import time
from contextlib import contextmanager

import aiohttp
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import Twist, TwistStamped
from nav_msgs.msg import Odometry
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import BatteryState, JointState
from std_msgs.msg import Bool, Float64MultiArray
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from pi_webrtc_streamer.teleop.messages import NEUTRAL, Axes, Flag, State, Told
from support.access import DRIVE, VIEW
from support.base import Base, spun
from support.cameras import get_json
from support.driver import ARM, FORWARD, HOLD, driving, driving_by_socket
from support.nodes import Lifecycle, Publisher, grey_jpeg, make_bridge, running
from support.serving import bearer
from support.twist_mux import TwistMux
from support.waiting import until

HEAD = {
    "teleop__pan_joint": "pan",
    "teleop__tilt_joint": "tilt",
    "teleop__head_topic": "/head",
}


# On a machine that is busy with other things, commands and pictures are late.
PATIENT = {
    "teleop__command_gap": 1.0,
    "teleop__command_age": 3.0,
    "teleop__picture_age": 2.0,
    "teleop__blind_distance": 10.0,
}


@contextmanager
def robot(node, **parameters):
    """Run a bridge that can be driven, and a camera."""
    bridge = make_bridge(teleop__enabled=True, **PATIENT, **parameters)
    with running(bridge), Publisher(node, grey_jpeg()):
        yield bridge


@pytest.fixture
def base(remote):
    with spun(remote):
        yield Base(remote)


async def listens(bridge) -> dict:
    """Wait until the bridge says that somebody takes its commands."""
    return await says(bridge, lambda teleop: teleop["subscribers"] == 1)


async def says(bridge, condition) -> dict:
    """Return what the bridge says of driving, once a condition holds of it."""
    for _ in range(300):
        _, teleop = await get_json(f"{bridge.url}teleop")
        if condition(teleop):
            return teleop
        await asyncio.sleep(0.05)
    raise AssertionError(teleop)


async def test_the_robot_moves_and_stops(node, base):
    with robot(node) as bridge:
        teleop = await listens(bridge)
        assert teleop["topic"] == "/cmd_vel"
        assert teleop["type"] == "TwistStamped"
        assert teleop["problem"] == ""
        async with driving(bridge.url, "?name=Ada") as driver:
            await driver.drive(Axes(forward=1.0, turn=0.5))
            await until(lambda: base.told and base.told[-1].forward >= 0.3 - 1e-6, "full speed")
            assert base.told[-1].turn == pytest.approx(0.3)
            assert driver.status.told & Told.LISTENED
            assert driver.status.loop_age > 0
            assert driver.status.cap == pytest.approx(0.3)
            _, teleop = await get_json(f"{bridge.url}teleop")
            assert teleop["driver"] == {"number": 1, "name": "Ada"}
            _, stats = await get_json(f"{bridge.url}stats")
            assert stats["drivers"] == [{"connected": True, "state": "connected", "refused": {}}]
            driver.send_now(ARM, NEUTRAL)
            await until(lambda: not base.told[-1].moves, "a standstill")
            await asyncio.sleep(1.5)
            count = len(base.told)
            await asyncio.sleep(0.5)
            assert len(base.told) == count, "silence, for whoever drives next"
            zeros = base.after(base.last_motion().at)
            assert 15 <= len(zeros) <= 22, "for a second"
            assert driver.status.state is State.ARMED
        frames, stamps = zip(*base.stamps, strict=True)
        assert set(frames) == {"base_link"}
        assert list(stamps) == sorted(stamps)
        assert base.x > 0


async def test_navigation_goes_on_until_somebody_drives_and_afterwards(node, remote):
    topics = ("/cmd_vel_nav", "/cmd_vel_teleop", "/bridge/stopped", "/cmd_vel")
    with spun(remote), robot(node, teleop__topic="/cmd_vel_teleop") as bridge:
        base = Base(remote)
        TwistMux(remote, *topics)
        navigation = remote.create_publisher(TwistStamped, "/cmd_vel_nav", 1)
        turning = TwistStamped()
        turning.twist.angular.z = 0.123
        remote.create_timer(0.05, lambda: navigation.publish(turning))

        def navigates() -> bool:
            return bool(base.told) and base.told[-1].turn == pytest.approx(0.123)

        await listens(bridge)
        await until(navigates, "navigation")
        async with driving(bridge.url) as driver:
            await driver.arm()
            count = len(base.told)
            await asyncio.sleep(0.5)
            assert all(told.turn > 0.1 for told in base.told[count:]), "being armed is no reason"
            driver.send_now(ARM | HOLD, FORWARD)
            await until(lambda: base.told[-1].forward >= 0.3 - 1e-6, "the driver")
            driver.send_now(ARM, NEUTRAL)
            await until(navigates, "navigation again")
            driver.send_now(Flag.STOP)
            await until(lambda: driver.status.told & Told.STOPPED, "the stop")
            await asyncio.sleep(0.3)
            count = len(base.told)
            await asyncio.sleep(0.7)
            assert not any(told.moves for told in base.told[count:]), "nor may navigation go on"


async def test_a_topic_that_takes_plain_twists(node, remote):
    with spun(remote), robot(node, teleop__topic="/base/cmd_vel") as bridge:
        base = Base(remote, Twist, "/base/cmd_vel")
        teleop = await listens(bridge)
        assert teleop["type"] == "Twist"
        async with driving(bridge.url) as driver:
            await driver.drive(Axes(turn=-1.0))
            await until(lambda: base.told and base.told[-1].turn <= -0.6 + 1e-6, "full speed")


async def test_types_that_do_not_fit_are_told(node, base):
    with robot(node, teleop__type="twist") as bridge:
        teleop = await says(bridge, lambda teleop: "TwistStamped" in teleop["problem"])
        assert "nothing moves. Set teleop.type" in teleop["problem"]
        assert teleop["subscribers"] == 0


async def test_a_subscriber_with_another_qos_is_told_of(node, remote):
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    remote.create_subscription(TwistStamped, "/cmd_vel", lambda message: None, latched)
    with spun(remote), robot(node) as bridge:
        teleop = await says(bridge, lambda teleop: "another QoS" in teleop["problem"])
        assert "another QoS" in teleop["problem"]
        assert teleop["subscribers"] == 0


async def test_nobody_listens(node):
    with robot(node) as bridge:
        _, teleop = await get_json(f"{bridge.url}teleop")
        assert "Nobody listens on /cmd_vel" in teleop["problem"]
        async with driving(bridge.url) as driver:
            assert not (await driver.arm()).told & Told.LISTENED


async def test_by_websocket(node, base):
    with robot(node) as bridge:
        await listens(bridge)
        async with driving_by_socket(bridge.url, "?name=Bob") as driver:
            await driver.drive()
            base.wait_for_motion()
            _, teleop = await get_json(f"{bridge.url}teleop")
            assert teleop["driver"]["name"] == "Bob"
        await until(lambda: not base.told[-1].moves, "a standstill")


async def deactivate(bridge, driver, node):
    assert await Lifecycle(node, "bridge").change_soon(Lifecycle.DEACTIVATE)


async def stall(bridge, driver, node):
    bridge._loop.loop.call_soon_threadsafe(time.sleep, 1.5)


async def end_connection(bridge, driver, node):
    async with aiohttp.ClientSession() as session:
        for _ in range(2):  # that it has ended is what was asked for
            async with session.delete(driver.resource) as response:
                assert response.status == 200
    driver.sending = False


async def stop_by_http(bridge, driver, node):
    async with aiohttp.ClientSession() as session, session.post(f"{bridge.url}teleop/stop"):
        pass


async def lie(bridge, driver, node):
    driver.axes = Axes(forward=math.nan)


async def say_nothing(bridge, driver, node):
    driver.sending = False


async def see_nothing(bridge, driver, node):
    driver.changes["picture"] = driver.picture


async def let_go(bridge, driver, node):
    driver.send_now(Flag(0))


FAULTS = [deactivate, stall, end_connection, stop_by_http, lie, say_nothing, see_nothing, let_go]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_a_fault_ends_in_zeros_and_silence(node, base, fault):
    with robot(node) as bridge:
        await listens(bridge)
        async with driving(bridge.url) as driver:
            await driver.drive()
            await until(lambda: base.told and base.told[-1].forward >= 0.3 - 1e-6, "full speed")
            await fault(bridge, driver, node)
            await until(lambda: not base.told[-1].moves, "a standstill")
            await asyncio.sleep(0.3)
            last = base.last_motion()
            assert last.forward == pytest.approx(0.3), "from full speed, at once"
            await asyncio.sleep(1.7)
            assert base.last_motion() is last, "though an input is held"
            if fault is not stop_by_http:
                count = len(base.told)
                await asyncio.sleep(0.3)
                assert len(base.told) == count, "silence, for whoever drives next"


async def test_the_stop_and_its_reset(node, base, remote):
    told: list[bool] = []
    remote.create_subscription(Bool, "/bridge/stopped", lambda m: told.append(m.data), 10)
    with robot(node) as bridge:
        await listens(bridge)
        stop = node.create_client(Trigger, "/bridge/stop")
        reset = node.create_client(Trigger, "/bridge/reset")
        assert stop.wait_for_service(30)
        async with driving(bridge.url) as driver:
            await driver.drive()
            base.wait_for_motion()
            assert (await called(stop)).success
            await until(lambda: told and told[-1], "the news that it is stopped")
            await until(lambda: driver.status.told & Told.STOPPED, "the same for the driver")
            assert driver.status.reason == "Stopped by a ROS node."
            await asyncio.sleep(0.6)
            refused = await called(reset)
            assert not refused.success
            assert "let keys and sticks go" in refused.message
            driver.send_now(Flag(0), NEUTRAL)
            await asyncio.sleep(0.7)
            count = len(base.told)
            await asyncio.sleep(1.0)
            assert 3 <= len(base.told) - count <= 8, "zeros at 5 Hz"
            assert (await called(reset)).success
            await until(lambda: not told[-1], "the news that it is not")
            driver.send_now(ARM | HOLD, FORWARD)
            count = len(base.told)
            await asyncio.sleep(0.5)
            assert not any(told.moves for told in base.told[count:])
        assert told.count(False) > 3, "it is told while nobody has stopped, too"


async def called(client) -> Trigger.Response:
    future = client.call_async(Trigger.Request())
    await until(future.done, "an answer of a service")
    return future.result()


async def test_the_stop_outlasts_a_deactivation(node, base):
    with robot(node) as bridge:
        await listens(bridge)
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{bridge.url}teleop/stop?name=Eve") as response:
                assert (await response.json())["reason"] == "Stopped by Eve."
            for transition in (Lifecycle.DEACTIVATE, Lifecycle.ACTIVATE):
                assert await Lifecycle(node, "bridge").change_soon(transition)
            _, teleop = await get_json(f"{bridge.url}teleop")
            assert teleop["stopped"]
            await asyncio.sleep(0.6)
            async with session.post(f"{bridge.url}teleop/reset") as response:
                assert not (await response.json())["stopped"]


async def test_one_drives_and_the_other_asks(node, base):
    with robot(node) as bridge:
        await listens(bridge)
        async with (
            driving(bridge.url, "?name=Ada") as ada,
            driving(bridge.url, "?name=Bob") as bob,
        ):
            await ada.drive()
            bob.send_now(ARM)
            await until(lambda: bob.status.reason == "Ada drives.", "the reason why not")
            assert bob.status.told & Told.LOCK_OTHERS
            assert await change_lock(bob, "ask") == 200
            await until(lambda: ada.status.told & Told.ASKED, "the question")
            assert ada.status.reason == "Bob asks to drive."
            assert await change_lock(ada, "grant") == 200
            await until(lambda: not base.told[-1].moves, "a standstill")
            await bob.drive()
            assert ada.status.reason == "Bob drives."
            assert await change_lock(bob, "dance") == 400
        assert await change_lock(bob, "ask") == 404


async def change_lock(driver, what: str) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{driver.resource}/lock", json={"do": what}) as response,
    ):
        return response.status


async def test_a_head_is_moved_from_where_it_is(node, base, remote):
    goals: list[JointTrajectory] = []
    remote.create_subscription(JointTrajectory, "/head", goals.append, 10)
    joints = remote.create_publisher(JointState, "/joint_states", 1)
    with robot(node, teleop__head="trajectory", **HEAD) as bridge:
        async with driving(bridge.url) as driver:
            await driver.drive(Axes(pan=1.0))
            await until(lambda: "joints are" in driver.status.reason, "what is missing")
            assert goals == []
            while not goals:
                joints.publish(JointState(name=["tilt", "pan"], position=[0.1, 0.5]))
                await asyncio.sleep(0.05)
            await until(lambda: len(goals) > 5, "movements")
        first, last = goals[0], goals[-1]
        assert first.joint_names == ["pan", "tilt"]
        assert first.points[0].positions[0] == pytest.approx(0.55, abs=0.051)
        assert last.points[0].positions[0] > first.points[0].positions[0]
        assert last.points[0].positions[1] == pytest.approx(0.1)
        assert not any(told.moves for told in base.told), "the wheels are left alone"


async def test_a_head_that_takes_an_array(node, remote):
    goals: list[Float64MultiArray] = []
    remote.create_subscription(Float64MultiArray, "/head", goals.append, 10)
    joints = remote.create_publisher(JointState, "/joint_states", 1)
    with spun(remote), robot(node, teleop__head="array", **HEAD) as bridge:
        async with driving(bridge.url) as driver:
            await driver.drive(Axes(tilt=-1.0))
            while len(goals) < 5:
                joints.publish(JointState(name=["pan", "tilt"], position=[0.2, 0.0]))
                await asyncio.sleep(0.05)
    assert goals[-1].data[0] == pytest.approx(0.2)
    assert goals[-1].data[1] < goals[0].data[1] < 0


async def test_what_the_robot_tells_is_passed_on(node, remote):
    states: list[DiagnosticStatus] = []
    remote.create_subscription(DiagnosticStatus, "/bridge/teleop", states.append, 10)
    odometry = remote.create_publisher(Odometry, "/odom", 1)
    battery = remote.create_publisher(BatteryState, "/battery", 1)
    topics = {"teleop__odometry_topic": "/odom", "teleop__battery_topic": "/battery"}
    with spun(remote), robot(node, **topics) as bridge:
        async with driving(bridge.url, "?name=Ada") as driver:
            await driver.arm()
            while math.isnan(driver.status.odometry) or math.isnan(driver.status.battery):
                moving = Odometry()
                moving.twist.twist.linear.x = -0.25
                odometry.publish(moving)
                battery.publish(BatteryState(percentage=0.5))
                await asyncio.sleep(0.05)
            assert driver.status.odometry == pytest.approx(-0.25)
            assert driver.status.battery == pytest.approx(0.5)
            await until(lambda: states and told(states[-1])["driver"] == "Ada", "the driver")
    assert states[-1].name == "bridge: teleop"
    assert told(states[-1])["state"] == "armed"
    assert states[-1].level == DiagnosticStatus.WARN
    assert "Nobody listens" in states[-1].message


def told(state: DiagnosticStatus) -> dict[str, str]:
    return {pair.key: pair.value for pair in state.values}


async def test_who_may_only_watch_does_not_drive(node, session):
    tokens = {"auth": "token", "token_view": VIEW, "token_drive": DRIVE}
    with robot(node, **tokens) as bridge:
        for method, path in [
            ("POST", "teleop"),
            ("GET", "teleop/socket"),
            ("POST", "teleop/stop"),
            ("POST", "teleop/reset"),
            ("DELETE", "teleop/x"),
            ("POST", "teleop/x/lock"),
        ]:
            async with session.request(method, bridge.url + path, headers=bearer(VIEW)) as response:
                assert response.status == 403, path
        async with session.get(f"{bridge.url}cameras", headers=bearer(VIEW)) as response:
            teleop = (await response.json())["teleop"]
            assert not teleop["may_drive"]
            assert not teleop["may_stop"]
        async with driving(bridge.url, headers=bearer(DRIVE)) as driver:
            await driver.arm()


async def test_who_watches_may_stop_where_that_is_set(node, session):
    tokens = {"auth": "token", "token_view": VIEW, "token_drive": DRIVE}
    with robot(node, teleop__viewers_may_stop=True, **tokens) as bridge:
        async with session.post(f"{bridge.url}teleop/stop", headers=bearer(VIEW)) as response:
            assert response.status == 200
            assert (await response.json())["stopped"]
        async with session.post(f"{bridge.url}teleop/reset", headers=bearer(VIEW)) as response:
            assert response.status == 403


async def test_where_it_is_not_enabled_there_is_nothing_of_it(node, session):
    bridge = make_bridge()
    with running(bridge):
        for method, path in [("GET", "teleop"), ("POST", "teleop"), ("POST", "teleop/stop")]:
            async with session.request(method, bridge.url + path) as response:
                assert response.status == 404
        async with session.get(f"{bridge.url}cameras") as response:
            assert (await response.json())["teleop"] is None
        topics = [name for name, _ in node.get_topic_names_and_types()]
        assert "/cmd_vel" not in topics
        assert "/bridge/stopped" not in topics


async def test_a_driver_is_refused_in_words(node, session):
    with robot(node) as bridge:
        sdp = {"Content-Type": "application/sdp"}
        for body, headers, status, why in [
            ("hello", sdp, 400, "v="),
            ("v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n", sdp, 422, "one data channel"),
            ("{}", {"Content-Type": "application/json"}, 415, "application/sdp"),
        ]:
            async with session.post(f"{bridge.url}teleop", data=body, headers=headers) as response:
                assert response.status == status
                assert why in (await response.json())["error"]
        async with session.get(f"{bridge.url}teleop/socket") as response:
            assert response.status == 426
        async with session.delete(f"{bridge.url}teleop/nobody") as response:
            assert response.status == 404
