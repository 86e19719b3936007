# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Driving from the real page: keyboard, touch and gamepad, the stop, and what everybody can use."""

import json
import time
from contextlib import ExitStack, contextmanager
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import rclpy
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from pi_webrtc_streamer.ros.process import ros_context
from support.access import DRIVE, VIEW
from support.base import Base, spun
from support.browser import DESKTOP, GAMEPAD, GIVE_UP_AFTER, PHONE, SCREENSHOTS
from support.browser import operator as looking
from support.firefox import firefox
from support.program import Program, free_port, node
from support.waiting import wait_for

SMALL = {"width": 360, "height": 740}
LYING = {"width": 844, "height": 390}
HUGE = {"width": 3840, "height": 2160}
GUIDES = ("teleop.camera_height:=0.25", "teleop.camera_tilt:=0.2", "teleop.robot_width:=0.3")
# On a machine that is busy with other things, commands and pictures are late, and the robot would
# stop, as it should.
PATIENT = (
    *("teleop.command_gap:=2.0", "teleop.command_age:=5.0", "teleop.picture_age:=5.0"),
    "teleop.blind_distance:=10.0",
)
BUTTON = ".drive [data-action={}]"
LB, B, LT, A = 4, 1, 6, 0
# The answer for the control connection leads nowhere, as where UDP is blocked.
BLOCKED = """const take = RTCPeerConnection.prototype.setRemoteDescription;
RTCPeerConnection.prototype.setRemoteDescription = function (answer) {
    const drives = answer.sdp.includes('webrtc-datachannel');
    return drives ? new Promise(() => {}) : take.call(this, answer);
};"""


@pytest.fixture(scope="module")
def ros():
    with ros_context([]):
        yield


@pytest.fixture(scope="module")
def robot(ros):
    """A bridge that can be driven, its camera, and a base that takes its commands."""
    port = free_port()
    with ExitStack() as stack:
        ours = rclpy.create_node("base")
        stack.enter_context(spun(ours))
        base = Base(ours)
        camera = ("source:=pattern", "width:=640", "height:=360")
        stack.enter_context(node("camera_node", *camera))
        bridge = node("bridge_node", f"port:={port}", "teleop.enabled:=true", *GUIDES, *PATIENT)
        stack.enter_context(bridge).wait_for_output("active")
        yield f"http://127.0.0.1:{port}/", base
        ours.destroy_node()


class Driver:
    """Somebody at the page who wants to drive."""

    def __init__(self, page: Page, base: Base) -> None:
        self.page = page
        self.base = base

    def state(self, *states: str) -> None:
        """Wait until driving is in one of some states."""
        wanted = ", ".join(f'.drive[data-state="{state}"]' for state in states)
        try:
            self.page.wait_for_selector(wanted, timeout=GIVE_UP_AFTER)
        except Exception as error:
            raise AssertionError(f"{error}; the page says {self.words()}") from error

    def words(self) -> str:
        return self.page.locator(".drive").inner_text()

    def press(self, action: str) -> None:
        self.page.click(BUTTON.format(action))

    def arm(self) -> None:
        self.page.wait_for_function(
            "() => window.streamer?.cameras.get('camera')?.freshness === 'fresh'",
            timeout=GIVE_UP_AFTER,
        )
        self.press("drive")
        self.state("armed")

    def moves(self, condition) -> None:
        """Wait until the robot is told something."""
        self.base.told.clear()
        wait_for(lambda: any(condition(told) for told in list(self.base.told)), self.words())

    def stands(self) -> None:
        wait_for(lambda: self.base.told and not self.base.told[-1].moves, "a standstill")

    def has_stopped(self) -> bool:
        return self.page.evaluate("() => fetch('teleop').then((r) => r.json())")["stopped"]

    def reset(self) -> None:
        """Hold the button to reset, by key."""
        time.sleep(0.6)
        self.page.focus(".drive-reset")
        self.page.keyboard.down("Enter")
        wait_for(lambda: not self.has_stopped(), "the reset")
        self.page.keyboard.up("Enter")


def released(url: str) -> bool:
    """Whether the robot is not stopped: an earlier test may have left it so."""
    try:
        with urlopen(Request(f"{url}teleop/reset", method="POST"), timeout=5) as answer:
            return not json.load(answer)["stopped"]
    except HTTPError:
        return False


@contextmanager
def driving(browser, robot, before: str = "", **context):
    url, base = robot
    wait_for(lambda: released(url), "a robot that is not stopped")
    with looking(browser, **context) as operator:
        if before:
            operator.page.add_init_script(before)
        operator.open(url)
        operator.wait_for_state("live")
        operator.page.wait_for_selector(".drive")
        yield Driver(operator.page, base)


@pytest.fixture
def driver(browser, robot):
    with driving(browser, robot) as driver:
        yield driver


