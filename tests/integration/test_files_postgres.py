"""Files of several gateways: what is known of them in one Postgres, what is in them in one folder."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.gateway import Gateway, backend
from harness.postgres import Postgres, programs
from harness.uploads import PATH, upload, uploaded
from harness.waiting import wait_until
from harness.wire import chat


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    if programs() is None:
        pytest.skip("Postgres is not installed: ./dev setup test")
    server = Postgres(tmp_path)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def sharing(rocket, fake, postgres: Postgres, tmp_path: Path) -> Callable[[], Gateway]:
    url = fake().url

    def start() -> Gateway:
        store = {"postgres_url_env": "ROCKET_TEST_POSTGRES", "files": str(tmp_path / "files")}
        config = {"backends": [backend("a", url)], "store": store}
        return rocket(config, env={"ROCKET_TEST_POSTGRES": postgres.url})

    return start


def test_gateways_share_files_and_outlive_their_database(
    sharing, postgres: Postgres, tmp_path: Path
) -> None:
    """F21."""
    first, second = sharing(), sharing()
    file = uploaded(first, b"hello", filename="ä.jsonl")
    path = f"{PATH}/{file['id']}"
    assert second.call("GET", path).json() == file
    assert second.call("GET", f"{path}/content").body == b"hello"
    postgres.kill()
    for _ in range(3):
        refused = upload(first, b"lost")
        assert (refused.status, refused.error()["code"]) == (503, "store_unavailable")
        assert refused.header("retry-after") == "1"
    assert second.call("GET", path).status == 503
    assert first.chat(chat("m")).status == 200
    postgres.start()
    wait_until("it is found again", lambda: second.call("GET", path).status == 200, seconds=10)
    assert second.call("DELETE", path).status == 200
    assert first.call("GET", path).status == 404
    another = uploaded(first, b"again")
    assert [each["id"] for each in second.call("GET", PATH).json()["data"]] == [another["id"]]
    assert [each.name for each in (tmp_path / "files").iterdir()] == [another["id"]]
    for gateway in (first, second):
        assert "hunter2" not in gateway.program.err() + gateway.program.out()
        assert "Postgres" in gateway.program.err(), "the operator is told"


def test_a_database_that_says_nothing_holds_up_nobody_else(sharing, postgres: Postgres) -> None:
    """F21, the worst of it: stopped, so that connections are neither refused nor reset. Who asks
    for a file is told so in time, chats go on, and it is found again; a drain is not held up."""
    first, second = sharing(), sharing()
    file = uploaded(first, b"hello")
    path = f"{PATH}/{file['id']}"
    assert second.call("GET", path).status == 200
    postgres.stop()
    try:
        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(first.call, "GET", path) for _ in range(2)]
            asked += [pool.submit(upload, first, b"lost") for _ in range(2)]
            begun = time.monotonic()
            for _ in range(20):
                assert first.chat(chat("m")).status == 200
            assert time.monotonic() - begun < 5
            for each in asked:
                refused = each.result()
                assert (refused.status, refused.error()["code"]) == (503, "store_unavailable")
                assert refused.header("retry-after") == "1"
        assert time.monotonic() - begun < 25
        second.terminate()
        assert second.program.wait(seconds=30) == 0
    finally:
        postgres.go_on()
    wait_until("it is found again", lambda: first.call("GET", path).status == 200, seconds=30)
    another = uploaded(first, b"again")
    kept = {each["id"] for each in first.call("GET", PATH).json()["data"]}
    assert {file["id"], another["id"]} <= kept
    assert "does not answer" in first.program.err()
