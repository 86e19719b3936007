# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the bridge says of its parts on /diagnostics."""

import socket
import threading
from contextlib import ExitStack

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.qos import QoSProfile

from pi_webrtc_streamer.runtime.faults import faults
from pi_webrtc_streamer.telemetry.diagnosis import looking
from support.access import VIEW
from support.diagnostics import ERROR, OK, WARN, Monitor
from support.nodes import TOPIC, Lifecycle, Publisher, grey_jpeg, make_bridge, running
from support.serving import bearer
from support.waiting import until, wait_for
from support.whep import watching

PARTS = {
    f"bridge: {task}"
    for task in ("camera camera", "encoder", "HTTP server", "lifecycle", "memory", "viewers")
}
CAMERA = "bridge: camera camera"


@pytest.fixture
def monitor(node):
    with Monitor(node) as monitor:
        yield monitor


def often(**parameters):
    return make_bridge(diagnostic_period=0.2, **parameters)


def test_a_bridge_in_every_state(node, monitor):
    with running(often(teleop__enabled=True), up=False):
        monitor.wait_for("bridge: lifecycle", OK, "unconfigured")
        lifecycle = Lifecycle(node, "bridge")
        assert lifecycle.change(Lifecycle.CONFIGURE)
        for part in ("viewers", "encoder", "teleop", "camera camera", "lifecycle"):
            monitor.wait_for(f"bridge: {part}", OK, "inactive")
        assert lifecycle.change(Lifecycle.ACTIVATE)
        monitor.wait_for("bridge: lifecycle", OK, "active")
        monitor.wait_for("bridge: viewers", OK, "nobody watches")
        monitor.wait_for("bridge: encoder", OK, "nothing to encode")
        monitor.wait_for("bridge: memory", OK, " MB")
        monitor.wait_for("bridge: teleop", WARN, "Nobody listens on /cmd_vel")
        assert set(monitor.newest) == {*PARTS, "bridge: teleop"}
        assert {each.hardware_id for each in monitor.newest.values()} == {socket.gethostname()}
        assert lifecycle.change(Lifecycle.DEACTIVATE)
        monitor.wait_for("bridge: viewers", OK, "inactive")
        assert lifecycle.change(Lifecycle.CLEANUP)
        for part in monitor.newest:
            monitor.wait_for(part, OK, "unconfigured")
        assert lifecycle.change(Lifecycle.SHUTDOWN["unconfigured"])
        wait_for(lambda: not node.count_publishers("/diagnostics"), "the end of the diagnostics")


def test_a_port_that_is_taken_is_an_error_until_it_is_free(monitor):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bridge = often(port=taken.getsockname()[1])
        with running(bridge, up=False):
            assert not bridge.bring_up()
            monitor.wait_for("bridge: lifecycle", ERROR, "cannot configure: port ")
            taken.close()
            bridge.trigger_configure()
            monitor.wait_for("bridge: lifecycle", OK, "inactive")
            bridge.trigger_activate()
            monitor.wait_for("bridge: lifecycle", OK, "active")
            values = monitor.wait_for("bridge: HTTP server", OK, f"serving {bridge.url}")
            assert f":{values['port']}/" in bridge.url


async def test_without_a_publisher(monitor):
    with running(often()) as _:
        why = f"Nobody publishes {TOPIC}"
        values = await monitor.reaches(CAMERA, WARN, why)
        assert values["publishers"] == "0"


async def test_viewers_without_a_publisher_and_with_one(node, monitor):
    bridge = often()
    with running(bridge), ExitStack() as publishers:
        async with watching(bridge.url, "h264") as viewer:
            await monitor.reaches(CAMERA, ERROR, f"Nobody publishes {TOPIC}")
            publisher = publishers.enter_context(Publisher(node, grey_jpeg()))
            await viewer.next_frame()
            await monitor.reaches(CAMERA, OK, " pictures/s")
            await until(lambda: float(monitor.values(CAMERA)["frequency (Hz)"]) > 20, "30 Hz")
            values = monitor.values(CAMERA)
            assert (values["viewers"], values["publishers"]) == ("1", "1")
            assert 0 <= float(values["age when received (s)"]) < 1
            await monitor.reaches("bridge: viewers", OK, "1 viewer")
            await monitor.reaches("bridge: encoder", OK, "encoding 1 stream")
            stream = "camera h264 full"
            await until(
                lambda: monitor.values("bridge: encoder")[f"{stream} time of a picture (ms)"],
                "the time of a picture",
            )
            values = monitor.values("bridge: encoder")
            assert values[f"{stream} encoder"] == "libx264"
            assert float(values[f"{stream} time of a picture (ms)"]) > 0
            publisher.clock_error = 3_000_000_000
            await monitor.reaches(CAMERA, WARN, "set the clocks of both machines")
            publishers.close()
            await monitor.reaches(CAMERA, ERROR, f"Nobody publishes {TOPIC}")
            await viewer.session.delete(viewer.resource)
        await monitor.reaches("bridge: viewers", OK, "nobody watches")


