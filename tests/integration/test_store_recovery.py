"""What is left when a store is lost, and how a dump brings it back, as docs/operations.md has it."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import batches
from harness.fake import Fake
from harness.gateway import Gateway, backend
from harness.postgres import Postgres, programs
from harness.uploads import PATH, uploaded

LINES = 20


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Callable[[str], Postgres]]:
    """`servers(name)`: a Postgres with nothing in it."""
    if programs() is None:
        pytest.skip("Postgres is not installed: ./dev setup test")
    started: list[Postgres] = []

    def start(name: str) -> Postgres:
        (tmp_path / name).mkdir()
        started.append(Postgres(tmp_path / name))
        return started[-1]

    try:
        yield start
    finally:
        for server in started:
            server.close()


def gateway_on(
    rocket: Callable[..., Gateway], url: str, postgres: Postgres, files: Path
) -> Gateway:
    store = {"postgres_url_env": "ROCKET_TEST_POSTGRES", "files": str(files)}
    config = {"backends": [backend("a", url)], "store": store}
    return rocket(config, env={"ROCKET_TEST_POSTGRES": postgres.url})


def run(program: str, postgres: Postgres, *words: str | Path) -> None:
    folder = programs()
    assert folder
    command = [folder / program, f"--host={postgres.folder}", "--username=postgres", *words]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def test_a_dump_brings_files_and_batches_back(
    rocket: Callable[..., Gateway],
    fake: Callable[..., Fake],
    servers: Callable[[str], Postgres],
    tmp_path: Path,
) -> None:
    url, lost, dump = fake().url, servers("lost"), tmp_path / "rocket.dump"
    files = tmp_path / "files"
    before = gateway_on(rocket, url, lost, files)
    file = uploaded(before, b"kept", filename="kept.jsonl")
    batch = batches.wait_ended(before, batches.make(before, batches.lines(LINES)))
    run("pg_dump", lost, "--format=custom", f"--file={dump}", "postgres")
    shutil.copytree(files, tmp_path / "backup")
    # Everything is lost, database and files.
    before.finish()
    lost.close()
    shutil.rmtree(files)
    anew = servers("anew")
    gateway = gateway_on(rocket, url, anew, files)
    assert gateway.call("GET", f"{PATH}/{file['id']}").status == 404
    # A gateway may run meanwhile: it has made its tables, which are replaced.
    run("pg_restore", anew, "--dbname=postgres", "--clean", "--if-exists", dump)
    shutil.copytree(tmp_path / "backup", files, dirs_exist_ok=True)
    assert gateway.call("GET", f"{PATH}/{file['id']}").json() == file
    assert gateway.call("GET", f"{PATH}/{file['id']}/content").body == b"kept"
    assert batches.get(gateway, batch["id"])["request_counts"]["completed"] == LINES
    results = batches.results(gateway, batch["output_file_id"])
    assert batches.custom_ids(results) == batches.names(LINES)
    # And it goes on from there.
    again = batches.wait_ended(gateway, batches.make(gateway, batches.lines(2)))
    assert again["status"] == "completed"


def test_lost_contents_are_404_and_nothing_else_is_lost(
    rocket: Callable[..., Gateway],
    fake: Callable[..., Fake],
    servers: Callable[[str], Postgres],
    tmp_path: Path,
) -> None:
    files = tmp_path / "files"
    gateway = gateway_on(rocket, fake().url, servers("postgres"), files)
    file = uploaded(gateway, b"lost", filename="lost.jsonl")
    for each in files.iterdir():
        each.unlink()
    assert gateway.call("GET", f"{PATH}/{file['id']}").json() == file
    assert gateway.call("GET", f"{PATH}/{file['id']}/content").status == 404
    assert uploaded(gateway, b"again", filename="again.jsonl")
