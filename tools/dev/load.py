#!/usr/bin/env python3
"""Clients that chat with a gateway for a while, each with one request at a time.

usage: load.py HOST:PORT... [--users N] [--seconds N] [--model M] [--key-file F]

Says every ten seconds how it goes, and ends by itself. Every second request is a stream. For load
that is measured and judged there is tests/load/locustfile.py.
"""

import argparse
import contextlib
import http.client
import json
import sys
import threading
import time
from pathlib import Path

SECONDS_MAX = 3600
USERS_MAX = 200


def chat(
    host: str, port: int = 8000, *, model: str | None = None, key: str = "", stream: bool = False
) -> tuple[int, str]:
    """Status and body of one answer, read to its end; status 0 and a reason if there was none, or
    if it was cut."""
    body: dict = {"messages": [{"role": "user", "content": "Why do rockets have stages?"}]}
    body |= {"max_tokens": 16, "stream": stream}
    if model:
        body["model"] = model
    headers = {"content-type": "application/json"}
    if key:
        headers["authorization"] = f"Bearer {key}"
    connection = http.client.HTTPConnection(host, port, timeout=60)
    with contextlib.closing(connection):
        try:
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            return 0, f"{type(error).__name__}: {error}"
    if stream and response.status == 200 and "data: [DONE]" not in text:
        return 0, "the stream was cut"
    return response.status, text


class Users:
    """From start() until they have had their time."""

    def __init__(
        self, addresses: list[str], users: int, seconds: float, model: str | None, key: str
    ):
        self._where = [
            (host, int(port)) for host, _, port in (a.rpartition(":") for a in addresses)
        ]
        self._model, self._key = model, key
        self._until = time.monotonic() + min(seconds, SECONDS_MAX)
        self._lock = threading.Lock()
        self._times: list[float] = []
        self._failed: list[str] = []
        count = min(users, USERS_MAX)
        self._threads = [threading.Thread(target=self._ask_on, args=(i,)) for i in range(count)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def running(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def told(self) -> str:
        """Since it was last asked."""
        with self._lock:
            times, failed = sorted(self._times), self._failed
            self._times, self._failed = [], []
        if not times and not failed:
            return "no answer"
        half = f"{times[len(times) // 2] * 1000:.0f} ms" if times else "-"
        why = f", the last: {failed[-1][:120]}" if failed else ""
        return f"{len(times)} answered, half of them within {half}; {len(failed)} failed{why}"

    def _ask_on(self, number: int) -> None:
        while time.monotonic() < self._until:
            number += 1
            begun = time.monotonic()
            where = self._where[number // 2 % len(self._where)]
            status, text = chat(*where, model=self._model, key=self._key, stream=number % 2 == 0)
            with self._lock:
                if status == 200:
                    self._times.append(time.monotonic() - begun)
                else:
                    self._failed.append(f"{status} {text}")
            # People read before they ask again; and a gateway that is down is not hammered.
            time.sleep(0.2 if status == 200 else 1)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="clients that chat for a while")
    parser.add_argument("addresses", nargs="+")
    parser.add_argument("--users", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--model")
    parser.add_argument("--key-file", type=Path)
    options = parser.parse_args(arguments)
    key = options.key_file.read_text().strip() if options.key_file else ""
    users = Users(options.addresses, options.users, options.seconds, options.model, key)
    users.start()
    told = time.monotonic()
    while users.running():
        time.sleep(0.2)
        if time.monotonic() - told >= 10:
            told = time.monotonic()
            print(f"{time.strftime('%H:%M:%S')} {users.told()}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
