"""A mixed load that goes on and on: chats, streams, embeddings; hang-ups, faults and reloads.

Every answer is checked: it has to hold the words that its own request asked the backend for, and
nobody else's.
"""

import http.client
import json
import random
import signal
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from harness.gateway import Gateway
from harness.waiting import elapse
from harness.wire import chat, request_bytes

# Of a hundred requests.
ABORTS = 5
FAULTS = 1
FAULT_KINDS = [
    *("reset_before_head", "end_before_head", "garbage", "status_500", "status_503"),
    *("two_lengths", "head_64k", "bad_chunk_size", "end_mid_stream", "reset_mid_stream"),
]
PAUSE = 0.01  # of a client between two requests
RELOAD_INTERVAL = 5.0


@dataclass
class Soak:
    gateway: Gateway
    clients: int = 4
    seed: int = 1
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(i,)) for i in range(self.clients)]
        self._threads.append(threading.Thread(target=self._reload))

    def __enter__(self) -> "Soak":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _reload(self) -> None:
        config = dict(self.gateway.config)
        while not self._stopping.wait(RELOAD_INTERVAL):
            config["heartbeat"] = "15s" if config.get("heartbeat") == "14s" else "14s"
            self.gateway.write_config(config)
            self.gateway.program.send(signal.SIGHUP)
            self.counts["reloads"] += 1

    def _ask(self, client: int) -> None:
        dice = random.Random(f"{self.seed}-{client}")
        connection = None
        number = 0
        while not self._stopping.wait(PAUSE):
            number += 1
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=30)
            word = f"c{client}n{number}-"
            try:
                if dice.randrange(100) < ABORTS:
                    self._abort(word, dice)
                elif dice.randrange(100) < FAULTS:
                    self._fail(word, dice)
                else:
                    self._succeed(connection, word, dice)
            except Exception as fault:  # noqa: BLE001  whatever it is, the test shall tell
                self.wrong.append(f"{word} {type(fault).__name__}: {fault}")
                connection.close()
                connection = None
        if connection:
            connection.close()

    def _succeed(self, connection: http.client.HTTPConnection, word: str, dice) -> None:
        kind = dice.choice(["chat", "chat", "stream", "embeddings", "models"])
        self.counts[kind] += 1
        script = {"word": word, "tokens": dice.randrange(1, 30)}
        if dice.randrange(20) == 0:
            script["answer_bytes"] = dice.randrange(200_000)
        if kind == "models":
            asked = ("GET", "/v1/models")
        elif kind == "embeddings":
            asked = ("POST", "/v1/embeddings", json.dumps({"model": "m", "input": word}))
        else:
            body = chat(
                "m", stream=kind == "stream", fake=script, padding="x" * dice.randrange(2000)
            )
            asked = ("POST", "/v1/chat/completions", json.dumps(body))
        text = self._answer_to(connection, asked)
        if kind == "stream":
            assert text.endswith("data: [DONE]\n\n"), text[-200:]
        if kind in ("chat", "stream"):
            assert text.count(word) == script["tokens"], text[:500]
            assert "c" + word[1:] in text

    def _answer_to(self, connection: http.client.HTTPConnection, asked: tuple) -> str:
        """Asks as the official clients do: again, twice, if the answer says when. A fault of this
        load's own can have every endpoint ask to be left alone for a second."""
        for again in (True, True, False):
            connection.request(*asked)
            answer = connection.getresponse()
            text = answer.read().decode()
            later = answer.headers["retry-after"] if answer.status == 503 else None
            if later is None or not again:
                break
            self.counts["asked again"] += 1
            elapse(float(later))
        assert answer.status == 200, text
        return text

    def _abort(self, word: str, dice) -> None:
        """Hangs up somewhere in a stream, or before it."""
        self.counts["aborts"] += 1
        body = chat("m", stream=True, fake={"word": word, "tokens": 50, "event_delay_ms": 5})
        with socket.create_connection(("127.0.0.1", self.gateway.port), 30) as connection:
            connection.sendall(request_bytes("POST", "/v1/chat/completions", body))
            if dice.randrange(3):
                connection.recv(dice.randrange(1, 2000))

    def _fail(self, word: str, dice) -> None:
        """Both backends do the same wrong: the client is told, before the stream or in it."""
        self.counts["faults"] += 1
        stream = dice.randrange(2) == 0
        script = {"word": word, "fault": dice.choice(FAULT_KINDS), "tokens": 8, "at": 3}
        answer = self.gateway.call(
            "POST", "/v1/chat/completions", chat("m", stream=stream, fake=script), cut=None
        )
        if answer.status == 200:
            assert stream and b'"error"' in answer.body, answer
            assert b"[DONE]" not in answer.body, answer
        else:
            assert answer.error()["message"]


def slope_per_hour(samples: list[tuple[float, float]]) -> float:
    """Theil and Sen's: the median of the slopes between pairs. A few outliers do not move it."""
    step = max(1, len(samples) // 300)
    kept = samples[::step]
    slopes = sorted(
        (after - before) / (later - earlier)
        for i, (earlier, before) in enumerate(kept)
        for later, after in kept[i + 1 :]
    )
    return 3600 * slopes[len(slopes) // 2]


def sample(gateway: Gateway, seconds: float) -> list[tuple[float, float, int]]:
    """(time, resident bytes, descriptors) once a second."""
    found = []
    begin = time.monotonic()
    while (now := time.monotonic() - begin) < seconds:
        found.append((now, gateway.program.rss_bytes(), gateway.program.descriptors()))
        elapse(1)
    return found
