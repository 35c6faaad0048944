"""TLS on the data port."""

import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from harness.certificates import Certificate, make_certificate
from harness.gateway import Gateway, backend, binary
from harness.keys import entry, write_keys
from harness.uploads import field, file_head, head
from harness.waiting import wait_until
from harness.wire import RawConnection, chat, request_bytes, streamed_text


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> tuple[Certificate, Certificate]:
    folder = tmp_path_factory.mktemp("certificates")
    return make_certificate(folder, "one"), make_certificate(folder, "two")


class TlsConnection(RawConnection):
    def __init__(self, port: int, context: ssl.SSLContext):
        super().__init__(port)
        self._in.close()
        self.socket = context.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self._in = self.socket.makefile("rb")


@pytest.fixture
def secure(rocket, fake, certificates, tmp_path: Path):
    """`secure(**settings)`: a gateway with the first certificate, in files of its own."""

    def start(**settings) -> Gateway:
        install(certificates[0], tmp_path)
        tls = Certificate(tmp_path / "live.pem", tmp_path / "live.key").settings()
        gateway = rocket(
            {"backends": [backend("a", fake().url)], "tls": tls, **settings}, ready=False
        )
        wait_until("it is ready", lambda: gateway.admin("/health").json()["ready"])
        return gateway

    return start


def install(certificate: Certificate, folder: Path) -> None:
    for source, name in ((certificate.cert_file, "live.pem"), (certificate.key_file, "live.key")):
        shutil.copy(source, folder / f"{name}.new")
        (folder / f"{name}.new").replace(folder / name)


def ask(gateway: Gateway, certificate: Certificate, body: dict):
    with TlsConnection(gateway.port, certificate.client()) as connection:
        connection.send(request_bytes("POST", "/v1/chat/completions", body))
        return connection.read()


def test_chat_over_tls(secure, certificates) -> None:
    gateway = secure()
    with TlsConnection(gateway.port, certificates[0].client()) as connection:
        for _ in range(2):  # kept alive
            connection.send(request_bytes("POST", "/v1/chat/completions", chat("m")))
            assert connection.read().json()["_backend"] == "a"
            connection.send(request_bytes("POST", "/v1/chat/completions", chat("m", stream=True)))
            assert streamed_text(connection.read().body)


def test_much_passes_both_ways(secure, certificates) -> None:
    gateway = secure()
    body = chat("m", stream=True, fake={"answer_bytes": 3_000_000}, padding="x" * 2_000_000)
    assert len(streamed_text(ask(gateway, certificates[0], body).body)) >= 3_000_000


def test_who_takes_nothing_is_cut_whatever_it_sends(secure, certificates) -> None:
    gateway = secure(limits={"write_time": "1s"})
    body = chat("m", fake={"answer_bytes": 20_000_000})
    with TlsConnection(gateway.port, certificates[0].client()) as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.send(request_bytes("POST", "/v1/chat/completions", body))
        assert connection.read_head().status == 200

        def cut() -> bool:
            with contextlib.suppress(OSError):
                connection.send(b"x")
            return bool(gateway.program.out())

        wait_until("limits.write_time cuts it", cut)
    (line,) = gateway.access_lines(1)
    assert (line["outcome"], line["blame"]) == ("cancelled", "client")


def test_who_takes_leave_in_the_middle_of_an_upload_ends_no_gateway(secure, certificates) -> None:
    gateway = secure()
    with TlsConnection(gateway.port, certificates[0].client()) as connection:
        connection.send(head("Content-Length: 1000000") + field("purpose", "batch") + file_head())
        # With an alert (close_notify); the socket stays as it is.
        with contextlib.suppress(OSError):
            connection.socket.unwrap()
        (line,) = gateway.access_lines(1)
    assert (line["operation"], line["outcome"]) == ("files", "cancelled")
    assert ask(gateway, certificates[0], chat("m")).status == 200


def test_keys_hold_over_tls(secure, certificates, tmp_path: Path) -> None:
    file = write_keys(tmp_path / "keys.yaml", entry("a", "rk-a"))
    gateway = secure(keys_file=str(file))
    assert ask(gateway, certificates[0], chat("m")).status == 401


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions_and_ciphers(secure, certificates, version: ssl.TLSVersion) -> None:
    gateway = secure()
    context = certificates[0].client()
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    with TlsConnection(gateway.port, context) as connection:
        assert connection.socket.selected_alpn_protocol() == "http/1.1"
        name, _, _ = connection.socket.cipher()
        assert "GCM" in name or "CHACHA20" in name


def refuses(port: int, context: ssl.SSLContext) -> bool:
    try:
        TlsConnection(port, context).close()
    except (ssl.SSLError, ConnectionError):
        return True
    return False


def test_what_is_weak_is_refused(secure, certificates) -> None:
    gateway = secure()
    old, cbc, plain_rsa, http2 = (certificates[0].client() for _ in range(4))
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    for context, ciphers in ((cbc, "ECDHE+AES+SHA:ECDHE+AES+SHA256"), (plain_rsa, "kRSA")):
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
    http2.set_alpn_protocols(["h2"])
    for context in (old, cbc, plain_rsa, http2):
        assert refuses(gateway.port, context)
    assert ask(gateway, certificates[0], chat("m")).status == 200


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\0" * 4000, b"x" * 20_000, b"\x16\x03\x01"]
)
def test_what_is_not_tls_is_closed(secure, certificates, data: bytes) -> None:
    gateway = secure(limits={"header_time": "500ms"})
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as plain:
        plain.sendall(data)
        with contextlib.suppress(ConnectionResetError):
            while plain.recv(4096):  # at most an alert
                pass
    assert ask(gateway, certificates[0], chat("m")).status == 200


