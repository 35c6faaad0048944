"""Where the admin port may be, and who may call it."""

import stat
import subprocess
from pathlib import Path

import pytest

from harness.gateway import UnixConnection, backend, binary
from harness.program import Program
from harness.wire import RawConnection, request_bytes

CONFIG = 'backends: [{name: a, kind: openai, urls: ["http://127.0.0.1:9"]}]\n'


def serve(tmp_path: Path, text: str, *arguments: str) -> subprocess.CompletedProcess:
    file = tmp_path / "rocket.yaml"
    file.write_text(CONFIG + text)
    return subprocess.run(
        [binary(), "serve", "--config", file, *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "192.0.2.1:8090"])
def test_it_is_not_reached_from_elsewhere(tmp_path: Path, address: str) -> None:
    in_file = serve(tmp_path, f'admin: "{address}"\n')
    assert in_file.returncode == 1
    assert in_file.stderr.startswith("admin: the admin API listens on loopback only; ")
    on_line = serve(tmp_path, "", "--admin", address)
    assert on_line.returncode == 2
    assert "the admin API listens on loopback only; " in on_line.stderr


def test_a_socket_in_a_folder_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "rocket.yaml"
    file.write_text(CONFIG + "listen: 127.0.0.1:0\n")
    folder = tmp_path / "run"
    path = folder / "admin.sock"
    program = Program([binary(), "serve", "--config", file, "--admin", f"unix:{path}"], tmp_path)
    try:
        program.line('"serving"')
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        connection = UnixConnection(path)
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200
        connection.close()
    finally:
        assert program.stop() == 0


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770])
def test_a_folder_that_others_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(mode)
    refused = serve(tmp_path, f"listen: 127.0.0.1:0\nadmin: unix:{folder}/admin.sock\n")
    assert refused.returncode == 3
    assert "others may write to its folder" in refused.stderr


@pytest.mark.parametrize("host", ["rocket.example", "10.0.0.1", "127.0.0.1.rocket.example", "0"])
def test_it_answers_to_loopback_names_only(rocket, fake, host: str) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    with RawConnection(gateway.admin_port) as connection:
        connection.send(request_bytes("GET", "/metrics", host=host))
        assert connection.read().status == 403


@pytest.mark.parametrize("host", ["localhost", "LocalHost:8090", "127.0.0.2", "[::1]"])
def test_it_answers_to_every_loopback_name(rocket, fake, host: str) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    with RawConnection(gateway.admin_port) as connection:
        connection.send(request_bytes("GET", "/metrics", host=host))
        assert connection.read().status == 200
