"""Whoever supervises a gateway tells it, at its admin port, what to work from and when to go."""

import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.gateway import DEFAULTS, UnixConnection, backend, binary
from harness.processes import has_ended
from harness.program import Program
from harness.waiting import elapse, wait_until
from harness.wire import Answer, call, chat, request_bytes, streamed_text

JSON = {"content-type": "application/json"}


def post(port: int, path: str, body: str | dict = "{}", headers: dict | None = None) -> Answer:
    text = body if isinstance(body, str) else json.dumps(body)
    return call(port, "POST", path, text.encode(), headers=JSON if headers is None else headers)


def posted(url: str, **more) -> dict:
    return {**DEFAULTS, "backends": [backend("a", url)], **more}


class Waiting:
    """`rocket serve --wait-config`."""

    def __init__(self, folder: Path, *arguments: str):
        self.program = Program(
            [binary(), "serve", "--wait-config", "--admin", "127.0.0.1:0", *arguments], folder
        )
        said = json.loads(self.program.line("waiting for a configuration"))
        self.admin_port = int(said["admin"].rpartition(":")[2])

    def configure(self, body: str | dict) -> Answer:
        return post(self.admin_port, "/config", body)

    def reach(self, revision: int) -> None:
        def there() -> bool:
            return call(self.admin_port, "GET", "/health").json()["revision"] == revision

        wait_until(f"revision {revision} is in force", there)

    def data_port(self) -> int:
        serving = json.loads(self.program.line('"serving"'))
        return int(serving["listen"].rpartition(":")[2])


@pytest.fixture
def waiting(tmp_path: Path):
    started: list[Waiting] = []

    def start(*arguments: str) -> Waiting:
        started.append(Waiting(tmp_path / f"waiting-{len(started)}", *arguments))
        return started[-1]

    yield start
    for each in started:
        each.program.stop()


def test_a_posted_configuration_is_in_force(rocket, fake) -> None:
    first, second = fake(models=["one"]), fake(models=["two"])
    gateway = rocket({"backends": [backend("a", first.url)]})
    gateway.wait_for_models("one")
    config = {**gateway.config, "backends": [backend("b", second.url)]}
    answer = post(gateway.admin_port, "/config", config)
    assert (answer.status, answer.json()) == (200, {"revision": 2})
    assert gateway.revision() == 2
    gateway.wait_for_models("two")
    assert gateway.chat(chat("two")).header("x-rocket-backend") == "b"
    yaml = f"listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\nbackends: [{{name: c, urls: ['{first.url}']}}]"
    answer = post(gateway.admin_port, "/config", yaml, {"content-type": "application/yaml"})
    assert (answer.status, answer.json()) == (200, {"revision": 3})


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("backends: [", "", ""),
        ("bakends: []", "bakends", "backends"),
        (json.dumps({**DEFAULTS, "backends": [backend("a", "ftp://x")]}), "backends[0].urls[0]", ""),
        (json.dumps(posted("http://127.0.0.1:9", threads=2)), "threads", "reloaded"),
        (json.dumps(posted("http://127.0.0.1:9", listen="127.0.0.1:1")), "listen", "reloaded"),
    ],
)
def test_a_bad_one_changes_nothing(rocket, fake, text: str, path: str, words: str) -> None:
    gateway = rocket({"backends": [backend("a", fake(models=["m"]).url)]})
    answer = post(gateway.admin_port, "/config", text)
    assert answer.status == 422, answer
    problems = answer.json()["problems"]
    assert problems and all(each.keys() == {"path", "message", "remedy"} for each in problems)
    assert any(each["path"] == path for each in problems), problems
    assert words in json.dumps(problems)
    assert gateway.revision() == 1
    assert gateway.chat(chat("m")).status == 200


@pytest.mark.parametrize(
    ("path", "value"),
    [("listen", "127.0.0.1:1"), ("admin", "127.0.0.1:1"), ("threads", 2)],
)
def test_what_can_not_be_reloaded_is_named(path: str, value: object, rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake(models=["m"]).url)]})
    answer = post(gateway.admin_port, "/config", json.dumps({**gateway.config, path: value}))
    assert answer.status == 422, answer
    (problem,) = answer.json()["problems"]
    assert problem["path"] == path
    assert "can not be reloaded" in problem["message"] and "restart" in problem["remedy"]
    assert gateway.revision() == 1


