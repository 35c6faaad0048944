"""The port for metrics alone: for Prometheus, from another machine, without a key."""

import json
import socket
import subprocess

import pytest

from harness.gateway import backend, binary
from harness.keys import entry, write_keys
from harness.waiting import wait_until
from harness.wire import call


def metrics_port(gateway) -> int:
    return int(json.loads(gateway.program.line('"serving"'))["metrics"].rpartition(":")[2])


@pytest.fixture
def gateway(rocket, fake, tmp_path):
    write_keys(tmp_path / "keys.yaml", entry("alice", "k" * 40))
    return rocket(
        {
            "backends": [backend("a", fake().url)],
            "keys_file": str(tmp_path / "keys.yaml"),
            "metrics_listen": "0.0.0.0:0",
        }
    )


def test_it_tells_what_the_admin_port_tells_and_needs_no_key(gateway) -> None:
    answer = call(metrics_port(gateway), "GET", "/metrics")
    assert answer.status == 200
    assert answer.header("content-type").startswith("text/plain; version=0.0.4")
    assert b'backend_health_status{backend="a",endpoint="a/0"} 1' in answer.body
    # By whatever name it is called: a pod's address is none of loopback's.
    named = call(metrics_port(gateway), "GET", "/metrics", headers={"Host": "10.1.2.3:9464"})
    assert named.status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", 404),
        ("GET", "/backends", 404),
        ("GET", "/requests/x", 404),
        ("GET", "/v1/models", 404),
        ("POST", "/v1/chat/completions", 404),
        ("POST", "/config", 404),
        ("POST", "/drain", 404),
        ("POST", "/metrics", 405),
    ],
)
def test_it_does_nothing_else(gateway, method: str, path: str, status: int) -> None:
    headers = {"Content-Type": "application/json"}
    body = b"{}" if method == "POST" else None
    assert call(metrics_port(gateway), method, path, body, headers=headers).status == status
    assert gateway.program.running()


def test_no_web_page_reads_it(gateway) -> None:
    answer = call(
        metrics_port(gateway), "GET", "/metrics", headers={"Origin": "https://evil.example"}
    )
    assert answer.header("access-control-allow-origin") is None


def test_a_full_one_holds_up_neither_data_nor_admin_port(gateway) -> None:
    held = [socket.create_connection(("127.0.0.1", metrics_port(gateway))) for _ in range(40)]
    try:
        assert gateway.admin("/metrics").status == 200
        assert gateway.call("GET", "/livez").status == 200
    finally:
        for each in held:
            each.close()
    wait_until(
        "it answers again", lambda: call(metrics_port(gateway), "GET", "/metrics").status == 200
    )


def test_it_can_not_be_reloaded(gateway) -> None:
    before = gateway.revision()
    gateway.write_config({**gateway.config, "metrics_listen": "127.0.0.1:1"})
    gateway.program.said("metrics_listen: can not be reloaded")
    assert gateway.revision() == before
    gateway.write_config({**gateway.config, "metrics_listen": "0.0.0.0:0", "heartbeat": "14s"})
    wait_until("another change is taken up", lambda: gateway.revision() == before + 1)


def test_a_port_that_is_taken_is_named(tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        file = tmp_path / "rocket.yaml"
        config = {"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "metrics_listen": address}
        file.write_text(json.dumps({**config, "backends": [backend("a", "http://127.0.0.1:9")]}))
        answer = subprocess.run(
            [binary(), "serve", "--config", file],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    assert answer.returncode == 3
    assert f"can not listen on {address}" in answer.stderr and "metrics_listen" in answer.stderr