def test_by_keyboard(driver):
    driver.arm()
    keyboard = driver.page.keyboard
    keyboard.down("w")
    driver.moves(lambda told: told.forward >= 0.299)
    driver.state("driving")
    keyboard.down("Shift")
    driver.moves(lambda told: told.forward >= 0.599)
    keyboard.up("Shift")
    keyboard.down("ArrowLeft")
    driver.moves(lambda told: told.turn >= 0.599)
    keyboard.up("ArrowLeft")
    keyboard.up("w")
    driver.stands()
    driver.state("armed")
    keyboard.down("s")
    driver.moves(lambda told: told.forward <= -0.299)
    keyboard.up("s")
    driver.stands()
    driver.press("done")
    driver.state("idle")


def test_keys_mean_nothing_before_it_is_armed(driver):
    driver.base.told.clear()
    driver.page.keyboard.down("w")
    time.sleep(0.5)
    driver.press("drive")
    driver.state("off", "waiting")
    time.sleep(0.5)
    assert not any(told.moves for told in driver.base.told), "what was held before"
    driver.page.keyboard.up("w")


def test_space_stops_whatever_has_the_focus(driver):
    driver.arm()
    driver.page.keyboard.down("w")
    driver.moves(lambda told: told.forward >= 0.299)
    driver.page.focus(BUTTON.format("done"))
    driver.page.keyboard.press("Space")
    driver.state("stopped")
    driver.stands()
    assert driver.has_stopped()
    expect(driver.page.locator(".drive-stop-text")).to_have_text("Stopped")
    driver.page.keyboard.up("w")
    driver.page.focus(".drive-reset")
    driver.page.keyboard.down("Space")
    time.sleep(1.5)
    driver.page.keyboard.up("Space")
    assert driver.has_stopped(), "Space never resets"
    driver.base.told.clear()
    driver.reset()
    assert not any(told.moves for told in driver.base.told), "nor does the reset move anything"
    driver.state("off", "idle")


def test_by_gamepad(browser, robot):
    with driving(browser, robot, GAMEPAD) as driver:
        give = driver.page.evaluate
        give("() => give([0, 0, 0, 0])")
        driver.arm()
        give(f"() => give([0, -1, 0, 0], [{LB}])")
        driver.moves(lambda told: told.forward >= 0.299)
        give(f"() => give([1, 0, 0, 0], [{LB}])")
        driver.moves(lambda told: told.turn <= -0.599)
        give("() => { window.pads = []; }")
        driver.stands()
        driver.state("off")
        assert "The gamepad is gone" in driver.words()
        give(f"() => give([0, 0, 0, 0], [{B}])")
        wait_for(driver.has_stopped, "the stop")
        give("() => give([0, 0, 0, 0])")
        time.sleep(0.6)
        give(f"() => give([0, 0, 0, 0], [{LT}, {A}])")
        wait_for(lambda: not driver.has_stopped(), "the reset")


def test_by_touch(browser, robot):
    with driving(browser, robot, viewport=PHONE, has_touch=True, is_mobile=True) as driver:
        driver.arm()
        box = driver.page.locator(".drive-stick-base").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        session = driver.page.context.new_cdp_session(driver.page)

        def touch(kind: str, *points: tuple[float, float]) -> None:
            session.send(
                "Input.dispatchTouchEvent",
                {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]},
            )

        touch("touchStart", (x, y))
        touch("touchMove", (x, y - box["height"] / 2))
        driver.moves(lambda told: told.forward > 0.25)
        touch("touchEnd")
        driver.stands()
        driver.state("armed")
        touch("touchStart", (x, y))
        touch("touchMove", (x + box["width"] / 2, y))
        driver.moves(lambda told: told.turn < -0.4)
        touch("touchCancel")
        driver.stands()
        driver.state("off")
        assert "finger" in driver.words()


def test_full_screen_has_everything(driver):
    driver.page.keyboard.press("f")
    driver.page.wait_for_selector(".tile:fullscreen")
    driver.arm()
    for part in (".drive-stop", BUTTON.format("done"), ".drive-speed", ".drive-loop"):
        driver.page.wait_for_selector(part)
    driver.page.keyboard.down("w")
    driver.moves(lambda told: told.forward > 0)
    driver.page.click(".drive-stop")
    driver.stands()
    assert driver.has_stopped()
    driver.page.keyboard.up("w")
    driver.reset()


def test_a_page_that_is_loaded_anew_has_the_lock_and_is_not_armed(driver):
    driver.arm()
    driver.page.keyboard.down("w")
    driver.moves(lambda told: told.forward > 0)
    driver.page.reload()
    driver.stands()
    driver.page.wait_for_selector('.drive[data-state="idle"]')
    driver.page.keyboard.up("w")
    driver.arm()


def test_a_second_operator_asks(browser, robot, driver):
    driver.arm()
    with driving(browser, robot) as other:
        other.press("drive")
        other.page.wait_for_selector(BUTTON.format("ask"))
        other.press("ask")
        driver.page.wait_for_selector(BUTTON.format("grant"))
        driver.page.screenshot(path=shot("drive-asked"))
        driver.press("grant")
        driver.state("off")
        other.arm()


