"""`rocket serve` under test."""

import http.client
import json
import os
import re
import signal
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.program import Program
from harness.waiting import wait_until
from harness.wire import Answer, RawConnection, call

# What every gateway of the suites is given; a test's own settings go over it.
DEFAULTS = {
    "listen": "127.0.0.1:0",
    "admin": "127.0.0.1:0",
    "health": {"interval": "200ms"},
    "drain": {"timeout": "10s"},
}


def binary() -> Path:
    default = Path(__file__).parents[2] / "build/release/rocket"
    return Path(os.environ.get("ROCKET_BINARY", default))


def backend(name: str, url: str | Iterable[str], kind: str = "openai", **more) -> dict:
    return {
        "name": name,
        "kind": kind,
        "urls": [url] if isinstance(url, str) else list(url),
        **more,
    }


class Gateway:
    """A running gateway. finish() asks it to drain and holds it to its promise."""

    def __init__(
        self,
        config: Mapping,
        folder: Path,
        *,
        env: Mapping[str, str] | None = None,
        arguments: Iterable[str] = (),
        descriptors: int | None = None,
    ):
        folder.mkdir(parents=True, exist_ok=True)
        self.config_file = folder / "gateway.yaml"
        self._ended = False
        self.write_config(config)
        self.program = Program(
            [binary(), "serve", "--config", self.config_file, *arguments],
            folder,
            env=env,
            descriptors=descriptors,
        )
        serving = json.loads(self.program.line('"serving"'))
        self.port = int(serving["listen"].rpartition(":")[2])
        admin = serving["admin"]
        self.admin_port = 0 if admin.startswith("unix:") else int(admin.rpartition(":")[2])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def write_config(self, config: Mapping) -> None:
        """Replaces the file as careful programs do: whole, in one step. YAML holds all of JSON."""
        self.config = {**DEFAULTS, **config}
        self.write_config_text(json.dumps(self.config, indent=1))

    def write_config_text(self, text: str) -> None:
        scratch = self.config_file.with_suffix(".new")
        scratch.write_text(text)
        scratch.replace(self.config_file)

    def call(self, method: str, path: str, body: bytes | dict | None = None, **more) -> Answer:
        return call(self.port, method, path, body, **more)

    def chat(self, body: dict, **more) -> Answer:
        return self.call("POST", "/v1/chat/completions", body, **more)

    def connect(self, timeout: float = 15) -> RawConnection:
        return RawConnection(self.port, timeout)

    def admin(self, path: str) -> Answer:
        return call(self.admin_port, "GET", path)

    def revision(self) -> int:
        return self.call("GET", "/health").json()["revision"]

    def wait_ready(self) -> None:
        wait_until(
            "the gateway is ready", lambda: self.call("GET", "/readyz").status == 200, seconds=30
        )

    def wait_for_models(self, *models: str) -> None:
        def listed() -> bool:
            known = {each["id"] for each in self.call("GET", "/v1/models").json()["data"]}
            return known >= set(models)

        wait_until(f"the gateway lists {models}", listed, seconds=60)

    def in_flight(self) -> float:
        return sum(self.samples("rocket_in_flight").values())

    def samples(self, name: str) -> dict[str, float]:
        """The samples of a metric, by their labels as they are written."""
        found = {}
        for line in self.admin("/metrics").body.decode().splitlines():
            if match := re.fullmatch(re.escape(name) + r"(\{.*\})? (\S+)", line):
                found[match[1] or ""] = float(match[2])
        return found

    def access_lines(self, count: int) -> list[dict]:
        """Waits for `count` lines of the access log."""

        def lines() -> list[str] | None:
            found = [x for x in self.program.out().splitlines(keepends=True) if x.endswith("\n")]
            return found if len(found) >= count else None

        return [json.loads(line) for line in wait_until(f"{count} access log lines", lines)]

    def refuses_connections(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:
            pass  # the listener was closing just then
        return False

    def terminate(self) -> None:
        self._ended = True
        self.program.send(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: it dies without a word."""
        self._ended = True
        self.program.kill()

    def finish(self) -> None:
        """SIGTERM: it exits 0 within the drain's time, and nothing that it started stays."""
        try:
            if self._ended:
                return
            self.terminate()
            code = self.program.wait(seconds=15)
            assert code == 0, f"exit {code}:\n{self.program.err()[-3000:]}"
            assert not self.program.left_behind()
        finally:
            self.program.stop(seconds=0)


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path):
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