@pytest.mark.parametrize("path", ["/config", "/lame_duck", "/drain"])
def test_a_web_page_can_not_post(rocket, fake, path: str) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        assert post(gateway.admin_port, path, "{}", {"content-type": kind}).status == 415, kind
    preflight = call(
        gateway.admin_port,
        "OPTIONS",
        path,
        headers={"origin": "http://evil.example", "access-control-request-method": "POST"},
    )
    assert preflight.header("access-control-allow-origin") is None
    assert call(gateway.admin_port, "GET", path).status == 405
    assert gateway.call("POST", path, {}).status == 404, "it is not on the data port"
    assert gateway.call("GET", "/-/healthz").status == 200


def test_of_an_unknown_path_all_that_the_admin_port_answers_is_named(rocket, fake) -> None:
    answer = rocket({"backends": [backend("a", fake().url)]}).admin("/nothing")
    told = set(answer.error()["message"].partition("serves ")[2].split(", "))
    known = {"/metrics", "/health", "/backends", "/requests/ID", "/config", "/lame_duck", "/drain"}
    assert answer.status == 404 and known <= told, told


def test_a_lame_duck_serves_and_then_drains(rocket, fake) -> None:
    # It has been told to wait long enough before: no second lame time.
    config = {"backends": [backend("a", fake(models=["m"]).url)], "drain": {"lame_duck": "20s"}}
    gateway = rocket(config)
    assert post(gateway.admin_port, "/lame_duck").json() == {"status": "lame_duck"}
    assert gateway.call("GET", "/-/healthz").status == 503
    assert gateway.call("GET", "/readyz").status == 503
    assert gateway.call("GET", "/livez").status == 200
    for health in (gateway.call("GET", "/health"), gateway.admin("/health")):
        assert (health.status, health.json()["status"]) == (200, "draining")
    assert gateway.chat(chat("m")).status == 200
    assert post(gateway.admin_port, "/lame_duck").status == 200
    gateway.terminate()
    assert gateway.program.wait(seconds=5) == 0


def test_a_posted_drain_ends_streams_whole(rocket, fake) -> None:
    upstream = fake(models=["m"], tokens=20, event_delay_ms=50)
    gateway = rocket({"backends": [backend("a", upstream.url)]})
    with gateway.connect() as connection:
        connection.send(request_bytes("POST", "/v1/chat/completions", chat("m", stream=True)))
        wait_until("it is under way", lambda: gateway.in_flight() == 1)
        assert post(gateway.admin_port, "/drain").json() == {"status": "draining"}
        answer = connection.read()
    assert answer.status == 200
    assert streamed_text(answer.body).count("word") == 20
    assert gateway.program.wait(seconds=5) == 0


def test_it_waits_for_its_first_configuration(waiting, fake) -> None:
    gateway = waiting()
    health = call(gateway.admin_port, "GET", "/health").json()
    assert (health["status"], health["ready"], health["revision"]) == ("waiting", False, 0)
    assert gateway.configure("backends: [").status == 422
    upstream = fake(models=["m"])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        refused = gateway.configure(posted(upstream.url, listen=address))
        assert refused.status == 409
        (problem,) = refused.json()["problems"]
        assert problem["path"] == "listen"
        assert address in problem["message"] and problem["remedy"]
        refused = gateway.configure(posted(upstream.url, metrics_listen=address))
        assert refused.status == 409
        (problem,) = refused.json()["problems"]
        assert problem["path"] == "metrics_listen" and address in problem["message"]
    pid = gateway.program.pid
    answer = gateway.configure(posted(upstream.url, threads=2))
    assert (answer.status, answer.json()) == (200, {"revision": 1})
    port = gateway.data_port()
    wait_until("it is ready", lambda: call(port, "GET", "/readyz").status == 200)
    assert call(port, "POST", "/v1/chat/completions", chat("m")).status == 200
    # The same admin port goes on, and takes the next one.
    assert call(gateway.admin_port, "GET", "/health").json()["revision"] == 1
    renamed = {**posted(upstream.url, threads=2), "backends": [backend("b", upstream.url)]}
    assert gateway.configure(renamed).json() == {"revision": 2}
    assert gateway.program.pid == pid and gateway.program.running()