def shot(name: str):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS / f"{name}.png"


SIZES = {"desktop": DESKTOP, "phone": PHONE, "lying": LYING, "small": SMALL, "huge": HUGE}


@pytest.mark.parametrize("size", SIZES)
def test_nothing_keeps_anybody_out_in_any_state(browser, robot, size):
    """By axe-core; and screenshots of each state, to be looked at."""
    touch = size in ("phone", "lying", "small")
    with driving(browser, robot, viewport=SIZES[size], has_touch=touch) as driver:
        check(driver, f"drive-{size}-idle")
        driver.arm()
        check(driver, f"drive-{size}-armed")
        driver.page.keyboard.down("w")
        driver.moves(lambda told: told.forward >= 0.29)
        time.sleep(0.3)
        driver.page.screenshot(path=shot(f"drive-{size}-driving"))
        driver.page.keyboard.up("w")
        driver.stands()
        driver.page.click(".drive-ask-help")
        check(driver, f"drive-{size}-help")
        driver.page.click(".drive-close")
        driver.page.click(".drive-stop")
        driver.state("stopped")
        wait_for(driver.has_stopped, "the stop")
        check(driver, f"drive-{size}-stopped")
        overflow = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not driver.page.evaluate(f"() => {overflow}")
        driver.reset()


def check(driver: Driver, name: str) -> None:
    driver.page.screenshot(path=shot(name))
    found = Axe().run(driver.page)
    violations = [(each["id"], each["nodes"][0]["html"]) for each in found.response["violations"]]
    assert violations == [], name


def test_where_udp_is_blocked_it_goes_by_websocket(browser, robot):
    """The data channel never opens, as behind a firewall; pictures come all the same."""
    with driving(browser, robot, BLOCKED) as driver:
        driver.arm()
        driver.page.keyboard.down("w")
        driver.moves(lambda told: told.forward >= 0.299)
        assert "slower" in driver.words()
        driver.page.keyboard.up("w")
        driver.stands()


def test_who_may_only_stop(ros, browser):
    port = free_port()
    parameters = (
        *("auth:=token", f"token_view:={VIEW}", f"token_drive:={DRIVE}"),
        *("teleop.enabled:=true", "teleop.viewers_may_stop:=true"),
    )
    with (
        node("camera_node", "source:=pattern", name="camera"),
        node("bridge_node", f"port:={port}", *parameters) as bridge,
        looking(browser) as operator,
    ):
        bridge.wait_for_output("active")
        operator.open(f"http://127.0.0.1:{port}/?token={VIEW}")
        operator.page.wait_for_selector(".drive-stop")
        assert not operator.page.is_visible(BUTTON.format("drive"))
        operator.page.click(".drive-stop")
        operator.page.wait_for_selector('.drive[data-state="stopped"]')
        assert not operator.page.is_visible(".drive-reset")


def test_where_nobody_can_drive_the_page_loads_nothing_of_it(browser, shared_streamer):
    with looking(browser) as operator:
        loaded: list[str] = []
        operator.page.on("request", lambda request: loaded.append(request.url))
        operator.open(shared_streamer)
        operator.wait_for_state("live")
        time.sleep(1.5)
        assert not [url for url in loaded if "/drive" in url]
        assert operator.page.query_selector(".drive") is None


def test_in_firefox(robot):
    url, base = robot
    with firefox() as operator:
        operator.open(url)
        operator.wait_for_state("live")
        tile = "window.streamer.cameras.get('camera')"
        wait_for(lambda: operator.run(f"return {tile}.freshness") == "fresh", "an age")
        operator.click(BUTTON.format("drive"))
        state = "return document.querySelector('.drive').dataset.state"
        words = "return document.querySelector('.drive').innerText"
        wait_for(lambda: operator.run(state) == "armed", operator.run(words))
        base.told.clear()
        press(operator, "keydown", "KeyW")
        wait_for(lambda: any(told.forward >= 0.29 for told in list(base.told)), "motion")
        press(operator, "keyup", "KeyW")
        wait_for(lambda: not base.told[-1].moves, "a standstill")
        operator.screenshot("drive-firefox")


def press(operator, kind: str, code: str) -> None:
    """Press or release a key; Marionette's own do both at once."""
    operator.run(
        f"window.dispatchEvent(new KeyboardEvent('{kind}', {{ code: {json.dumps(code)} }}))"
    )


def test_the_program_ends_well_with_a_driver(ros, browser):
    """And what is left of it, for whoever starts it next."""
    port = free_port()
    with (
        Program(
            *("pi-webrtc-streamer", "--source", "pattern", "--port", str(port), "--teleop")
        ) as program,
        looking(browser) as operator,
    ):
        program.wait_for_output("Open http")
        operator.open(f"http://127.0.0.1:{port}/")
        operator.wait_for_state("live")
        operator.page.click(BUTTON.format("drive"))
        operator.page.wait_for_selector('.drive[data-state="armed"]')
        assert program.end() == 0
        assert "Traceback" not in program.output
