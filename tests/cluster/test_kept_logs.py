"""k8s/ray/logs/keep_logs.sh, run as the container beside the head runs it."""

import os
import subprocess
from pathlib import Path

from manifests.rendering import MANIFESTS

from harness.waiting import wait_until

SCRIPT = MANIFESTS / "logs/keep_logs.sh"


def keep(ray: Path, kept: Path, mib: int = 100) -> None:
    kept.mkdir(exist_ok=True)
    subprocess.run(["bash", SCRIPT, ray, kept, str(mib), "1"], check=True, timeout=30)


def write(path: Path, size: int = 10, age: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    stamp = path.stat().st_mtime - age
    os.utime(path, (stamp, stamp))
    return path


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_logs_of_every_session_are_copied_and_go_on_being(tmp_path: Path) -> None:
    ray, kept = tmp_path / "ray", tmp_path / "kept"
    log = write(ray / "session_2026_1/logs/gcs_server.out")
    write(ray / "session_2026_1/logs/old/worker.log")
    write(ray / "session_2026_1/sockets/raylet")
    (ray / "session_latest").symlink_to("session_2026_1")
    keep(ray, kept)
    assert names(kept) == {"session_2026_1/gcs_server.out", "session_2026_1/old/worker.log"}
    write(log, 20)
    write(ray / "session_2026_2/logs/gcs_server.out")
    keep(ray, kept)
    assert (kept / "session_2026_1/gcs_server.out").stat().st_size == 20
    assert "session_2026_2/gcs_server.out" in names(kept)


def test_what_a_head_that_is_gone_has_left_stays(tmp_path: Path) -> None:
    ray, kept = tmp_path / "ray", tmp_path / "kept"
    write(kept / "session_2026_1/gcs_server.out")
    write(ray / "session_2026_2/logs/gcs_server.out")
    keep(ray, kept)
    assert names(kept) == {"session_2026_1/gcs_server.out", "session_2026_2/gcs_server.out"}


def test_the_oldest_makes_room(tmp_path: Path) -> None:
    ray, kept = tmp_path / "ray", tmp_path / "kept"
    write(kept / "session_2026_1/first.log", 3 << 20, age=200)
    write(kept / "session_2026_1/name with blanks.log", 3 << 20, age=100)
    write(ray / "session_2026_2/logs/new.log", 3 << 20)
    keep(ray, kept, mib=8)
    assert names(kept) == {"session_2026_1/name with blanks.log", "session_2026_2/new.log"}
    keep(ray, kept, mib=4)
    assert names(kept) == {"session_2026_2/new.log"}
    assert not (kept / "session_2026_1").exists()


def test_nothing_to_copy_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "ray").mkdir()
    keep(tmp_path / "ray", tmp_path / "kept")
    assert names(tmp_path / "kept") == set()


def test_it_ends_when_it_is_told_to_and_takes_the_last_lines_along(tmp_path: Path) -> None:
    ray, kept = tmp_path / "ray", tmp_path / "kept"
    kept.mkdir()
    write(ray / "session_2026_1/logs/a.log")
    running = subprocess.Popen(["bash", SCRIPT, ray, kept, "100"])
    try:
        wait_until("the first round", lambda: names(kept))
        write(ray / "session_2026_1/logs/last.log")
        running.terminate()
        assert running.wait(10) == 0
    finally:
        running.kill()
        running.wait()
    assert names(kept) == {"session_2026_1/a.log", "session_2026_1/last.log"}