def test_a_reload_does_not_bring_back_what_was_posted_before(waiting, fake) -> None:
    url = fake(models=["m"]).url

    def config(name: str) -> dict:
        # So many that reading them takes a while.
        models = {f"m{i}": [{"backend": name, "model": "m"}] for i in range(2000)}
        return {**posted(url), "backends": [backend(name, url)], "models": models}

    gateway = waiting()
    assert gateway.configure(config("first")).status == 200
    gateway.data_port()
    with ThreadPoolExecutor(1) as pool:
        for number, pause in enumerate((0.02, 0.05, 0.1, 0.2)):
            answer = pool.submit(gateway.configure, config(f"b{number}"))
            elapse(pause)
            gateway.program.send(signal.SIGHUP)
            assert answer.result().status == 200
            gateway.reach(revision=3 + 2 * number)
            (one,) = call(gateway.admin_port, "GET", "/backends").json()["backends"]
            assert one["name"] == f"b{number}", pause


def test_admin_connections_survive_the_first_configuration(waiting, fake) -> None:
    gateway = waiting()
    upstream = fake(models=["m"])
    assert gateway.configure(posted(upstream.url)).status == 200
    # No pause in which nobody listens.
    for _ in range(50):
        assert call(gateway.admin_port, "GET", "/health").status == 200


@pytest.mark.parametrize("how", ["signal", "post"])
def test_it_can_be_ended_while_it_waits(waiting, how: str) -> None:
    gateway = waiting()
    if how == "signal":
        gateway.program.send(signal.SIGTERM)
    else:
        assert post(gateway.admin_port, "/drain").status == 200
    assert gateway.program.wait(seconds=5) == 0


def test_it_waits_at_a_unix_socket(tmp_path: Path, fake) -> None:
    path = tmp_path / "run/admin.sock"
    program = Program(
        [binary(), "serve", "--wait-config", "--admin", f"unix:{path}"], tmp_path / "unix"
    )
    try:
        program.line("waiting for a configuration")
        connection = UnixConnection(path)
        connection.request("POST", "/config", json.dumps(posted(fake().url)), JSON)
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())) == (200, {"revision": 1})
        connection.close()
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200
    finally:
        assert program.stop() == 0


PARENT = """
import subprocess, sys, os
child = subprocess.Popen([sys.argv[1], "serve", "--config", sys.argv[2], "--parent-pid",
                          sys.argv[3] if len(sys.argv) > 3 else str(os.getpid())])
print(child.pid, flush=True)
sys.exit(child.wait())
"""


def start_parent(tmp_path: Path, fake_url: str, *parent_pid: str) -> Program:
    config = tmp_path / "rocket.yaml"
    config.write_text(json.dumps(posted(fake_url)))
    argv = [sys.executable, "-c", PARENT, str(binary()), str(config), *parent_pid]
    return Program(argv, tmp_path / "parent")


@pytest.mark.parametrize("stopped", [False, True])
def test_it_dies_with_its_parent(tmp_path: Path, fake, stopped: bool) -> None:
    parent = start_parent(tmp_path, fake().url)
    serving = json.loads(parent.line('"serving"'))
    child = int(parent.out().split()[0])
    if stopped:
        os.kill(child, signal.SIGSTOP)
    parent.kill()
    wait_until("the child is gone", lambda: has_ended(child), seconds=5)
    port = int(serving["listen"].rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1)


def test_another_process_is_not_its_parent(tmp_path: Path, fake) -> None:
    parent = start_parent(tmp_path, fake().url, "1")
    assert parent.wait(seconds=10) == 3
    assert "--parent-pid: process 1 is not the parent" in parent.err()


def test_a_file_and_a_wait_exclude_each_other(tmp_path: Path) -> None:
    done = subprocess.run(
        [binary(), "serve", "--wait-config", "--config", "x.yaml"],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    assert done.returncode == 2, done
