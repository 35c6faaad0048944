"""`./dev run`, as a person uses it: a real model answers, everything stops as asked, and nothing
that it started is left. In a network of its own, so that no port of this machine matters."""

import json
import os
import re
import signal
import socket
import time
import urllib.request
from pathlib import Path

import pytest

from harness import engines
from harness.program import Program
from harness.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
SERVING = "Ctrl-C stops it"

pytestmark = pytest.mark.usefixtures("far")


@pytest.fixture
def dev(far, tmp_path):
    """`dev(words...)`: `./dev run words...`, under way."""
    engines.place("ROCKET_LLAMA_SERVER")
    started: list[Program] = []

    def start(*words: str) -> Program:
        started.append(Program([ROOT / "dev", "run", *words], tmp_path / "dev", cwd=ROOT))
        return started[-1]

    yield start
    for program in started:
        program.stop()


def others() -> list[str]:
    """What else lives in this network: their command lines."""
    here = os.stat("/proc/thread-self/ns/net").st_ino
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.stat(folder / "ns/net").st_ino == here and int(folder.name) != os.getpid():
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                found.append(words or f"zombie {folder.name}")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def nothing_is_left(program: Program) -> None:
    wait_until(f"nothing is left, but there is {others()}", lambda: not others(), 10)
    assert not program.left_behind()


def test_once(dev) -> None:
    """The answer with who gave it and when its first word came; exit 0; in seconds."""
    begun = time.monotonic()
    program = dev("--once")
    assert program.wait(60) == 0, program.out() + program.err()
    took = time.monotonic() - begun
    said = program.out()
    assert "no model server is running: starting two of our own" in said
    assert re.search(r"\n> What is the capital of France\?.*\n.*Paris", said), said
    assert re.search(r"answered by llama-[ab]; first token after \d+ ms, all of it in \d+ ms", said)
    assert SERVING not in said
    assert took < 30, f"{took:.1f} s, everything being there"
    nothing_is_left(program)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_what_stops_it_leaves_nothing_behind(dev, number) -> None:
    program = dev()
    program.line(SERVING, 60)
    assert len(others()) >= 4, others()  # dev, two model servers, Rocket
    program.send(number)
    code = program.wait(20)
    # A signal's exit code, as a shell has it; nobody answers for himself after SIGKILL.
    assert code == (-number if number == signal.SIGKILL else 128 + number)
    nothing_is_left(program)


def test_ctrl_c_while_the_model_is_loaded(dev) -> None:
    program = dev()
    wait_until("the model servers are started", lambda: len(others()) >= 3, 60)
    program.send(signal.SIGINT)
    assert program.wait(20) == 128 + signal.SIGINT
    nothing_is_left(program)


def test_it_serves_until_it_is_stopped(dev) -> None:
    """The line that it prints works, also when one of the two model servers has been killed."""
    program = dev()
    program.line(SERVING, 60)
    said = program.out()
    pids = [int(pid) for pid in re.findall(r"llama-.: http://127.0.0.1:\d+, process (\d+)", said)]
    assert len(pids) == 2
    url = re.search(r"curl -N (http://127.0.0.1:8000/v1/chat/completions) ", said)[1]
    body = json.loads(re.search(r"-d '(.*)'", said)[1]) | {"max_tokens": 8}
    assert b"data: [DONE]" in ask(url, body)
    os.kill(pids[0], signal.SIGKILL)
    program.line("has ended; Rocket goes on with the others")
    assert b"data: [DONE]" in ask(url, body)


def ask(url: str, body: dict) -> bytes:
    head = {"content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), head)
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200
        return answer.read()


def test_servers_that_already_run_are_taken(dev, tmp_path) -> None:
    """A model server on its usual port is used, and none is started beside it."""
    server = engines.start_llama_server(tmp_path, model="chat", alias="smollm2", port=8080)
    try:
        program = dev("--once")
        assert program.wait(60) == 0, program.out() + program.err()
        assert "found: llama-cpp on port 8080" in program.out()
        assert "starting two of our own" not in program.out()
        assert "first token after" in program.out()
        assert server.program.running()
    finally:
        server.program.stop()


def test_a_port_that_is_taken_is_named(dev) -> None:
    with socket.create_server(("127.0.0.1", 8000)):
        program = dev("--once")
        assert program.wait(20) == 1
    assert "127.0.0.1:8000 can not be taken" in program.err()
    assert "another `listen`" in program.err()
    nothing_is_left(program)
