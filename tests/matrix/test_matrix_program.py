"""The bot as a program: its configuration, its health, the tables beside its source."""

import json
import re
import socket
import subprocess
from pathlib import Path

import httpx
import pytest
import yaml
from bot_program import PACKAGES, run_tables

from harness.program import Program

ROOT = PACKAGES.parent
GOOD = {
    "homeserver": "https://matrix.example.org",
    "user_id": "@rocket:example.org",
    "access_token_file": "token",
    "users": ["@*:example.org"],
}

PROBLEMS = [
    ({"homesever": "x"}, "homesever: unknown setting; did you mean homeserver?"),
    ({"homeserver": "matrix.example.org"}, "homeserver: not a URL; write https://HOST"),
    ({"homeserver": "https://user:pw@host"}, "homeserver: not a URL"),
    ({"user_id": "rocket"}, 'user_id: not a Matrix user; write "@name:homeserver"'),
    ({"users": []}, "users: nobody may ask"),
    ({"users": ["alice"]}, "users: alice is no user"),
    ({"rooms": ["general"]}, "rooms: general is no room"),
    ({"rooms": ["#*:here"]}, "rooms: #*:here is no room"),
    ({"listen": "9465"}, "listen: not an address; write HOST:PORT"),
    ({"defaults": {"modle": "m"}}, "defaults.modle: unknown setting; did you mean model?"),
    ({"defaults": {"temperature": 7}}, "defaults.temperature: out of range"),
    ({"room_defaults": {"!r": {"modle": "m"}}}, "room_defaults.!r.modle: unknown setting"),
    ({"room_defaults": None}, "room_defaults: not a mapping"),
    ({"room_default": {}}, "room_default: unknown setting; did you mean room_defaults?"),
    ({"room_defaults": {"general": {}}}, "room_defaults.general: not a room id"),
    ({"limits": {"attachment": "10MB"}}, "limits.attachment: not a size; write one with its unit"),
    ({"limits": {"answer_within": "1"}}, "limits.answer_within: not a duration"),
    ({"limits": {"waiting": 0}}, "limits.waiting: not such a number; write a whole number from 1"),
    ({"rocket_admin_url": "x"}, "rocket_admin_url: not a URL"),
    ({"access_token_file": "none"}, "access_token_file: No such file or directory; put the secret"),
]


