"""The bounds of emulated pods: real ones where this machine has the controller, and both versions'
files."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.console import DevError
from dev.memory_groups import MemoryGroup, controller

MOST = 64 << 20


@pytest.fixture
def group() -> Iterator[MemoryGroup]:
    folder = controller()
    if folder is None or not os.access(folder, os.W_OK):
        pytest.skip("this machine lets nobody bound memory")
    made = MemoryGroup(f"rocket-test-{os.getpid()}-memory")
    made.make(MOST)
    try:
        yield made
    finally:
        made.remove()


def run_in(group: MemoryGroup, code: str) -> int:
    enter = 'echo $$ > "$0" && exec "$@"'
    command = ["sh", "-c", enter, group.members, sys.executable, "-S", "-c", code]
    return subprocess.run(command, check=False, timeout=60).returncode


def test_who_keeps_within_it_lives(group: MemoryGroup) -> None:
    assert run_in(group, "x = b'x' * (16 << 20)") == 0
    assert 16 << 20 < group.peak() <= MOST
    assert group.killed() == 0 and group.bound() == MOST


def test_who_wants_more_is_killed(group: MemoryGroup) -> None:
    assert run_in(group, "x = b'x' * (128 << 20)") == -9
    assert group.killed() == 1


def test_removing_it_twice_is_no_fault(group: MemoryGroup) -> None:
    group.remove()
    group.remove()
    assert not group.folder.exists()


FIRST = {
    "memory.max_usage_in_bytes": "7\n",
    "memory.limit_in_bytes": "100\n",
    "memory.stat": "cache 9\nrss 1\ntotal_rss 3\ntotal_shmem 2\ntotal_cache 9\n",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
}
SECOND = {
    "memory.peak": "7\n",
    "memory.max": "100\n",
    "memory.stat": "anon 3\nfile 9\nshmem 2\n",
    "memory.events": "low 0\noom 2\noom_kill 2\n",
}


@pytest.mark.parametrize("files", [FIRST, SECOND], ids=["version 1", "version 2"])
def test_both_versions_tell_the_same(tmp_path: Path, files: dict[str, str]) -> None:
    above = tmp_path
    if files is FIRST:
        above = tmp_path / "memory"
        above.mkdir()
        (above / "memory.limit_in_bytes").write_text("9\n")
    else:
        (above / "cgroup.controllers").write_text("cpu memory pids\n")
    group = MemoryGroup("g", tmp_path)
    group.make(100)
    assert group.folder == above / "g"
    if files is SECOND:
        assert (above / "cgroup.subtree_control").read_text() == "+memory"
    for name, text in files.items():
        (group.folder / name).write_text(text)
    assert (group.peak(), group.bound(), group.held(), group.killed()) == (7, 100, 5, 2)


def test_a_machine_without_the_controller_is_told(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("hugetlb\n")
    assert controller(tmp_path) is None
    with pytest.raises(DevError, match="memory controller"):
        MemoryGroup("g", tmp_path)
