"""Ray's jobs, over the REST API of its dashboard: docs.ray.io, "Ray Jobs REST API"."""

import http.client
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rocket_ray.batch_jobs import Job, Nodes

TIMEOUT_S = 5.0
SUBMIT_S = 15.0  # Ray answers once it has made the job's supervisor
ANSWER_BYTES_MAX = 64 << 20
NODES_MAX = 10_000  # more than these are an error of Ray's


class RayAway(Exception):
    """Nobody answers there, or not as Ray does."""


class JobsClient:
    """One request, one connection. Shows the cluster's token where there is one. Every call raises
    RayAway."""

    def __init__(self, url: str, timeout: float = TIMEOUT_S):
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port
        self._tls = parts.scheme == "https"
        self._timeout = timeout

    def version(self) -> str:
        answer = self._call("GET", "/api/version")
        if not isinstance(answer, dict):
            raise RayAway(f"it does not tell its version: {str(answer)[:500]}")
        return str(answer.get("ray_version", ""))

    def jobs(self) -> list[Job]:
        answer = self._call("GET", "/api/jobs/")
        try:
            return [read_job(each) for each in answer]
        except (AttributeError, TypeError) as error:
            raise RayAway(f"it does not tell its jobs: {str(answer)[:500]}") from error

    def nodes(self) -> Nodes:
        answer = self._call("GET", f"/api/v0/nodes?limit={NODES_MAX}&detail=1")
        try:
            rows = answer["data"]["result"]["result"]
            alive = [row for row in rows if row["state"] == "ALIVE"]
            heads = [row.get("start_time_ms") or 0 for row in alive if row.get("is_head_node")]
            return Nodes(frozenset(row["node_id"] for row in alive), max(heads, default=0) / 1000)
        except (AttributeError, KeyError, TypeError) as error:
            raise RayAway(f"it does not tell its nodes: {str(answer)[:500]}") from error

    def submit(self, submission_id: str, entrypoint: str) -> bool:
        """Whether it is there now by this call: somebody else may have been quicker."""
        body = {"submission_id": submission_id, "entrypoint": entrypoint}
        status, answer = self._ask("POST", "/api/jobs/", body, SUBMIT_S)
        if status >= 400 and "already exists" in str(answer):
            return False
        self._check(status, answer)
        return True

    def forget(self, submission_id: str) -> None:
        status, answer = self._ask("DELETE", f"/api/jobs/{submission_id}")
        if status != 404:
            self._check(status, answer)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self._ask(method, path, body)
        self._check(status, answer)
        return answer

    def _check(self, status: int, answer: Any) -> None:
        if status != 200:
            raise RayAway(f"status {status}: {str(answer)[:500]}")

    def _ask(
        self, method: str, path: str, body: Any = None, timeout: float = 0.0
    ) -> tuple[int, Any]:
        kind = http.client.HTTPSConnection if self._tls else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=timeout or self._timeout)
        headers = {"Content-Type": "application/json"}
        if shown := token():
            # http.client would say what it does not take.
            if not (shown.isascii() and shown.isprintable()):
                raise RayAway("the cluster's token is not one line of ASCII: RAY_AUTH_TOKEN")
            headers["Authorization"] = f"Bearer {shown}"
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, headers)
            response = connection.getresponse()
            answer = response.read(ANSWER_BYTES_MAX)
        except (OSError, http.client.HTTPException) as error:
            raise RayAway(str(error) or type(error).__name__) from error
        finally:
            connection.close()
        try:
            return response.status, json.loads(answer)
        except ValueError:
            return response.status, answer.decode(errors="replace")


def token() -> str:
    """The cluster's, from where Ray itself takes it; empty: none is needed, or known."""
    if given := os.environ.get("RAY_AUTH_TOKEN"):
        return given.strip()
    path = os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token"
    try:
        return Path(path).expanduser().read_text().strip()
    except (OSError, UnicodeDecodeError, RuntimeError):
        return ""


def read_job(told: dict[str, Any]) -> Job:
    """As Ray tells it: times in milliseconds. Jobs that were not submitted have no id."""
    return Job(
        submission_id=str(told.get("submission_id") or ""),
        status=str(told.get("status") or ""),
        started=(told.get("start_time") or 0) / 1000,
        ended=(told.get("end_time") or 0) / 1000,
        node=str(told.get("driver_node_id") or ""),
    )
