"""`rocket key new`: shown once, kept as a hash, added in one step."""

import hashlib
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.keys import entry, key_new, write_keys


def test_a_key_is_shown_once_and_kept_as_a_hash(tmp_path: Path) -> None:
    file = tmp_path / "keys.yaml"
    made = key_new("--name", "alice", "--keys-file", file)
    assert made.returncode == 0, made.stderr
    key = made.stdout.removesuffix("\n")
    assert re.fullmatch(r"rk-[A-Za-z0-9_-]{43}", key)
    assert key not in made.stderr
    text = file.read_text()
    digest = hashlib.sha256(key.encode()).hexdigest()
    assert text == f'- {{name: "alice", hash: "sha256:{digest}"}}\n'
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["keys.yaml"]


def test_what_it_may_do_is_written_down(tmp_path: Path) -> None:
    file = tmp_path / "keys.yaml"
    what = ["--lane", "batch", "--models", "fast,qwen*", "--backends", "vllm", "--rpm", "60"]
    made = key_new("--name", "b", "--keys-file", file, *what, "--tpm", "9", "--concurrent", "2")
    assert made.returncode == 0, made.stderr
    assert file.read_text().endswith(
        ', lane: batch, models: ["fast", "qwen*"], backends: ["vllm"], rpm: 60, tpm: 9, '
        "concurrent: 2}\n"
    )


def test_what_stands_there_stays(tmp_path: Path) -> None:
    file = tmp_path / "keys.yaml"
    before = "# ours\n- name: a   # the first\n  hash: sha256:" + "1" * 64 + "\n# end"
    file.write_text(before)
    file.chmod(0o644)
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    assert key_new("--name", "b", "--keys-file", link).returncode == 0
    assert link.is_symlink()
    assert file.read_text().startswith(before + "\n- {name: ")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_keys_are_different_and_none_is_lost(tmp_path: Path) -> None:
    file = tmp_path / "keys.yaml"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda i: key_new("--name", f"k{i}", "--keys-file", file), range(24)))
    assert [each.returncode for each in made] == [0] * 24
    assert len({each.stdout for each in made}) == 24
    assert sorted(re.findall(r'name: "(k\d+)"', file.read_text())) == sorted(
        f"k{i}" for i in range(24)
    )


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ([], 2),
        (["--name", "a"], 2),
        (["--name", "new", "--lane", "urgent"], 2),
        (["--name", "new", "--rpm", "many"], 2),
        (["--name", "a"], 1),
        (["--name", "a b"], 1),
        (["--name", "rk-abc"], 1),
        (["--name", "new", "--rpm", "0"], 1),
        (["--name", "new", "--models", ""], 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_what_can_not_be_is_refused(tmp_path: Path, arguments: list[str], status: int) -> None:
    file = write_keys(tmp_path / "keys.yaml", entry("a", "rk-a"))
    before = file.read_bytes()
    needs_file = arguments and (status == 1 or "new" in arguments)
    made = key_new(*arguments, *(["--keys-file", file] if needs_file else []))
    assert made.returncode == status, made.stderr
    assert made.stderr and "rk-" not in made.stdout
    assert file.read_bytes() == before


def test_a_file_that_is_not_as_it_should_be_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "keys.yaml"
    file.write_text("- {name: a}\n")
    made = key_new("--name", "b", "--keys-file", file)
    assert made.returncode == 1
    assert made.stderr.startswith("keys_file[0].hash: missing; ")
    assert file.read_text() == "- {name: a}\n"


@pytest.mark.parametrize("place", ["absent/keys.yaml", "folder"])
def test_what_can_not_be_written_is_exit_3(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    made = key_new("--name", "a", "--keys-file", tmp_path / place)
    assert made.returncode == 3, made.stderr
    assert not made.stdout
