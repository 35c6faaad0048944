"""Two llama-servers and an Ollama under load; one is killed, stopped, cut off or started again: no
answer is lost that had not begun."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness import engines
from harness.engines import Engine
from harness.gateway import Gateway, backend
from harness.link import Link
from harness.waiting import elapse, wait_until
from harness.wire import chat

CLIENTS = 3
MODEL = "any"


@dataclass
class Seen:
    answered: Counter = field(default_factory=Counter)  # by endpoint
    lost: list[str] = field(default_factory=list)
    cut: int = 0  # streams that had begun


class Load:
    """Clients that ask again as soon as they are answered, every other request streamed."""

    def __init__(self, gateway: Gateway):
        self._gateway = gateway
        self._over = threading.Event()
        self._lock = threading.Lock()
        self.seen = Seen()
        self._clients = [threading.Thread(target=self._ask_on, args=(i,)) for i in range(CLIENTS)]
        for each in self._clients:
            each.start()

    def stop(self) -> Seen:
        self._over.set()
        for each in self._clients:
            each.join()
        return self.seen

    def _ask_on(self, number: int) -> None:
        while not self._over.is_set():
            number += 1
            stream = number % 2 == 0
            body = chat(MODEL, stream=stream, max_tokens=8, temperature=0)
            try:
                answer = self._gateway.chat(body, cut=None if stream else False, timeout=60)
            except OSError as error:
                with self._lock:
                    self.seen.lost.append(repr(error))
                continue
            with self._lock:
                if answer.status != 200:
                    self.seen.lost.append(f"{answer.status}: {answer.body[:200]!r}")
                elif stream and b"data: [DONE]" not in answer.body:
                    # Only what had begun may be cut, and it has to say so.
                    assert b'"error"' in answer.body, answer.body[-300:]
                    self.seen.cut += 1
                else:
                    self.seen.answered[answer.header("x-rocket-endpoint")] += 1


@dataclass
class World:
    gateway: Gateway
    engine: Engine  # the one that things happen to: llama/0
    link: Link  # to it
    restart: Callable[[], Engine]


@pytest.fixture
def world(rocket, llama_server, ollama, tmp_path: Path) -> Iterator[World]:
    kept, other = llama_server(model="tiny"), ollama()
    struck = engines.start_llama_server(tmp_path / "struck", model="tiny", alias="tiny")
    port = struck.port
    started = [struck]

    def restart() -> Engine:
        started.append(
            engines.start_llama_server(
                tmp_path / f"again-{len(started)}", model="tiny", alias="tiny", port=port
            )
        )
        return started[-1]

    link = Link(port)
    try:
        gateway = rocket(
            {
                "backends": [
                    backend("llama", [link.url, kept.url]),
                    backend("ollama", other.url, "ollama"),
                ],
                "models": {
                    MODEL: [
                        {"backend": "llama", "model": "tiny"},
                        {"backend": "ollama", "model": engines.OLLAMA_MODEL},
                    ]
                },
                "timeouts": {"first_token": "10s"},
                "breaker": {"open": "1s", "open_max": "2s"},
            }
        )
        yield World(gateway, struck, link, restart)
    finally:
        link.close()
        for each in started:
            each.program.kill()


def kill(world: World) -> None:
    world.engine.program.kill()


def stop(world: World) -> None:
    world.engine.program.send(signal.SIGSTOP)


def go_on(world: World) -> None:
    world.engine.program.send(signal.SIGCONT)


def cut(world: World) -> None:
    world.link.cut()


def mend(world: World) -> None:
    world.link.mend()


def start_again(world: World) -> None:
    world.restart()


@pytest.mark.parametrize(
    ("strike", "recover"),
    [(kill, start_again), (stop, go_on), (cut, mend)],
    ids=["kill -9 and start again", "SIGSTOP and SIGCONT", "cut its network and mend it"],
)
@pytest.mark.parametrize("seconds", [5, pytest.param(30, marks=pytest.mark.long)])
def test_no_answer_is_lost(world: World, strike, recover, seconds: int) -> None:
    load = Load(world.gateway)
    try:
        wait_until(
            "all llama-servers answer",
            lambda: {"llama/0", "llama/1"} <= set(load.seen.answered),
            seconds=60,
        )
        # As many as tell how long an answer takes.
        wait_until("it is known how long answers take", lambda: answers(load) >= 60, seconds=120)
        strike(world)
        began = time.monotonic()
        before = answers(load)
        elapse(seconds)
        wait_until("others answer", lambda: answers(load) >= before + 10, seconds=60)
        recover(world)
        here = load.seen.answered["llama/0"]
        wait_until(
            "it answers again", lambda: load.seen.answered["llama/0"] > here + 3, seconds=60
        )
        assert time.monotonic() - began < seconds + 130
    finally:
        seen = load.stop()
    assert not seen.lost, seen.lost[:5]
    # At most those that were at it when it was struck.
    assert seen.cut <= CLIENTS, seen.cut


def answers(load: Load) -> int:
    return sum(load.seen.answered.values())
