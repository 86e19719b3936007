# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Drivers' connections: messages both ways, hostile packets, and the end from either side."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from struct import pack

import pytest
from aiortc import RTCPeerConnection
from aiortc.rtcsctptransport import Chunk
from OpenSSL import SSL

from pi_webrtc_streamer.media.tiers import make_tiers
from pi_webrtc_streamer.runtime.faults import faults
from pi_webrtc_streamer.runtime.loop import LoopThread
from pi_webrtc_streamer.telemetry.counts import held_counts
from pi_webrtc_streamer.webrtc import control
from pi_webrtc_streamer.webrtc.controllers import MOST_CONNECTING, MOST_DRIVERS, Controllers
from pi_webrtc_streamer.webrtc.errors import MalformedOffer, OfferError, TooManyViewers
from pi_webrtc_streamer.webrtc.late import LateViewers
from pi_webrtc_streamer.webrtc.places import PlaceLimits, Places
from pi_webrtc_streamer.webrtc.settings import ViewerSettings
from pi_webrtc_streamer.webrtc.viewers import Viewers
from support.chromium import ARGUMENTS, CHROMIUM
from support.control import CHANNEL, Driver, RecordingCockpit, connected, in_loop
from support.faults import InjectedError, step_broken, steps_recorded
from support.program import free_udp_port
from support.waiting import until


def settings(udp_port: int = 0, connect_timeout: float = 10) -> ViewerSettings:
    tiers = make_tiers(1_000_000, 100_000, 1)
    return ViewerSettings(["vp8"], [], tiers, connect_timeout, {}, udp_port, [])


class Bridge:
    """Controllers in an event loop of their own, as in the bridge, and no viewers."""

    def __init__(self, udp_port: int = 0) -> None:
        self._udp_port = udp_port
        self._thread = LoopThread("drivers")
        self.loop = self._thread.loop
        self.cockpit = RecordingCockpit()
        self._viewers = LateViewers(self._make_viewers)
        self.controllers = Controllers(self.cockpit, self._viewers)

    def _make_viewers(self) -> Viewers:
        return Viewers({}, settings(self._udp_port), Places(PlaceLimits(1, 1, 1, 1)))

    async def run(self, coroutine):
        return await in_loop(self.loop, coroutine)

    async def admit(self, offer: str, tab: str = "tab") -> str:
        """Return the answer."""
        _, answer = await self.run(self.controllers.admit(offer, tab, "Ada", "192.0.2.1"))
        return answer

    async def close(self) -> None:
        await self.run(self.controllers.close())
        await self.run(self._viewers.close())
        self._thread.close()

    async def serve(self, socket: "Socket", tab: str = "tab") -> None:
        await self.run(self.controllers.serve_socket(socket, tab, "Ada", "192.0.2.1"))

    @property
    def session(self) -> str:
        """The newest session."""
        return list(self.cockpit.sessions)[-1]

    @property
    def messages(self) -> list[bytes]:
        """What the newest session has sent."""
        return self.cockpit.messages[self.session]

    @property
    def refused(self) -> dict[str, int]:
        """What was refused of the only session there is."""
        (described,) = self.controllers.describe()
        return described["refused"]

    def held(self) -> dict[str, int]:
        gc.collect()
        return held_counts(self.loop)

    async def gone(self, session: str = "") -> str:
        """Wait until a session has ended, and return why."""
        session = session or self.session
        return await until(lambda: self.controllers.why_gone(session), f"the end of {session}")


@pytest.fixture
async def bridge():
    bridge = Bridge()
    faults_before = faults.total
    yield bridge
    await bridge.close()
    assert faults.total == faults_before


async def test_messages_go_both_ways(bridge):
    async with connected(bridge.admit) as driver:
        assert bridge.cockpit.sessions == {"session-0": ("tab", "Ada", "192.0.2.1", False)}
        for number in range(1, 65):
            driver.send(bytes([number]) * number)
        await until(lambda: len(bridge.messages) == 64, "all messages")
        assert bridge.messages == [bytes([number]) * number for number in range(1, 65)]
        await until(lambda: b"64 messages" in driver.received, "a status that says so")
        assert bridge.refused == {}


