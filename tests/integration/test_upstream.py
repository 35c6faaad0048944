"""Towards the model servers: secrets, TLS, hang-ups and back-pressure."""

import contextlib
import json
import shutil
import socket
import ssl
import struct
import subprocess
import threading
from pathlib import Path

import pytest

from harness.gateway import Gateway, backend
from harness.waiting import wait_until
from harness.wire import chat, request_bytes

CANARY = "sk-canary-7f3a9c1e5b"
CLIENT_SECRETS = {
    "Authorization": "Bearer client-secret-1",
    "X-Api-Key": "client-secret-2",
    "Cookie": "session=client-secret-3",
    "Proxy-Authorization": "Basic client-secret-4",
    "X-Forwarded-For": "203.0.113.77",
    "Forwarded": "for=203.0.113.77",
}


def canary_gateway(rocket, url: str) -> Gateway:
    return rocket(
        {"backends": [backend("keyed", url, api_key_env="CANARY_KEY")]}, env={"CANARY_KEY": CANARY}
    )


def assert_nowhere(gateway: Gateway, secret: str) -> None:
    for what in ("/metrics", "/backends", "/health"):
        assert secret.encode() not in gateway.admin(what).body
    assert secret not in gateway.program.out() + gateway.program.err()


def test_the_key_reaches_its_upstream_and_nobody_else(rocket, upstream) -> None:
    server = upstream()
    gateway = canary_gateway(rocket, server.url)
    answer = gateway.chat(chat("m"), headers=CLIENT_SECRETS)
    assert answer.status == 200
    for seen in server.requests:  # probes, too
        assert seen.header("authorization") == f"Bearer {CANARY}"
    assert CANARY.encode() not in answer.body + str(answer.headers).encode()
    gateway.access_lines(1)
    assert_nowhere(gateway, CANARY)


def test_a_key_that_is_exchanged_is_taken_up(rocket, upstream, tmp_path: Path) -> None:
    key = tmp_path / "upstream.key"
    key.write_text("sk-old\n")
    server = upstream()
    gateway = rocket({"backends": [backend("keyed", server.url, api_key_file=str(key))]})
    assert gateway.chat(chat("m")).status == 200
    assert server.inference()[-1].header("authorization") == "Bearer sk-old"
    fresh = tmp_path / "fresh.key"
    fresh.write_text("sk-new\n")
    fresh.replace(key)
    wait_until("the revision rises", lambda: gateway.revision() > 1)
    assert gateway.chat(chat("m")).status == 200
    assert server.inference()[-1].header("authorization") == "Bearer sk-new"


def test_a_server_that_is_full_is_not_taken_for_a_broken_one(rocket, upstream) -> None:
    full = {"error": "server busy, please try again.  maximum pending requests exceeded"}
    first, second = upstream(reply=lambda seen: (503, full)), upstream()
    gateway = rocket({"backends": [backend("a", first.url), backend("b", second.url)]})
    for _ in range(10):
        answer = gateway.chat(chat("m"))
        assert (answer.status, answer.header("x-rocket-backend")) == (200, "b")
    # It is asked again from time to time, and no breaker counts its refusals.
    assert 1 <= len(first.inference()) < 5