def check(python: Path, folder: Path, config: dict | str) -> subprocess.CompletedProcess:
    file = folder / "matrix.yaml"
    file.write_text(config if isinstance(config, str) else json.dumps(config))
    return subprocess.run(
        [python, "-m", "rocket_matrix", "--config", file, "--check"],
        env={"PYTHONPATH": str(PACKAGES), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    token = tmp_path / "token"
    token.touch(mode=0o600)
    token.write_text("syt_secret\n")
    return tmp_path


def test_every_problem_with_its_remedy(bot_python: Path, folder: Path) -> None:
    """All of them at once, as far as they do not hide each other: starting takes a while."""
    assert check(bot_python, folder, GOOD).returncode == 0
    script = (
        "import json, sys\n"
        "from pathlib import Path\n"
        "from rocket_matrix.config import load, read_secrets\n"
        "path = Path(sys.argv[1])\n"
        "for given in json.load(sys.stdin):\n"
        "    path.write_text(json.dumps(given))\n"
        "    config, problems = load(path)\n"
        "    if config:\n"
        "        _, problems = read_secrets(config)\n"
        "    print(json.dumps([str(each) for each in problems]))\n"
    )
    ran = subprocess.run(
        [bot_python, "-c", script, folder / "tried.yaml"],
        input=json.dumps([{**GOOD, **change} for change, _ in PROBLEMS]),
        env={"PYTHONPATH": str(PACKAGES), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found = [json.loads(line) for line in ran.stdout.splitlines()]
    for (change, expected), problems in zip(PROBLEMS, found, strict=True):
        assert len(problems) == 1 and problems[0].startswith(expected), (change, problems)


def test_problems_end_it_and_tell_no_secret(bot_python: Path, folder: Path) -> None:
    missing = check(bot_python, folder, {"homesrver": "x"})
    assert missing.returncode == 1
    assert len(missing.stderr.splitlines()) == 5, missing.stderr
    assert check(bot_python, folder, "a: [").returncode == 1
    (folder / "token").chmod(0o644)
    open_to_all = check(bot_python, folder, GOOD)
    assert open_to_all.returncode == 1
    assert "access_token_file: others may read it; chmod 600" in open_to_all.stderr
    assert "syt_secret" not in open_to_all.stderr + missing.stderr


def test_an_address_that_is_taken(synapse, bot) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        program = bot(synapse, "http://127.0.0.1:1", ready=False, listen=listen)
        assert program.program.wait(30) == 3
    told = program.program.err()
    assert told == (
        f"listen: {listen} can not be had (Address already in use); end what listens there, or "
        "choose another\n"
    )


def test_a_token_that_is_refused(synapse, person, bot) -> None:
    program = bot(synapse, "http://127.0.0.1:1", ready=False, user_id="@somebody:localhost")
    assert program.program.wait(30) == 1
    assert "the token belongs to" in program.program.err()
    program.program.stop()
    (program.folder / "token").write_text("syt_wrong\n")
    program.start()
    assert program.program.wait(30) == 1
    assert "log in again" in program.program.err() and "syt_wrong" not in program.program.err()


def test_health_and_metrics(synapse, person, bot) -> None:
    program = bot(synapse, "http://127.0.0.1:1")
    healthy = httpx.get(f"{program.url}/healthz")
    assert healthy.status_code == 200 and healthy.json()["status"] == "ok"
    assert httpx.get(f"{program.url}/other").status_code == 404
    assert program.samples("rocket_matrix_sync_age_seconds")
    assert program.program.stop() == 0


def test_before_the_first_sync_it_is_not_well(bot_python: Path, folder: Path) -> None:
    config = {**GOOD, "homeserver": "http://127.0.0.1:1", "listen": "127.0.0.1:0"}
    (folder / "matrix.yaml").write_text(json.dumps(config))
    program = Program(
        [bot_python, "-m", "rocket_matrix", "--config", folder / "matrix.yaml"],
        folder,
        env={"PYTHONPATH": str(PACKAGES), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    try:
        listen = json.loads(program.line('"serving"', seconds=30))["listen"]
        answer = httpx.get(f"http://{listen}/healthz")
        assert answer.status_code == 503 and answer.json()["status"] == "starting"
        program.line('"the homeserver does not answer"', seconds=30)
    finally:
        assert program.stop() == 0


def test_handle_calls_of_ray_beside_their_source(bot_python: Path) -> None:
    """Here because of aiohttp, which the interpreter of the tests has not."""
    assert "skipped" not in run_tables(bot_python, "rocket_ray.local_gateway_test")


def test_the_tables_beside_the_source(bot_python: Path) -> None:
    where = ("-s", "rocket_matrix", "-t", ".", "-p", "*_test.py")
    said = run_tables(bot_python, "discover", *where)
    assert int(re.search(r"Ran (\d+) tests", said)[1]) >= 45


def test_the_document_has_every_setting_with_its_default(bot_python: Path) -> None:
    script = (
        "import dataclasses, json, sys\n"
        "from rocket_matrix.config import Config, Defaults, Limits\n"
        "told = json.load(sys.stdin)\n"
        "for kind, prefix in ((Config, ''), (Defaults, 'defaults.'), (Limits, 'limits.')):\n"
        "    for each in dataclasses.fields(kind):\n"
        "        print(prefix + each.name)\n"
        "        default = told.get(prefix + each.name)\n"
        "        if default is not None:\n"
        "            assert each.metadata['read'](default) == each.default, (each.name, default)\n"
    )
    document = (ROOT / "docs/matrix.md").read_text()
    document = document.partition("## Settings")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \| ?([^|]*?) ?\|", document, re.MULTILINE))
    # Those that are one literal; `room_defaults` is read by itself.
    literals = {
        name: yaml.safe_load(told[1:-1])
        for name, told in rows.items()
        if re.fullmatch("`[^`]+`", told) and name != "room_defaults"
    }
    assert len(literals) >= 15, literals
    names = subprocess.run(
        [bot_python, "-c", script],
        input=json.dumps(literals),
        env={"PYTHONPATH": str(PACKAGES), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.split()
    assert set(names) - {"defaults", "limits"} == set(rows)


def test_the_cluster_s_configuration_is_right(bot_python: Path) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from rocket_matrix.config import load\n"
        "config, problems = load(Path(sys.argv[1]))\n"
        "assert config and not problems, problems\n"
    )
    subprocess.run(
        [bot_python, "-c", script, ROOT / "k8s/ray/matrix/matrix.yaml"],
        env={"PYTHONPATH": str(PACKAGES), "PYTHONDONTWRITEBYTECODE": "1"},
        timeout=60,
        check=True,
    )