async def test_acknowledgements_come_with_messages(bridge):
    async with connected(bridge.admit) as driver:
        packets = driver.packets()
        for number in range(30):
            driver.send(bytes([number]))
            await asyncio.sleep(0.01)
        await until(lambda: not driver.unacknowledged, "an acknowledgement of all")
    with_messages = [kinds for kinds in packets if kinds == ["SackChunk", "DataChunk"]]
    alone = [kinds for kinds in packets if kinds == ["SackChunk"]]
    assert with_messages
    assert len(alone) < 15, "far fewer than messages"


async def test_what_comes_out_of_order_is_acknowledged_at_once(bridge):
    async with connected(bridge.admit) as driver:
        packets = driver.packets()
        late = driver.data(b"late")
        await driver.send_chunks(driver.data(b"first", tsn=(late.tsn + 1) % 2**32))
        await until(lambda: ["SackChunk"] in packets, "an acknowledgement of its own")
        await driver.send_chunks(late)
        await until(lambda: bridge.messages == [b"first", b"late"], "both messages")


async def test_a_driver_that_closes_is_gone_at_once(bridge):
    async with connected(bridge.admit):
        before = bridge.controllers.describe()
        assert before == [{"connected": True, "state": "connected", "refused": {}}]
    assert await bridge.gone() == "its connection is closed"
    assert bridge.cockpit.left == ["session-0"]


@pytest.mark.parametrize("how", ["abort", "channel", "dtls"])
async def test_each_way_to_end_ends_the_session(bridge, how):
    async with connected(bridge.admit) as driver:
        if how == "abort":
            await driver.connection.sctp.stop()
        elif how == "channel":
            driver.channel.close()
        else:
            sctp = driver.connection.sctp
            sctp._set_state(sctp.State.CLOSED)
            await sctp.transport.stop()
        why = "it closed its data channel" if how == "channel" else "its connection is closed"
        assert await bridge.gone() == why


async def test_the_bridge_ends_a_session(bridge):
    async with connected(bridge.admit) as driver:
        assert bridge.controllers.has(bridge.session)
        await bridge.run(bridge.controllers.remove(bridge.session, "it said good-bye"))
        assert not bridge.controllers.has(bridge.session)
        assert await bridge.gone() == "it said good-bye"
        await until(lambda: driver.channel.readyState == "closed", "the driver to hear of it")
        await bridge.run(bridge.controllers.remove(bridge.session, "once more"))


async def test_nothing_is_left(bridge):
    async with connected(bridge.admit):
        pass
    await bridge.gone()
    await until(lambda: not bridge.held()["tasks"], "no task")
    before = bridge.held()
    for _ in range(3):
        async with connected(bridge.admit):
            pass
        await bridge.gone()
    await until(lambda: bridge.held() == before, "everything given back")


async def come_and_go_by_channel(bridge: Bridge) -> None:
    """Drive until the channel is open, or something has failed."""
    driver = Driver()
    try:
        await driver.take(await bridge.admit(await driver.offer()))
        session = bridge.session
        await until(
            lambda: driver.channel.readyState == "open" or bridge.controllers.why_gone(session),
            "an open channel, or the end",
        )
    finally:
        await driver.close()


async def come_and_go_by_socket(bridge: Bridge) -> None:
    socket = Socket()
    socket.close(bridge.loop)
    await bridge.serve(socket)


@pytest.mark.slow
@pytest.mark.parametrize("come_and_go", [come_and_go_by_channel, come_and_go_by_socket])
async def test_each_step_of_a_driver_is_broken(bridge, come_and_go):
    """Nothing is left, and the next driver is served."""
    faults_before = faults.total
    for _ in range(2):  # for what is loaded once
        await come_and_go(bridge)
    await until(lambda: not bridge.held()["tasks"], "the end of all")
    before = bridge.held()
    with steps_recorded() as steps:
        await come_and_go(bridge)
        await until(lambda: bridge.held() == before, "everything given back")
    assert ("given back", "a driver's seat") in steps
    for step in steps:
        with step_broken(step) as broken:
            with suppress(InjectedError):
                await come_and_go(bridge)
            await until(lambda broken=broken: broken, f"{step}")
            await until(lambda: bridge.held() == before, f"everything given back after {step}")
        await come_and_go(bridge)
    await until(lambda: set(bridge.cockpit.left) == set(bridge.cockpit.sessions), "all to leave")
    faults.total = faults_before


