"""`rocket check`, `rocket serve` before it serves, and what both say."""

import json
import re
import socket
import subprocess
from pathlib import Path

import pytest

from harness.gateway import backend, binary
from harness.processes import descriptors
from harness.program import Program
from harness.waiting import wait_until

GOOD = json.dumps({"backends": [backend("a", "http://127.0.0.1:9")]})

# Name: (the file, the problems' places). Every problem of a file is told, not only the first.
BAD_FILES = {
    "misspelt key": ("listne: 127.0.0.1:8000\n" + GOOD[1:-1].replace('"', ""), ["listne"]),
    "no backends": ("threads: 1\n", ["backends"]),
    "several at once": (
        """
threads: 0
backends:
  - {name: a, kind: openai, urls: ["http://127.0.0.1:9", "127.0.0.1:9"]}
  - {name: a, kind: openia, urls: []}
order: [b]
timeouts: {connect: 5}
models: {fast: [{backend: c, model: m}]}
""",
        [
            "threads",
            "backends[0].urls[1]",
            "backends[1].name",
            "backends[1].kind",
            "backends[1].urls",
            "order[0]",
            "timeouts.connect",
            "models.fast.candidates[0].backend",
        ],
    ),
    "key in the file": (
        'backends: [{name: a, kind: openai, urls: ["http://127.0.0.1:9"], api_key: sk-1}]',
        ["backends[0].api_key"],
    ),
    "not YAML": ("backends: [", [""]),
}


def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [binary(), *arguments], cwd=cwd, capture_output=True, text=True, timeout=20, check=False
    )


def test_closed_standard_descriptors_are_not_taken_for_sockets(tmp_path: Path) -> None:
    file = tmp_path / "rocket.yaml"
    file.write_text(GOOD[:-1] + ', "listen": "127.0.0.1:0", "admin": "127.0.0.1:0"}')
    served = Program(
        ["sh", "-c", f'exec "{binary()}" serve --config "{file}" <&- >&- 2>&-'], tmp_path
    )
    try:
        wait_until(
            "it listens",
            lambda: any("socket:" in each for each in descriptors(served.pid).values()),
        )
        opened = descriptors(served.pid)
        assert [opened.get(number) for number in range(3)] == ["/dev/null"] * 3
    finally:
        assert served.stop() == 0


@pytest.mark.parametrize("name", BAD_FILES)
def test_check_tells_every_problem(name: str, tmp_path: Path) -> None:
    text, places = BAD_FILES[name]
    file = tmp_path / "rocket.yaml"
    file.write_text(text)
    result = run("check", file)
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    for place in places:
        # PLACE: MESSAGE; REMEDY
        shape = rf"{re.escape(place)}.*: .+; .+"
        assert any(re.fullmatch(shape, line) for line in lines), (place, lines)
    # A gateway does not start with it either, and says the same.
    served = run("serve", "--config", file)
    assert served.returncode == 1
    assert served.stderr.splitlines() == lines


def test_check_suggests_the_nearest_key(tmp_path: Path) -> None:
    file = tmp_path / "rocket.yaml"
    file.write_text(BAD_FILES["misspelt key"][0])
    assert "listen" in run("check", file).stdout.replace("listne", "")


def test_check_accepts_a_good_file(tmp_path: Path) -> None:
    file = tmp_path / "rocket.yaml"
    file.write_text(GOOD)
    result = run("check", file)
    assert (result.returncode, result.stderr) == (0, "")


def test_check_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    result = run("check", tmp_path / "absent.yaml")
    assert result.returncode == 1
    assert "absent.yaml" in result.stdout + result.stderr


@pytest.mark.parametrize(
    "arguments",
    [(), ("nonsense",), ("check",), ("check", "a", "b"), ("serve", "--nonsense")],
    ids=" ".join,
)
def test_usage_is_exit_2(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert result.stderr or result.stdout


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(("serv",), "serv"), (("--nonsense",), "--nonsense"), (("key", "list"), "list")],
)
def test_what_is_not_known_is_named(arguments: tuple[str, ...], word: str) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert f"Not known here: {word}\n" in result.stderr


@pytest.mark.parametrize("way", ["version", "--version"])
def test_version(way: str) -> None:
    result = run(way)
    assert result.returncode == 0
    assert re.fullmatch(r"rocket \d+\.\d+\.\d+\S*\n", result.stdout)


@pytest.mark.parametrize("port", ["listen", "admin"])
def test_a_port_in_use_is_exit_3_and_names_the_remedy(port: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        config = {"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", port: address}
        config["backends"] = [backend("a", "http://127.0.0.1:9")]
        file = tmp_path / "rocket.yaml"
        file.write_text(json.dumps(config))
        result = run("serve", "--config", file)
    assert result.returncode == 3
    said = json.loads(result.stderr.splitlines()[-1])
    assert address in said["message"]
    assert said["remedy"]


def test_without_a_file_it_says_what_it_discovered(tmp_path: Path) -> None:
    for port in (8000, 8090):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                pytest.skip(f"something listens on port {port}, which is Rocket's own by default")
    program = Program([binary(), "serve"], tmp_path)
    try:
        for name in ("vllm", "ollama", "lm-studio", "llama-cpp"):
            line = json.loads(program.line(f'"{name}"'))
            assert line["message"] in ("discovered", "not running")
            assert line["backend"] == name
            assert line["url"].startswith("http://127.0.0.1:")
    finally:
        code = program.stop()
    assert code == 0
