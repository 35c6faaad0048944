"""Element's web client, made from the registry's packages and served on loopback."""

import fcntl
import functools
import hashlib
import http.server
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from dev.places import CACHE

SOURCES = Path(__file__).parent / "element"
QUIETLY = ("--no-audit", "--no-fund", "--ignore-scripts")
# Seconds for 320 MB of packages: a registry's mirror may pass on a few hundred KiB a second. What a
# try before this one has brought stays in npm's own cache.
FETCHING_MAX = 1800


def built() -> Path:
    """The folder with its files; made once for each state of what it is made of. Skips, with the
    reason, where there is no node."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if not npm or not node:
        pytest.skip("node and npm are not installed")
    files = sorted(each for each in SOURCES.iterdir() if each.is_file())
    lock = (SOURCES / "package-lock.json").read_bytes()
    packages = CACHE / "npm" / hashlib.sha256(lock).hexdigest()[:12]
    packages.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256(b"".join(each.read_bytes() for each in files)).hexdigest()[:12]
    site = packages / f"site-{key}"
    with open(packages / ".lock", "w") as mutex:
        fcntl.flock(mutex, fcntl.LOCK_EX)
        if not (packages / "ready").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(SOURCES / name, packages)
            command = [npm, "ci", "--legacy-peer-deps", *QUIETLY]
            subprocess.run(command, cwd=packages, check=True, timeout=FETCHING_MAX)
            (packages / "ready").touch()
        if not (site / "ready").exists():
            command = [node, SOURCES / "build.mjs", packages / "node_modules", site]
            subprocess.run(command, check=True, timeout=300)
            (site / "ready").touch()
    return site


@contextmanager
def served(site: Path, homeserver: str) -> Iterator[str]:
    """Its URL. What it asks of the homeserver goes through here, so that both are one origin."""
    with httpx.Client(base_url=homeserver, timeout=90) as upstream:
        handler = functools.partial(_Handler, upstream, directory=str(site))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            server.server_close()


class _Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, upstream: httpx.Client, *arguments, **more):
        self._upstream = upstream
        super().__init__(*arguments, **more)

    def do_GET(self) -> None:
        self._pass() if self.path.startswith("/_matrix/") else super().do_GET()

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        kept = ("authorization", "content-type")
        headers = {name: self.headers[name] for name in kept if name in self.headers}
        try:
            answer = self._upstream.request(self.command, self.path, content=body, headers=headers)
        except httpx.TransportError:
            self.close_connection = True
            return
        self.send_response_only(answer.status_code)
        self.send_header("content-type", answer.headers.get("content-type", ""))
        self.send_header("content-length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: object) -> None:
        pass

    do_POST = do_PUT = do_DELETE = _pass
