"""Fetching through the hub's own library from a server on this machine that stands in for the hub."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tiny_models import plain

pytest.importorskip("huggingface_hub")

ROOT = Path(__file__).parents[2]
REPOSITORY, NAME = "acme/Rose-1B-GGUF", "Rose-1B-Q4_K_M.gguf"
CUT = 15 * 2**20
"""Bytes after which a connection breaks: the library writes ten million at a time."""


class Hub(ThreadingHTTPServer):
    """One file in one repository. `cut` ends the first download early; `holding` stops it there until released."""

    daemon_threads = True

    def __init__(self, data, *, cut=False, holding=False, lies=False):
        super().__init__(("127.0.0.1", 0), Handler)
        self.data = data
        self.sha256 = "0" * 64 if lies else hashlib.sha256(data).hexdigest()
        self.cut, self.holding = cut, holding
        self.starts: list[int] = []
        """Where each download of the file began."""
        self.held, self.released = threading.Event(), threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Answers what the library asks for: the repository, the file's head, the file from a place on."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self._begin(200, len(self.server.data))

    def do_GET(self):
        hub, path = self.server, self.path.partition("?")[0]
        if path.startswith("/api/models/"):
            lfs = {"sha256": hub.sha256, "size": len(hub.data), "pointerSize": 130}
            file = {"rfilename": NAME, "size": len(hub.data), "blobId": "b", "lfs": lfs}
            self._json({"id": REPOSITORY, "modelId": REPOSITORY, "sha": "c" * 40, "siblings": [file]})
            return
        start = int(re.fullmatch(r"bytes=(\d+)-.*", self.headers.get("Range", "bytes=0-"))[1])
        hub.starts.append(start)
        self._begin(206 if start else 200, len(hub.data) - start, start)
        if len(hub.starts) == 1 and (hub.cut or hub.holding):
            self.wfile.write(hub.data[:CUT])
            if hub.holding:
                hub.held.set()
                hub.released.wait(60)
            self.close_connection = True
            return
        self.wfile.write(hub.data[start:])

    def _json(self, document):
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _begin(self, status, length, start=0):
        size = len(self.server.data)
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", f'"{self.server.sha256}"')
        self.send_header("X-Linked-Size", str(size))
        self.send_header("X-Repo-Commit", "c" * 40)
        self.end_headers()

    def log_message(self, *_):
        """Nothing is printed."""


@pytest.fixture
def serve(tmp_path):
    """Starts a hub with a model of some 24 MB."""
    hubs = []

    def start(**faults):
        data = plain(tmp_path / "tiny.gguf").read_bytes() + os.urandom(24 * 2**20)
        hub = Hub(data, **faults)
        hubs.append(hub)
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        return hub

    yield start
    for hub in hubs:
        hub.released.set()
        hub.shutdown()
        hub.server_close()


def pulling(hub, home):
    """`models pull` in a process of its own; the library reads its address when it is imported."""
    command = [sys.executable, "-m", "chatapp", "models", "pull", REPOSITORY, "--data-dir", str(home)]
    local = {"HF_ENDPOINT": hub.url, "HF_HOME": str(home / "hf"), "NO_PROXY": "*", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | local,
    )


def came(home):
    return next(home.rglob(NAME), None)


def test_a_connection_that_breaks_is_taken_up_where_it_broke(serve, tmp_path):
    hub, home = serve(cut=True), tmp_path / "home"
    done = pulling(hub, home)
    _, said = done.communicate(timeout=100)
    assert done.returncode == 0, said
    assert came(home).read_bytes() == hub.data
    assert len(hub.starts) == 2
    assert 0 < hub.starts[1] <= CUT


def test_a_download_that_was_killed_is_taken_up_by_the_next(serve, tmp_path):
    hub, home = serve(holding=True), tmp_path / "home"
    first = pulling(hub, home)
    assert hub.held.wait(60)
    try:
        while not any(part.stat().st_size for part in home.rglob("*.part")):
            assert first.poll() is None
            time.sleep(0.01)
    finally:
        first.kill()
        first.communicate()
    hub.released.set()
    assert came(home) is None
    second = pulling(hub, home)
    _, said = second.communicate(timeout=100)
    assert second.returncode == 0, said
    assert came(home).read_bytes() == hub.data
    assert 0 < hub.starts[1] <= CUT
    assert not list(home.rglob("*.part"))


def test_what_is_not_what_the_hub_says_it_has_is_thrown_away(serve, tmp_path):
    hub, home = serve(lies=True), tmp_path / "home"
    done = pulling(hub, home)
    _, said = done.communicate(timeout=100)
    assert done.returncode == 1
    assert "SHA-256 is wrong" in said
    assert came(home) is None


def test_without_a_network_it_says_so_in_a_sentence(serve, tmp_path):
    hub, home = serve(), tmp_path / "home"
    hub.server_close()
    done = pulling(hub, home)
    _, said = done.communicate(timeout=100)
    assert done.returncode == 1
    assert f"{REPOSITORY} could not be fetched" in said
    assert "Traceback" not in said