def test_plain_http_is_closed_without_a_reset(secure) -> None:
    gateway = secure()
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as plain:
        plain.sendall(request_bytes("POST", "/v1/chat/completions", chat("m")))
        while plain.recv(4096):
            pass


@pytest.mark.parametrize("first", ["client", "gateway"])
def test_an_idle_connection_is_closed_with_a_word(first: str, secure, certificates) -> None:
    """Without one, whoever reads to its end has to take it for cut."""
    gateway = secure(limits={"keep_alive": "300ms" if first == "gateway" else "60s"})
    plain = socket.create_connection(("127.0.0.1", gateway.port), 10)
    with certificates[0].client().wrap_socket(
        plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False
    ) as connection:
        connection.sendall(request_bytes("GET", "/livez"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        if first == "client":
            connection.unwrap()  # fails unless the other side takes leave as well
        else:
            assert connection.recv(65536) == b""


def test_a_handshake_that_never_comes_is_cut(secure) -> None:
    gateway = secure(limits={"header_time": "300ms", "keep_alive": "1h"})
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as silent:
        assert silent.recv(1) == b""


def test_handshakes_count_as_connections(secure, certificates) -> None:
    gateway = secure(limits={"header_time": "500ms", "connections": 2})
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), 10))
        # It waits for a place, and gets one when a handshake's time is over.
        assert ask(gateway, certificates[0], chat("m")).status == 200


def presented(port: int) -> str:
    return ssl.get_server_certificate(("127.0.0.1", port), timeout=10)


def test_a_new_certificate_is_taken_up(secure, certificates, tmp_path: Path) -> None:
    one, two = certificates
    gateway = secure(threads=2)
    with TlsConnection(gateway.port, one.client()) as old:
        old.send(request_bytes("GET", "/livez"))
        assert old.read().status == 200
        install(two, tmp_path)
        wait_until(
            "the new one is shown", lambda: presented(gateway.port) == two.cert_file.read_text()
        )
        assert ask(gateway, two, chat("m")).status == 200
        old.send(request_bytes("GET", "/livez"))
        assert old.read().status == 200, "what is open stays open"


def test_a_bad_pair_changes_nothing(secure, certificates, tmp_path: Path) -> None:
    one, two = certificates
    gateway = secure()
    revision = gateway.admin("/health").json()["revision"]
    shutil.copy(two.cert_file, tmp_path / "live.pem")
    gateway.program.said("configuration refused")
    assert "tls.key_file: is not the key of the certificate in cert_file" in gateway.program.err()
    assert gateway.admin("/health").json()["revision"] == revision
    assert ask(gateway, one, chat("m")).status == 200
    # The other half mends it.
    shutil.copy(two.key_file, tmp_path / "live.key")
    wait_until("the new one is shown", lambda: presented(gateway.port) == two.cert_file.read_text())


def test_a_drain_lets_a_stream_over_tls_end(secure, certificates) -> None:
    gateway = secure()
    answers = []

    def stream() -> None:
        slow = chat("m", stream=True, fake={"tokens": 20, "event_delay_ms": 50})
        answers.append(ask(gateway, certificates[0], slow))

    thread = threading.Thread(target=stream)
    thread.start()
    wait_until("it is under way", lambda: gateway.in_flight() == 1)
    gateway.terminate()
    thread.join(20)
    assert streamed_text(answers[0].body)
    assert gateway.program.wait(15) == 0


def test_a_drain_does_not_wait_for_idle_tls_connections(secure, certificates) -> None:
    gateway = secure()
    with TlsConnection(gateway.port, certificates[0].client()) as idle:
        idle.send(request_bytes("GET", "/livez"))
        assert idle.read().status == 200
        gateway.terminate()
        assert gateway.program.wait(5) == 0


def test_check_tells_what_is_wrong_with_a_pair(certificates, tmp_path: Path) -> None:
    one, two = certificates
    cases = [
        ({"cert_file": str(one.cert_file)}, "tls.key_file: missing; TLS needs both files"),
        (
            {"cert_file": str(one.cert_file), "key_file": str(two.key_file)},
            "tls.key_file: is not the key of the certificate in cert_file; ",
        ),
        ({"cert_file": "absent", "key_file": str(one.key_file)}, 'tls.cert_file: "'),
        (
            {"cert_file": str(one.key_file), "key_file": str(one.key_file)},
            "holds no PEM certificate; ",
        ),
    ]
    for tls, problem in cases:
        config = {"backends": [backend("a", "http://127.0.0.1:9")], "tls": tls}
        file = tmp_path / "rocket.yaml"
        file.write_text(json.dumps(config))
        result = subprocess.run(
            [binary(), "check", file], capture_output=True, text=True, timeout=20, check=False
        )
        assert result.returncode == 1
        assert problem in result.stdout and result.stdout.count("\n") == 1, result.stdout