@pytest.mark.parametrize(
    ("differences", "why"),
    [
        ({"flags": 6}, "a fragment, or an ordered message"),
        ({"flags": 3}, "a fragment, or an ordered message"),
        ({"stream_id": 1}, "another stream"),
        ({"protocol": 50}, "no binary message"),
        ({"protocol": 51}, "no binary message"),
        ({"user_data": bytes(65)}, "too large a message"),
    ],
)
async def test_what_no_driver_sends_is_refused_and_the_connection_lives(bridge, differences, why):
    async with connected(bridge.admit) as driver:
        await driver.send_chunks(driver.data(b"refused", **differences))
        await until(lambda: bridge.refused == {why: 1}, "a packet to be refused")
        driver.send(b"good")
        await until(lambda: bridge.messages == [b"good"], "a good message")


async def test_a_second_channel_comes_to_nothing(bridge):
    async with connected(bridge.admit) as driver:
        other = driver.connection.createDataChannel("other")
        await until(lambda: bridge.refused, "its opening to be refused")
        driver.send(b"good")
        await until(lambda: bridge.messages == [b"good"], "a good message")
        assert other.readyState == "connecting"


async def test_a_flood_is_thinned_out(bridge):
    async with connected(bridge.admit) as driver:
        for _ in range(3000):
            await driver.send_chunks(driver.data(b"flood"))
        await until(lambda: bridge.refused, "some to be refused")
        driver.send(b"good")
        # It is not sent again, as nothing is: the driver says it until it is heard.
        while b"good" not in bridge.messages:
            await asyncio.sleep(0.05)
            if driver.channel.bufferedAmount == 0:
                driver.send(b"good")


class Raw(Chunk):
    """A chunk of any kind, with any body."""

    def __init__(self, kind: int, body: bytes) -> None:
        super().__init__(0, body)
        self.type = kind


HOSTILE = [
    Raw(9, pack("!HH", 1, 0)),  # a parameter of length 0: aiortc would not come out of it
    Raw(3, bytes(8) + pack("!HHHH", 1, 0, 5, 4)),  # a gap from 5 to 4
    Raw(3, bytes(8) + pack("!HH", 7, 7)),  # no gaps, and no duplicates
    Raw(192, bytes(5)),
    Raw(7, b"x"),
    Raw(0, bytes(3)),
    Raw(1, bytes(16)),
    Raw(1, b""),
    Raw(2, bytes(3)),
    Raw(77, b"what"),
]


async def test_hostile_packets_harm_nobody(bridge):
    async with (
        connected(bridge.admit) as attacker,
        connected(lambda offer: bridge.admit(offer, "other")) as driver,
    ):
        for _ in range(3):
            await attacker.send_chunks(*HOSTILE)
        driver.send(b"good")
        await until(lambda: bridge.messages == [b"good"], "the other driver's message")
        attacker.send(b"still here")
        heard = bridge.cockpit.messages["session-0"]
        await until(lambda: heard == [b"still here"], "the attacker's own")


async def test_datagrams_full_of_records_do_not_pile_up(bridge):
    """aiortc reads one record of a datagram, and would keep the others for ever."""
    async with connected(bridge.admit) as driver:
        dtls = driver.connection.sctp.transport
        taken = bridge.messages
        for _ in range(200):
            for _ in range(10):
                dtls._ssl.send(bytes(50))
            await dtls._write_ssl()
        driver.send(b"good")
        await until(lambda: taken == [b"good"], "what was sent after them")


