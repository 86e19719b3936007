# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Exit stacks: everything is given back, whatever fails, and who fails is named."""

import ast
import asyncio
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pi_webrtc_streamer
from pi_webrtc_streamer.runtime import async_owning, owning
from pi_webrtc_streamer.runtime.async_owning import AsyncOwned, Scope, ScopedLoop, finish
from pi_webrtc_streamer.runtime.faults import Faults
from pi_webrtc_streamer.runtime.loop import LoopThread
from pi_webrtc_streamer.runtime.owning import Owned, ReleaseError, end_thread


class Broken(Exception):
    pass


@pytest.fixture
def faults(monkeypatch):
    """A count of its own, for which every fault is new."""
    faults = Faults()
    monkeypatch.setattr(owning, "faults", faults)
    return faults


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=8), st.booleans())
def test_everything_is_given_back_in_reverse_order(fates, body_fails):
    """Each of the resources may fail when it is taken, or when it is given back."""
    held: list[int] = []
    given_back: list[int] = []
    reports: list[str] = []

    def take(number: int, fails: bool) -> int:
        if fails:
            raise Broken
        held.append(number)
        return number

    def give_back(number: int, fails: bool) -> None:
        given_back.append(number)
        if fails:
            raise Broken

    raised: BaseException | None = None
    try:
        with Owned(lambda what, error: reports.append(what)) as owned:
            for number, (taking, giving) in enumerate(fates):
                owned.take(
                    f"thing {number}",
                    lambda number=number, taking=taking: take(number, taking),
                    lambda number, giving=giving: give_back(number, giving),
                )
            if body_fails:
                raise Broken
    except (Broken, ReleaseError) as error:
        raised = error
    assert given_back == held[::-1]
    failed = [f"thing {number}" for number in held[::-1] if fates[number][1]]
    assert reports == failed
    if body_fails or any(taking for taking, _ in fates):
        assert isinstance(raised, Broken), "it is not hidden by what a release raises"
    else:
        assert isinstance(raised, ReleaseError) == bool(failed)


def test_a_failure_within_is_said_and_counted_once(caplog, faults):
    def fail() -> None:
        raise Broken("no way")

    outer = Owned()
    inner = outer.enter("the inner stack", Owned())
    inner.at_end("the culprit", fail)
    with pytest.raises(ReleaseError):
        outer.close()
    (record,) = caplog.records
    assert record.message.startswith("the culprit could not be given back: Broken('no way')")
    assert "in fail" in record.message, "its trace"
    assert faults.total == 1
    outer.close()


def test_a_thread_that_does_not_end_is_not_waited_for():
    may_end = threading.Event()
    thread = threading.Thread(target=may_end.wait, name="stubborn")
    thread.start()
    with pytest.raises(TimeoutError, match="stubborn"):
        end_thread(thread, 0.01)
    may_end.set()
    end_thread(thread)


async def test_a_release_goes_on_when_who_waits_is_cancelled():
    released = asyncio.Event()
    may_release = asyncio.Event()

    async def release(_: object) -> None:
        await may_release.wait()
        released.set()

    async def own() -> None:
        async with AsyncOwned() as owned:
            owned.take_async("something", lambda: None, release)

    task = asyncio.create_task(own())
    await asyncio.sleep(0)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    may_release.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert released.is_set()


async def test_a_release_that_hangs_does_not_keep_the_others(caplog, faults, monkeypatch):
    monkeypatch.setattr(async_owning, "LONGEST_RELEASE", 0.01)
    released: list[str] = []
    owned = AsyncOwned()
    owned.take("the first", lambda: "first", released.append)
    owned.take_async("the second", lambda: None, lambda _: asyncio.Event().wait())
    owned.take("the third", lambda: "third", released.append)
    with pytest.raises(ReleaseError):
        await owned.aclose()
    assert released == ["third", "first"]
    assert "the second could not be given back" in caplog.text


async def test_what_fails_while_its_owner_is_cancelled_is_said_all_the_same(caplog, faults):
    failing = asyncio.Event()

    async def fail(_: object) -> None:
        failing.set()
        await asyncio.sleep(0)
        raise Broken("no way")

    async def own() -> None:
        async with AsyncOwned() as owned:
            owned.take_async("the culprit", lambda: None, fail)

    task = asyncio.create_task(own())
    await failing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "the culprit could not be given back" in caplog.text
    assert "no way" in caplog.text


async def test_finish_returns_what_the_coroutine_does():
    async def answer() -> int:
        return 42

    assert await finish(answer(), 1) == 42


def test_a_scope_ends_what_others_have_started():
    async def forget_a_task_and_a_socket() -> tuple[asyncio.Task, asyncio.DatagramTransport]:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
        )
        return asyncio.ensure_future(asyncio.Event().wait()), transport

    async def run() -> None:
        other, _ = await asyncio.create_task(forget_a_task_and_a_socket())
        scope = Scope()
        task, transport = await asyncio.create_task(forget_a_task_and_a_socket())
        await scope.close()
        assert task.cancelled()
        assert transport.get_extra_info("socket").fileno() == -1
        assert not other.done(), "it was started before"

    loop = LoopThread("test")
    try:
        assert isinstance(loop.loop, ScopedLoop)
        loop.run(run())
    finally:
        loop.close()
        loop.close()