async def test_a_publisher_that_does_not_fit(node, monitor):
    bridge = often(**{f"qos_overrides.{TOPIC}.subscription.reliability": "reliable"})
    with running(bridge), Publisher(node, grey_jpeg()):
        async with watching(bridge.url):
            await monitor.reaches(CAMERA, ERROR, "Change the publisher, or the bridge's parameter")


async def test_places_that_are_all_taken(node, monitor):
    bridge = often(max_viewers=1)
    with running(bridge), Publisher(node, grey_jpeg()):
        async with watching(bridge.url) as viewer:
            await viewer.next_frame()
            why = "all 1 places are taken: raise max_viewers for more"
            values = await monitor.reaches("bridge: viewers", WARN, why)
            assert (values["viewers"], values["most viewers"]) == ("1", "1")


async def test_whom_the_server_refuses(monitor, session):
    bridge = often(auth="token", token_view=VIEW, max_connections=3)
    with running(bridge):
        async with session.get(f"{bridge.url}cameras", headers=bearer("wrong" * 8)) as response:
            assert response.status == 401
        await until(lambda: requests_refused(monitor) == "1", "one that is refused")
        address = bridge.url.removeprefix("http://").removesuffix("/").split(":")
        with ExitStack() as connections:
            for _ in range(4):
                connections.enter_context(socket.create_connection((address[0], int(address[1]))))
            await monitor.reaches("bridge: HTTP server", WARN, "connections were refused: raise")
        await monitor.reaches("bridge: HTTP server", OK, "serving ")
    assert "wrong" not in str(monitor.messages)
    assert VIEW not in str(monitor.messages)


def requests_refused(monitor) -> str | None:
    status = monitor.newest.get("bridge: HTTP server")
    return status and monitor.values("bridge: HTTP server").get("requests refused")


def test_memory_that_is_watched(monitor):
    with running(often(memory_warning=1.0, memory_check_interval=1.0)):
        values = monitor.wait_for("bridge: memory", WARN, "more than 1 MB (memory_warning): ")
        assert float(values["resident (MB)"]) > 1
        assert values["limit (MB)"] == "1"


def test_a_loop_that_hangs_makes_stale_what_only_it_knows(monitor, monkeypatch):
    monkeypatch.setattr(looking, "LONGEST_SILENCE", 0.5)
    bridge = often()
    go_on = threading.Event()
    with running(bridge):
        monitor.wait_for("bridge: viewers", OK, "nobody watches")
        bridge._loop.loop.call_soon_threadsafe(go_on.wait)
        for part in ("viewers", "encoder", "HTTP server"):
            why = "the event loop has not answered for "
            monitor.wait_for(f"bridge: {part}", DiagnosticStatus.STALE, why)
        monitor.wait_for(CAMERA, WARN, "Nobody publishes")
        go_on.set()
        monitor.wait_for("bridge: viewers", OK, "nobody watches")


def test_an_error_that_was_caught_is_a_warning_when_it_is(monitor):
    with running(often()) as _:
        monitor.wait_for("bridge: lifecycle", OK, "active")
        faults.report(_Deaf(), "something", LookupError("on purpose"))
        wait_for(
            lambda: any(
                status.level == WARN and "1 errors were caught" in status.message
                for message in monitor.messages
                for status in message.status
                if status.name == "bridge: lifecycle"
            ),
            "the warning",
        )
        monitor.wait_for("bridge: lifecycle", OK, "active")


class _Deaf:
    def error(self, message: str, /) -> None:
        pass


def test_a_monitor_that_comes_late_and_one_with_another_qos(node, monitor):
    """Publishers of diagnostics are reliable; any subscriber for them is served."""
    with running(often()):
        monitor.wait_for("bridge: lifecycle", OK, "active")
        got = []
        late = node.create_subscription(
            type(monitor.messages[0]), "/diagnostics", got.append, QoSProfile(depth=1)
        )
        wait_for(lambda: got, "a message for who comes late")
        node.destroy_subscription(late)
    names = [status.name for status in got[0].status]
    assert len(names) == len(set(names))
    assert set(names) == PARTS
    assert got[0].header.stamp.sec > 0