async def test_one_that_shakes_hands_again_is_heard_or_let_go(bridge):
    """What the bridge has to send while OpenSSL waits for its part of it ends the connection."""
    async with connected(bridge.admit) as driver:
        session = bridge.session
        dtls = driver.connection.sctp.transport
        dtls._ssl.renegotiate()
        with suppress(SSL.WantReadError):
            dtls._ssl.do_handshake()
        await dtls._write_ssl()
        while not (bridge.messages or bridge.controllers.why_gone(session)):
            with suppress(SSL.Error):
                await driver.send_chunks(driver.data(b"good"))
            await asyncio.sleep(0.05)
        sctp = driver.connection.sctp
        sctp._set_state(sctp.State.CLOSED)  # it may have nothing to say good-bye with


async def test_a_cockpit_that_fails_ends_nobody(bridge):
    before = faults.total
    async with connected(bridge.admit) as driver:
        driver.send(b"break")
        driver.send(b"good")
        await until(lambda: bridge.messages == [b"good"], "a good message")
    assert faults.total == before + 1
    faults.total = before  # of the fixture, which wants none


async def offered(*kinds: str, **channel) -> str:
    connection = RTCPeerConnection()
    for kind in kinds:
        if kind == "data":
            connection.createDataChannel("drive", **(channel or CHANNEL))
        else:
            connection.addTransceiver(kind, direction="recvonly")
    await connection.setLocalDescription()
    offer = connection.localDescription.sdp
    await connection.close()
    return offer


async def test_offers_of_anything_else_are_refused(bridge):
    for kinds in (["video"], ["data", "video"], ["audio", "data"]):
        with pytest.raises(OfferError, match="one data channel and nothing else"):
            await bridge.admit(await offered(*kinds))
    offer = await offered("data")
    for change, why in {
        ("a=sctp-port:5000\r\n", ""): "no SCTP port",
        ("a=sctp-port:5000", "a=sctp-port:0"): "no SCTP port",
        ("a=sctp-port:5000", "a=sctp-port:70000"): "no SCTP port",
        ("a=sctp-port:5000", "a=sctp-port:x"): "no SDP offer",
        ("a=ice-ufrag", "a=x"): "ICE user name",
        ("a=ice-pwd:", "a=ice-pwd:" + "x" * 300): "too long",
        ("a=fingerprint", "a=x"): "fingerprint",
        ("a=candidate:", "a=candidate:rubbish\r\na=candidate:"): "is no candidate",
        ("v=0", "hello"): "does not begin with v=",
        ("t=0 0", "t=0 0\r\na=x" * 2000): "lines",
    }.items():
        with pytest.raises(MalformedOffer, match=why):
            await bridge.admit(offer.replace(*change))
    assert not bridge.cockpit.sessions


async def test_a_bundle_that_names_another_section_does_no_harm(bridge):
    async def answer(offer: str) -> str:
        return await bridge.admit(offer.replace("a=group:BUNDLE 0", "a=group:BUNDLE other 0"))

    async with connected(answer) as driver:
        driver.send(b"good")
        await until(lambda: bridge.messages == [b"good"], "a message")


async def test_places_are_limited(bridge):
    for number in range(MOST_CONNECTING):
        await bridge.admit(await offered("data"), f"tab {number}")
    with pytest.raises(TooManyViewers, match="are about to connect"):
        await bridge.admit(await offered("data"), "another tab")
    # A page that begins anew gives up what it has begun before.
    await bridge.admit(await offered("data"), "tab 0")
    assert await bridge.gone("session-0") == "its page has begun anew"
    for session in list(bridge.cockpit.sessions):
        await bridge.run(bridge.controllers.remove(session, "the next part of the test"))
    sockets = [Socket() for _ in range(MOST_DRIVERS + 1)]
    serving = [
        asyncio.create_task(bridge.serve(socket, f"tab {number}"))
        for number, socket in enumerate(sockets[:-1])
    ]
    await until(lambda: all(socket.session for socket in sockets[:-1]), "all to be served")
    with pytest.raises(TooManyViewers, match="places for drivers are taken"):
        await bridge.serve(sockets[-1], "one tab more")
    for socket in sockets:
        socket.close(bridge.loop)
    await asyncio.gather(*serving)