# What must be given back, and the modules that may make it: they give it back themselves.
CONSTRUCTORS = {
    "AppRunner",
    "BurstSocket",
    "CaptureThread",
    "ControlPeer",
    "Inlet",
    "LoopThread",
    "MediaPipeline",
    "NodeSwitch",
    "OnDemandSubscription",
    "Outlet",
    "RTCPeerConnection",
    "Scope",
    "Session",
    "ScopedLoop",
    "SingleThreadedExecutor",
    "Thread",
    "Viewer",
    "WebServer",
    "WrittenMemory",
    "create_client",
    "create_guard_condition",
    "create_lifecycle_publisher",
    "create_publisher",
    "create_server",
    "create_subscription",
    "create_task",
    "create_timer",
    "ensure_future",
    "eventfd",
    "make_socket",
    "make_wake",
    "memfd_create",
    "new_event_loop",
    "open_source",
    "run_in_executor",
    "socket",
    "socketpair",
    "dup",
    "to_thread",
}
OWNING_CALLS = {"take", "take_async", "enter", "at_end"}
ALLOWED = {
    ("runtime/async_owning.py", "create_task"): "the loop itself, and finish(), that waits",
    ("camera/opening.py", "open_source"): "itself, for the source that auto stands for",
    ("camera_node.py", "open_source"): "owned from the next line on, and by the node thereafter",
    ("camera/stream_opening.py", "Thread"): "closes what it opens once nobody waits for it",
    ("direct/memory.py", "memfd_create"): "_make, which is called to be taken",
    ("direct/outlet.py", "WrittenMemory"): "closed by an at_end of the outlet",
    ("direct/sockets.py", "eventfd"): "make_wake, which is called to be taken",
    ("direct/sockets.py", "socket"): "make_socket, which is called to be taken",
    ("ros/process.py", "create_task"): "the executor's, which is no task of asyncio's",
    ("runtime/signals.py", "socketpair"): "its own context; imports nothing",
    ("web/cameras.py", "to_thread"): "its request waits; the loop waits for its threads",
    ("web/monitoring.py", "run_in_executor"): "its request waits; the loop waits for its threads",
    ("web/listener.py", "create_task"): "_own, into sets that end_tasks() ends",
    ("web/ports.py", "create_server"): "listen, which is called to be taken",
    ("web/ports.py", "socket"): "require_udp, for a moment, in a context",
    ("web/server.py", "AppRunner"): "holds nothing before start, which takes its cleanup",
    ("webrtc/burst.py", "dup"): "the constructor of what the sender owns",
    ("webrtc/late.py", "run_in_executor"): "kept, and waited for by close()",
    ("webrtc/path.py", "BurstSocket"): "closed by an at_end of the sender",
    ("webrtc/peer.py", "RTCPeerConnection"): "the constructor of what Viewers and Controllers take",
    ("webrtc/gathering.py", "create_task"): "close(), which the peer's calls",
    ("webrtc/owners.py", "create_task"): "owns itself: the task of a viewer or a driver",
    ("webrtc/viewers.py", "create_task"): "owns itself: the one for rates; close() ends it",
    ("webrtc/controllers.py", "create_task"): "owns itself: the one for statuses; close() ends it",
    ("webrtc/socket_line.py", "create_task"): "_task, which is called to be taken",
}
PACKAGE = Path(pi_webrtc_streamer.__file__).parent


def constructions() -> set[tuple[str, str]]:
    """Find what is constructed outside an owning call: the module and the constructor."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        taken = thread_names(tree)
        visit(tree, path.relative_to(PACKAGE).as_posix(), False, taken, found)
    return found


def thread_names(tree: ast.Module) -> set[str]:
    """The variables whose ``start`` is taken; before that, a Thread object is nothing."""
    return {
        node.value.id
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and name_of(call) == "take"
        for node in call.args
        if isinstance(node, ast.Attribute)
        and node.attr == "start"
        and isinstance(node.value, ast.Name)
    }


def visit(node: ast.AST, module: str, owned: bool, threads: set[str], found: set) -> None:
    if isinstance(node, ast.Call):
        name = name_of(node)
        owned = owned or name in OWNING_CALLS
        if name in CONSTRUCTORS and not owned:
            found.add((module, name))
    if isinstance(node, ast.Assign) and is_thread_to_be_taken(node, threads):
        return
    for child in ast.iter_child_nodes(node):
        visit(child, module, owned, threads, found)


def is_thread_to_be_taken(node: ast.Assign, threads: set[str]) -> bool:
    (target,) = node.targets[:1]
    return (
        isinstance(node.value, ast.Call)
        and name_of(node.value) == "Thread"
        and isinstance(target, ast.Name)
        and target.id in threads
    )


def name_of(call: ast.Call) -> str:
    function = call.func
    return getattr(function, "attr", None) or getattr(function, "id", "")


def test_nothing_is_made_that_nobody_owns():
    found = constructions()
    assert found - set(ALLOWED) == set(), "take it onto an exit stack, or say who owns it"
    assert set(ALLOWED) - found == set(), "no longer made there"


def test_no_other_exit_stacks_are_used():
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "ExitStack" in path.read_text()
    }
    assert users == {"runtime/owning.py", "runtime/async_owning.py"}