def test_what_is_the_client_s_stays_with_us(rocket, upstream) -> None:
    server = upstream()
    gateway = rocket({"backends": [backend("a", server.url)]})
    assert gateway.chat(chat("m"), headers=CLIENT_SECRETS).status == 200
    (seen,) = server.inference()
    sent = str(seen.headers)
    for value in CLIENT_SECRETS.values():
        assert value not in sent
    assert "client-secret" not in sent
    assert seen.header("host") == f"127.0.0.1:{server.port}"
    gateway.access_lines(1)
    assert_nowhere(gateway, "client-secret")


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 503])
def test_an_upstream_that_repeats_the_key_in_an_error(status: int, rocket, upstream) -> None:
    def repeat(seen):
        message = f"Incorrect API key provided: {seen.header('authorization')}"
        return status, {"error": {"message": message, "type": "x", "param": None, "code": None}}

    gateway = canary_gateway(rocket, upstream(reply=repeat).url)
    answer = gateway.chat(chat("m"))
    assert answer.status >= 400
    assert CANARY.encode() not in answer.body + str(answer.headers).encode()
    gateway.access_lines(1)
    assert_nowhere(gateway, CANARY)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Path:
    """A CA of our own, `good` for 127.0.0.1, `wrong` for another name, `expired` yesterday."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for name in ("ca", "other-ca"):
        files = ["-keyout", f"{name}.key", "-out", f"{name}.pem"]
        openssl("req", "-x509", *key, *files, "-subj", f"/CN={name}", "-days", "2")
    for name, alternative, days in (
        ("good", "IP:127.0.0.1", "2"),
        ("wrong", "DNS:other.example", "2"),
        ("expired", "IP:127.0.0.1", "-1"),
    ):
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=x")
        (folder / "extensions").write_text(f"subjectAltName={alternative}\n")
        openssl(
            "x509",
            "-req",
            "-in",
            f"{name}.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            days,
            "-extfile",
            "extensions",
            "-out",
            f"{name}.pem",
        )
    return folder


def tls_server(upstream, certificates: Path, name: str, *, old: bool = False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if old:
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    return upstream(tls=context)


def test_tls_upstream(rocket, upstream, certificates: Path) -> None:
    server = tls_server(upstream, certificates, "good")
    gateway = rocket({"backends": [backend("t", server.url, ca_file=str(certificates / "ca.pem"))]})
    gateway.wait_for_models("m")
    for _ in range(3):
        assert gateway.chat(chat("m")).json()["choices"][0]["message"]["content"] == "hello"


@pytest.mark.parametrize(
    ("server", "ca"),
    [("good", None), ("good", "other-ca"), ("wrong", "ca"), ("expired", "ca")],
    ids=["no CA", "another CA", "another name", "expired"],
)
def test_tls_upstream_that_is_not_who_it_should_be(
    server: str, ca: str | None, rocket, upstream, certificates: Path
) -> None:
    upstream_server = tls_server(upstream, certificates, server)
    more = {"ca_file": str(certificates / f"{ca}.pem")} if ca else {}
    gateway = rocket({"backends": [backend("t", upstream_server.url, default_model="m", **more)]})
    answer = gateway.chat(chat("m"))
    assert answer.status in (404, 503)
    assert answer.error()["message"]
    assert not upstream_server.requests
    (described,) = gateway.admin("/backends").json()["backends"]
    assert described["endpoints"][0]["verdict"] == "unhealthy"


def test_a_ca_file_that_is_replaced_is_read_again(
    rocket, upstream, certificates: Path, tmp_path: Path
) -> None:
    live, new = tmp_path / "live.pem", tmp_path / "new.pem"
    shutil.copy(certificates / "other-ca.pem", live)
    server = tls_server(upstream, certificates, "good")
    gateway = rocket({"backends": [backend("t", server.url, ca_file=str(live))]})
    assert gateway.chat(chat("m")).status in (404, 503)
    new.write_text("half of it")
    new.replace(live)
    assert gateway.chat(chat("m")).status in (404, 503)
    shutil.copy(certificates / "ca.pem", new)
    new.replace(live)
    gateway.wait_for_models("m")
    assert gateway.chat(chat("m")).status == 200


class Closer:
    """Closes, with a reset, whatever has said something."""

    def __init__(self):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.first_bytes: list[bytes] = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.first_bytes.append(connection.recv(5))
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()

    def close(self) -> None:
        self._listening.close()


@pytest.mark.parametrize("way", ["TLS 1.1 only", "plain HTTP", "reset in the handshake"])
def test_no_handshake_is_no_request(way: str, rocket, upstream, certificates: Path) -> None:
    """F10: it is down, the reason is told, and nothing goes there in plain text."""
    closer = Closer()
    server = None
    if way == "TLS 1.1 only":
        server = tls_server(upstream, certificates, "good", old=True)
    elif way == "plain HTTP":
        server = upstream()
    url = f"https://127.0.0.1:{server.port if server else closer.port}"
    more = {"ca_file": str(certificates / "ca.pem"), "default_model": "m"}
    gateway = rocket({"backends": [backend("t", url, **more)]})
    answer = gateway.chat(chat())
    assert answer.status == 503
    assert answer.error()["code"] in ("connect_failed", "no_backend")
    (described,) = gateway.admin("/backends").json()["backends"]
    endpoint = described["endpoints"][0]
    assert (endpoint["verdict"], endpoint["reason"]) == ("unhealthy", "connect_failed")
    assert not server or not server.requests
    assert all(each[:1] == b"\x16" for each in closer.first_bytes), "a handshake, nothing else"
    assert closer.first_bytes or server
    closer.close()


HANG_UPS = {"FIN": None, "RST": struct.pack("ii", 1, 0)}


@pytest.mark.parametrize("way", HANG_UPS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_client_that_hangs_up_closes_the_upstream(
    way: str, stream: bool, rocket, upstream
) -> None:
    server = upstream(hang=True)
    gateway = rocket({"backends": [backend("a", server.url)]})
    connection = gateway.connect()
    connection.send(request_bytes("POST", "/v1/chat/completions", chat("m", stream=stream)))
    assert server.arrived.wait(10)
    if linger := HANG_UPS[way]:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    connection.close()
    assert server.hung_up.wait(1), "the upstream still works for nobody"
    (line,) = gateway.access_lines(1)
    assert (line["outcome"], line["blame"], line["status"]) == ("cancelled", "client", 499)
    assert gateway.samples("rocket_cancels_total") == {'{backend="a"}': 1}
    assert gateway.in_flight() == 0


def test_clients_that_hang_up_in_mid_stream_are_all_aborted_upstream(rocket, fake) -> None:
    server = fake()
    gateway = rocket({"backends": [backend("a", server.url)]})
    body = chat("m", stream=True, fake={"tokens": 1000, "event_delay_ms": 20})
    connections = [gateway.connect() for _ in range(10)]
    for connection in connections:
        connection.send(request_bytes("POST", "/v1/chat/completions", body))
        assert connection.read_head().status == 200
    for connection in connections:
        connection.close()
    wait_until("nothing is in flight", lambda: gateway.in_flight() == 0, seconds=3)
    # By its answer the fake has also seen every hang-up before it.
    assert gateway.chat(chat("m")).status == 200
    gateway.finish()
    counters = server.stop()
    assert (counters["aborted"], counters["played"]) == (10, 1)


def test_a_slow_reader_does_not_fill_our_memory(rocket, fake) -> None:
    gateway = rocket(
        {"backends": [backend("a", fake().url)], "limits": {"write_time": "2s"}}, ready=True
    )
    assert gateway.chat(chat("m", stream=True)).status == 200
    before = gateway.program.rss_bytes()
    body = chat("m", stream=True, fake={"tokens": 2000, "answer_bytes": 40_000_000})
    connections = []
    for _ in range(4):
        connection = gateway.connect()
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.send(request_bytes("POST", "/v1/chat/completions", body))
        connections.append(connection)
    peak = 0

    def all_cut() -> bool:
        nonlocal peak
        peak = max(peak, gateway.program.rss_bytes())
        return len(gateway.program.out().splitlines()) >= 5

    wait_until("limits.write_time cuts all four", all_cut, seconds=30)
    for connection in connections:
        connection.close()
    assert peak - before <= 4 * 1024 * 1024
    cut = [json.loads(line) for line in gateway.program.out().splitlines()[1:]]
    assert {line["blame"] for line in cut} == {"client"}
