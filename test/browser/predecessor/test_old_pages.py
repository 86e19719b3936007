# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pages as they were written for the predecessor, in Chromium, served from somewhere else."""

import json
import threading
import urllib.request
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from support.browser import GIVE_UP_AFTER, operator
from support.program import Program, free_port
from support.waiting import wait_for

PAGES = Path(__file__).with_name("pages")
DIALECTS = ("rust", "go")
MOST = 5  # viewers

SHOWS = """count => {
    const video = document.querySelector('video');
    return video.getVideoPlaybackQuality().totalVideoFrames >= count && video.videoWidth > 0;
}"""
RECEIVES = """async expected => {
    const reports = [...(await connection.getStats()).values()];
    const codec = reports.find((report) => report.type === 'inbound-rtp')?.codecId;
    return reports.find((report) => report.id === codec)?.mimeType === expected;
}"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving_pages():
    """Serve the pages on a port of their own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=PAGES))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def streamer(tmp_path_factory):
    """Camera and bridge as for the predecessor; yields the bridge's address, and the camera's."""
    web, signalling = free_port(), free_port()
    bridge = {
        "port": web,
        "auth": "open",
        "legacy": True,
        "max_viewers": MOST,
        "camera.signalling_port": signalling,
    }
    camera = {"source": "pattern", "width": 640, "height": 360}
    config = tmp_path_factory.mktemp("legacy") / "streamer.yaml"
    nodes = {"bridge": bridge, "camera": camera}
    # JSON is YAML, too.
    config.write_text(json.dumps({name: {"ros__parameters": of} for name, of in nodes.items()}))
    with Program("pi-webrtc-streamer", "--config", str(config)) as program:
        program.wait_for_output("Open http")
        yield f"http://127.0.0.1:{web}/", signalling


@pytest.fixture
def open_page(browser, streamer):
    """Opens a page of a dialect, in a window of its own."""
    with serving_pages() as pages, ExitStack() as stack:

        def open_page(dialect: str, codec: str = ""):
            viewer = stack.enter_context(operator(browser))
            viewer.open(f"{pages}{dialect}.html?port={streamer[1]}&codec={codec}")
            return viewer.page

        yield open_page


def peers(url: str) -> dict:
    with urllib.request.urlopen(f"{url}api/status") as response:
        return json.load(response)["webrtc"]["camera"]["peers"]


def sees_pictures(page) -> None:
    page.wait_for_function(SHOWS, arg=10, timeout=GIVE_UP_AFTER)


@pytest.mark.parametrize("codec", ["", "VP8", "H264"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_page_gets_pictures(streamer, open_page, dialect, codec):
    url, _ = streamer
    page = open_page(dialect, codec)
    sees_pictures(page)
    seen = page.evaluate("() => seen")
    assert seen["errors"] == []
    assert seen["sent"] > 0
    assert seen["candidates"] > 0
    assert seen["closed"] is None
    assert seen.get("pongs", 1) == 1
    page.wait_for_function(RECEIVES, arg=f"video/{codec or 'H264'}", timeout=GIVE_UP_AFTER)
    (peer,) = peers(url).values()
    assert peer["connection_state"] == "connected"
    page.close()
    wait_for(lambda: not peers(url), "nothing to be left behind")


def test_five_at_once_and_the_next_is_told(streamer, open_page):
    url, _ = streamer
    pages = [open_page(DIALECTS[number % 2]) for number in range(MOST)]
    for page in pages:
        sees_pictures(page)
    for dialect in DIALECTS:
        refused = open_page(dialect)
        refused.wait_for_function("() => seen.closed", timeout=GIVE_UP_AFTER)
        seen = refused.evaluate("() => seen")
        code, reason = seen["closed"]
        assert code == 1013
        assert "all 5 places" in reason
        (error,) = seen["errors"]
        assert error.endswith(reason)
    assert len(peers(url)) == MOST
    for page in pages:
        page.close()
    wait_for(lambda: not peers(url), "nothing to be left behind")


def test_the_new_page_is_where_the_old_one_was(streamer, browser):
    url, _ = streamer
    with operator(browser) as viewer:
        viewer.open(url)
        assert viewer.page.url == f"{url}viewer"
        viewer.wait_for_frames(5)
