"""The admin port of a gateway, over its Unix socket. Thin: one request, one connection."""

import http.client
import json
import socket
from dataclasses import dataclass
from pathlib import Path

JSON = {"Content-Type": "application/json"}
YAML = {"Content-Type": "application/yaml"}
ANSWER_BYTES_MAX = 64 << 20


class ConfigRefused(Exception):
    """A configuration that the gateway does not take. The message is what `rocket check` would
    say, a line per problem; the old configuration stays in force."""


class AddressTaken(ConfigRefused):
    """It can not be listened where the configuration says."""


class JobTaken(Exception):
    """Another driver has the job of that batch: one of another cluster, or a later one."""


class AdminError(Exception):
    """An answer of the admin port that is none of those that it may give."""


@dataclass(frozen=True)
class Health:
    """What a gateway says of itself. `status`: `waiting` for its first configuration, `ok`,
    `draining` (also as a lame duck)."""

    status: str
    revision: int


@dataclass(frozen=True)
class Unfinished:
    """Of a batch with `total` lines: ranges of places, from the first on, without the second; and
    the places at which the lines of another model begin."""

    total: int
    ranges: list[tuple[int, int]]
    models: list[int]

    @property
    def lines(self) -> int:
        return sum(stop - start for start, stop in self.ranges)


class AdminClient:
    """Every call raises OSError or http.client.HTTPException if nobody answers in time.

    `timeout`: seconds for each step of a call: to connect, to write, to read.
    """

    def __init__(self, socket_path: Path, timeout: float):
        self._path = socket_path
        self._timeout = timeout

    def health(self) -> Health:
        answer = json.loads(self._call("GET", "/health"))
        return Health(str(answer["status"]), int(answer["revision"]))

    def get(self, path: str) -> str:
        """What is at a path, for people."""
        return self._call("GET", path).decode()

    def metrics(self) -> str:
        """In Prometheus' text format."""
        return self.get("/metrics")

    def configure(self, text: str) -> int:
        """Puts a configuration, YAML or JSON, in force; its revision. Raises ConfigRefused."""
        status, body = self._ask("POST", "/config", text.encode(), YAML)
        if status == 200:
            return int(json.loads(body)["revision"])
        if status in (409, 422):
            refusal = AddressTaken if status == 409 else ConfigRefused
            raise refusal(describe(json.loads(body)["problems"]))
        raise AdminError(f"POST /config: status {status}: {body[:500].decode(errors='replace')}")

    def batches_to_share_out(self, cluster: str) -> list[str]:
        """The ids of batches whose lines wait to be asked by the gateways of all nodes, the oldest
        first; not those whose job another cluster than that has."""
        answer = json.loads(self._call("GET", "/batches"))
        return [
            each["id"]
            for each in answer["batches"]
            if each["status"] == "in_progress" and each.get("cluster", cluster) == cluster
        ]

    def unfinished(self, batch: str, driver: int, cluster: str) -> "Unfinished | None":
        """What of a batch has no result yet, for the driver of that number and cluster, which has
        its job from now on. None: the batch is not in progress. Raises JobTaken."""
        body = json.dumps({"driver": driver, "cluster": cluster}).encode()
        status, answer = self._ask("POST", f"/batches/{batch}", body, JSON)
        told = json.loads(answer) if answer else {}
        if status == 200 and told.get("taken"):
            raise JobTaken(batch)
        if status == 200:
            ranges = [(each[0], each[1]) for each in told["unfinished"]]
            return Unfinished(told["total"], ranges, told.get("models", []))
        if status == 404 and told["error"]["code"] == "batch_not_found":
            return None
        raise AdminError(f"POST /batches: status {status}")

    def tell_ray(self, there: bool) -> None:
        """Whether Ray, which shares such batches out, answers."""
        self._call("POST", "/ray", json.dumps({"there": there}).encode(), JSON)

    def lame_duck(self) -> None:
        self._call("POST", "/lame_duck", b"{}", JSON)

    def _call(self, method: str, path: str, body: bytes | None = None, headers=None) -> bytes:
        status, answer = self._ask(method, path, body, headers)
        if status != 200:
            raise AdminError(f"{method} {path}: status {status}")
        return answer

    def _ask(self, method: str, path: str, body: bytes | None, headers) -> tuple[int, bytes]:
        connection = _UnixConnection(self._path, self._timeout)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            answer = response.read(ANSWER_BYTES_MAX)
            if response.isclosed() or not response.read(1):
                return response.status, answer
            raise AdminError(f"{method} {path}: an answer of over {ANSWER_BYTES_MAX} bytes")
        finally:
            connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float):
        super().__init__("localhost", timeout=timeout)
        self._socket_path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._socket_path))


def describe(problems: list[dict[str, str]]) -> str:
    """As `rocket check` prints them."""
    lines = []
    for problem in problems:
        line = ": ".join(filter(None, (problem.get("path"), problem.get("message"))))
        lines.append("; ".join(filter(None, (line, problem.get("remedy")))))
    return "\n".join(lines)