async def test_a_page_that_connects_anew_keeps_one_connection(bridge):
    async with connected(bridge.admit) as first, connected(bridge.admit) as second:
        assert await bridge.gone("session-0") == "its page has connected anew"
        await until(lambda: first.channel.readyState == "closed", "the first to hear of it")
        second.send(b"good")
        await until(lambda: bridge.messages == [b"good"], "a message")


async def test_drivers_and_viewers_share_the_one_port():
    bridge = Bridge(udp_port=free_udp_port())
    try:
        async with connected(bridge.admit) as driver:
            answer = driver.connection.remoteDescription.sdp
            ports = {line.split()[5] for line in answer.splitlines() if "a=candidate:" in line}
            assert ports == {str(bridge._udp_port)}
            assert (await bridge.run(bridge._viewers.loaded())).port._sockets
            driver.send(b"good")
            await until(lambda: bridge.messages == [b"good"], "a message")
    finally:
        await bridge.close()


async def test_closing_ends_everybody(bridge):
    driver, socket = Driver(), Socket()
    await driver.connect(bridge.admit)
    serving = asyncio.create_task(bridge.serve(socket, "other"))
    await until(lambda: socket.session, "a greeting")
    await bridge.run(bridge.controllers.close())
    await serving
    assert sorted(bridge.cockpit.left) == ["session-0", "session-1"]
    assert {await bridge.gone(each) for each in bridge.cockpit.left} == {
        "the bridge is deactivated"
    }
    with pytest.raises(TooManyViewers, match="deactivated"):
        await bridge.admit(await offered("data"))
    with pytest.raises(TooManyViewers, match="deactivated"):
        await bridge.serve(Socket())
    await driver.close()


class Socket:
    """A WebSocket's end in the bridge, as its handler sees it; other threads put messages in."""

    def __init__(self) -> None:
        self.session = ""
        self.sent: list[bytes] = []
        self.full = False
        self.broken = False
        self._incoming: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def greet(self, session: str) -> None:
        self.session = session

    async def send(self, message: bytes) -> None:
        if self.broken:
            raise ConnectionResetError("it is closed")
        self.sent.append(message)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (message := await self._incoming.get()) is not None:
            yield message

    def put(self, loop: asyncio.AbstractEventLoop, *messages: bytes | None) -> None:
        for message in messages:
            loop.call_soon_threadsafe(self._incoming.put_nowait, message)

    def close(self, loop: asyncio.AbstractEventLoop) -> None:
        self.put(loop, None)


async def test_a_websocket_does_what_a_channel_does(bridge):
    socket = Socket()
    serving = asyncio.create_task(bridge.serve(socket))
    await until(lambda: socket.sent, "a status")
    assert socket.session == "session-0"
    assert bridge.cockpit.sessions["session-0"] == ("tab", "Ada", "192.0.2.1", True)
    socket.put(bridge.loop, b"first", b"x" * 65, b"", b"x" * 64)
    await until(lambda: bridge.messages == [b"first", b"x" * 64], "the messages")
    await until(lambda: b"2 messages" in socket.sent, "a status that says so")
    assert bridge.refused == {"too large a message": 1}
    socket.put(bridge.loop, *[b"flood"] * 1000)
    await until(lambda: bridge.refused.get("too many messages"), "some to be refused")
    socket.close(bridge.loop)
    await serving
    assert await bridge.gone() == "it closed its socket"
    assert bridge.cockpit.left == ["session-0"]


async def test_a_websocket_is_told_nothing_while_it_is_full(bridge):
    socket = Socket()
    socket.full = True
    serving = asyncio.create_task(bridge.serve(socket))
    async with connected(lambda offer: bridge.admit(offer, "other")) as driver:
        await until(lambda: len(driver.received) > 3, "statuses of another driver")
    assert not socket.sent
    socket.full = False
    await until(lambda: socket.sent, "a status")
    socket.broken = True
    await serving
    assert await bridge.gone("session-0") == "its socket broke: it is closed"


async def test_a_websocket_that_its_handler_lets_go_leaves_nothing(bridge):
    before = bridge.held()
    socket = Socket()
    served = asyncio.run_coroutine_threadsafe(
        bridge.controllers.serve_socket(socket, "tab", "Ada", "192.0.2.1"), bridge.loop
    )
    await until(lambda: socket.sent, "a status")
    served.cancel()
    await until(lambda: bridge.cockpit.left, "its end")
    await until(lambda: bridge.held() == before, "everything given back")


async def test_who_gives_up_while_waiting_leaves_nothing(bridge):
    before = bridge.held()
    offer = await offered("data")
    admitting = asyncio.run_coroutine_threadsafe(
        bridge.controllers.admit(offer, "tab", "Ada", "192.0.2.1"), bridge.loop
    )
    await until(lambda: bridge.controllers._places or admitting.done(), "a place")
    admitting.cancel()
    await until(lambda: bridge.held()["tasks"] == before["tasks"], "the end of its task")
    assert not bridge.controllers._places


async def test_one_that_never_connects_is_given_up(bridge):
    (await bridge.run(bridge._viewers.loaded()))._settings = settings(connect_timeout=0.3)
    await bridge.admit(await offered("data"))
    assert await bridge.gone() == "it did not connect within 0.3 s"


async def test_one_that_falls_silent_is_let_go(bridge, monkeypatch):
    async with connected(bridge.admit) as driver:
        monkeypatch.setattr(control, "LONGEST_SILENCE", 0.5)
        send, driver.connection.sctp.transport._send_data = (
            driver.connection.sctp.transport._send_data,
            nothing,
        )
        assert await bridge.gone() == "nothing was heard from it for 0.5 s"
        driver.connection.sctp.transport._send_data = send


async def nothing(data: bytes) -> None:
    """Send nothing."""


OFFER = """async () => {
    window.pc = new RTCPeerConnection();
    window.channel = pc.createDataChannel(
        'drive', { negotiated: true, id: 0, ordered: false, maxRetransmits: 0 });
    channel.binaryType = 'arraybuffer';
    window.received = [];
    channel.onmessage = ({ data }) => received.push(new TextDecoder().decode(data));
    await pc.setLocalDescription();
    return pc.localDescription.sdp;
}"""
DRIVE = """async (sdp) => {
    await pc.setRemoteDescription({ type: 'answer', sdp });
    await new Promise((resolve) => { channel.onopen = resolve; });
    setInterval(() => channel.send(new Uint8Array(40)), 1000 / 30);
    addEventListener('pagehide', () => pc.close());
}"""


@pytest.fixture
def playwright_here():
    """Return what starts Playwright; skips where it or Chromium is missing."""
    without = "there is no Playwright (requirements/test.txt)"
    playwright = pytest.importorskip("playwright.async_api", reason=without)
    if not Path(CHROMIUM).exists():
        pytest.skip("there is no Chromium (tools/chromium)")
    return playwright.async_playwright


@pytest.fixture
async def chromium(playwright_here):
    async with playwright_here() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.mark.browser
@pytest.mark.parametrize("how", ["pc.close()", "channel.close()", "location.reload()", "the tab"])
async def test_chromium_drives_and_is_gone_at_once_when_it_ends(bridge, chromium, how):
    page = await chromium.new_page()
    await page.evaluate(DRIVE, await bridge.admit(await page.evaluate(OFFER)))
    await until(lambda: len(bridge.messages) >= 100, "a hundred commands")
    assert set(bridge.messages) == {bytes(40)}
    assert bridge.refused == {}
    heard = await page.evaluate("() => Math.max(...received.map((text) => parseInt(text, 10)))")
    assert heard > 50
    if how == "the tab":
        await page.close()
    else:
        await page.evaluate(f"() => {{ {how}; }}")
    # Not when ICE finds that nobody answers any more: that takes half a minute.
    await until(lambda: bridge.controllers.why_gone(bridge.session), "the end")
