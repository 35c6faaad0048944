"""OpenAI's Files: what clients upload is on the disk when they are told so, is theirs alone, and
costs the gateway no memory."""

import hashlib
import json
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from harness import batches
from harness.gateway import Gateway, backend
from harness.keys import bearer, entry, write_keys
from harness.uploads import (
    BOUNDARY,
    END,
    FORM,
    PATH,
    field,
    file_head,
    form,
    head,
    pieces,
    reset,
    stream_upload,
    upload,
    uploaded,
)
from harness.waiting import elapse, wait_until
from harness.wire import Answer, RawConnection, request_bytes

MEBI = 1024 * 1024


@pytest.fixture
def files(rocket, fake, tmp_path: Path) -> Callable[..., Gateway]:
    """`files(store={...})`: a gateway that keeps files in tmp_path/store."""

    def start(store: dict | None = None, **settings) -> Gateway:
        kept = {"path": str(tmp_path / "store"), **(store or {})}
        return rocket({"backends": [backend("a", fake().url)], "store": kept, **settings})

    return start


def get(gateway: Gateway, path: str = "", headers: dict | None = None) -> Answer:
    return gateway.call("GET", PATH + path, headers=headers)


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.error()["code"]


def on_disk(tmp_path: Path) -> list[str]:
    folder = tmp_path / "store/files"
    return sorted(each.name for each in folder.iterdir()) if folder.exists() else []


def test_a_file_is_kept_as_it_is_and_outlives_the_gateway(files, tmp_path: Path) -> None:
    gateway = files()
    assert get(gateway).json() == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }
    assert get(gateway, "/file-none").status == 404
    assert not (tmp_path / "store").exists(), "looking makes nothing"
    content = b'{"a": "\r\n--' + BOUNDARY[:-1].encode() + b'"}\r\n\xff\x00\n'
    file = uploaded(gateway, content, filename="tägliche Zeilen.jsonl")
    assert file == {
        "object": "file",
        "id": file["id"],
        "purpose": "batch",
        "filename": "tägliche Zeilen.jsonl",
        "bytes": len(content),
        "created_at": file["created_at"],
        "expires_at": file["created_at"] + 30 * 24 * 3600,
        "status": "processed",
    }
    assert (tmp_path / "store").stat().st_mode & 0o777 == 0o700
    gateway.finish()
    gateway = files()
    assert get(gateway, f"/{file['id']}").json() == file
    answer = get(gateway, f"/{file['id']}/content")
    assert (answer.status, answer.body) == (200, content)
    assert answer.header("content-type") == "application/octet-stream"
    assert answer.header("content-length") == str(len(content))
    assert get(gateway).json()["data"] == [file]
    deleted = gateway.call("DELETE", f"{PATH}/{file['id']}")
    assert deleted.json() == {"id": file["id"], "object": "file", "deleted": True}
    for answer in (
        get(gateway, f"/{file['id']}"),
        get(gateway, f"/{file['id']}/content"),
        gateway.call("DELETE", f"{PATH}/{file['id']}"),
    ):
        assert refusal(answer) == (404, "file_not_found")
    assert on_disk(tmp_path) == []


def test_a_deleted_file_is_read_to_its_end_by_its_batch(files, tmp_path: Path) -> None:
    def start() -> Gateway:
        return files(batch={"lines_in_flight": 4})

    gateway = start()
    batch_id = batches.make(gateway, batches.lines(40, head_delay_ms=100))
    input_id = batches.get(gateway, batch_id)["input_file_id"]
    assert gateway.call("DELETE", f"{PATH}/{input_id}").json()["deleted"]
    assert refusal(get(gateway, f"/{input_id}/content")) == (404, "file_not_found")
    assert refusal(gateway.call("DELETE", f"{PATH}/{input_id}")) == (404, "file_not_found")
    assert get(gateway).json()["data"] == []
    assert refusal(batches.create(gateway, input_id)) == (400, "invalid_field")
    gateway.kill()
    gateway = start()
    ended = batches.wait_ended(gateway, batch_id)
    assert ended["request_counts"] == {"total": 40, "completed": 40, "failed": 0}, ended
    # Now nobody needs it: the next one that sweeps takes it away.
    gateway.finish()
    start()
    wait_until("its bytes are gone", lambda: on_disk(tmp_path) == [ended["output_file_id"]])


def test_lists_have_pages(files) -> None:
    gateway = files()
    ids = [uploaded(gateway, b"x", purpose)["id"] for purpose in ("batch", "vision", "batch")]
    newest_first = ids[::-1]

    def listed(query: str) -> tuple[list[str], bool]:
        answer = get(gateway, f"?{query}").json()
        return [each["id"] for each in answer["data"]], answer["has_more"]

    assert listed("") == (newest_first, False)
    assert listed("order=asc") == (ids, False)
    assert listed("limit=2") == (newest_first[:2], True)
    assert listed(f"limit=2&after={newest_first[1]}") == (newest_first[2:], False)
    assert listed("purpose=vision") == ([ids[1]], False)
    for wrong, named in (
        ("limit=0", "limit"),
        ("limit=10001", "limit"),
        ("order=up", "order"),
        ("after=file-none", "after"),
    ):
        answer = get(gateway, f"?{wrong}")
        assert refusal(answer) == (400, "invalid_field")
        assert named in answer.error()["message"]


def test_another_key_s_files_are_not_there(files, tmp_path: Path) -> None:
    keys = [entry("a", "rk-a"), entry("b", "rk-b")]
    gateway = files(keys_file=str(write_keys(tmp_path / "keys.yaml", *keys)), threads=2)
    file = uploaded(gateway, b"mine", headers=bearer("rk-a"))
    path = f"/{file['id']}"
    for each in (path, f"{path}/content"):
        assert get(gateway, each, bearer("rk-a")).status == 200
        assert refusal(get(gateway, each, bearer("rk-b"))) == (404, "file_not_found")
        assert get(gateway, each).status == 401
    assert get(gateway, "", bearer("rk-b")).json()["data"] == []
    assert refusal(get(gateway, f"?after={file['id']}", bearer("rk-b"))) == (400, "invalid_field")
    deleted = gateway.call("DELETE", PATH + path, headers=bearer("rk-b"))
    assert refusal(deleted) == (404, "file_not_found")
    assert get(gateway, path, bearer("rk-a")).json() == file
    # Nobody sends a large file to be told that he may not.
    with gateway.connect() as connection:
        connection.send(head("Content-Length: 1000000", "Expect: 100-continue"))
        answer = connection.read_head()
        assert answer.status == 401, "before any of it was asked for"


@pytest.mark.parametrize("sized", [True, False], ids=["sized", "chunked"])
def test_a_large_file_costs_no_memory(files, sized: bool) -> None:
    gateway = files()
    uploaded(gateway, b"x")
    before = gateway.program.rss_bytes()
    peak = before
    size, line = 200 * MEBI, b'{"custom_id": "1", "body": {"input": "' + b"x" * 200 + b'"}}\n'
    content = pieces(line * 300, size)
    sha = hashlib.sha256()

    def watched() -> Iterator[bytes]:
        nonlocal peak
        for number, piece in enumerate(content):
            sha.update(piece)
            yield piece
            if number % 100 == 0:
                peak = max(peak, gateway.program.rss_bytes())

    with gateway.connect(timeout=120) as connection:
        stream_upload(connection, watched(), length=size if sized else None)
        answer = connection.read()
        assert answer.status == 200, answer
        file = answer.json()
        assert file["bytes"] == size
        # The same connection goes on.
        connection.send(request_bytes("GET", f"{PATH}/{file['id']}/content"))
        read = connection.read_head()
        assert read.header("content-length") == str(size)
        got = hashlib.sha256()
        left = size
        while left:
            piece = connection._in.read(min(left, MEBI))
            assert piece
            got.update(piece)
            left -= len(piece)
            peak = max(peak, gateway.program.rss_bytes())
    assert got.digest() == sha.digest()
    grown = (peak - before) / MEBI
    print(f"grown by {grown:.1f} MiB")
    assert grown <= 64
    line = next(x for x in gateway.access_lines(3) if x["bytes_in"] > size)
    assert (line["operation"], line["status"]) == ("files", 200)


def test_a_body_is_asked_for_and_read_as_fast_as_it_can_be_kept(files) -> None:
    gateway = files()
    body = form(b"y" * 100_000)
    with gateway.connect() as connection:
        connection.send(head(f"Content-Length: {len(body)}", "Expect: 100-continue"))
        assert connection.read_head().status == 100
        connection.send(body[:50_000])
        connection.send(body[50_000:])
        assert connection.read().json()["bytes"] == 100_000
        # Pipelined behind it, in the same bytes.
        connection.send(
            head(f"Content-Length: {len(body)}") + body + request_bytes("GET", f"{PATH}?limit=1")
        )
        second = connection.read().json()
        assert connection.read().json()["data"] == [second]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (field("purpose", "batch") + END[2:], "`file`"),
        (form(b"x", None), "`purpose`"),
        (form(b"x", "batch_output"), "`purpose`"),
        (form(b""), "`file` is empty"),
        (form(b"x")[:-10], "ends before its last boundary"),
        (form(b"x" * 100_000)[:-10], "ends before its last boundary"),
        (b"{}", "ends before its last boundary"),
        (f"--{BOUNDARY}\r\nA: b\r\n\r\n".encode() + b"x" * 100_000, "a part without a name"),
        (field("expires_after[seconds]", "1") + form(b"x"), "expires_after"),
        (field("expires_after", '{"seconds": 3600}') + form(b"x"), "expires_after"),
    ],
    ids=["no file", "no purpose", "unknown purpose", "empty", "cut", "cut large", "no form",
         "unnamed", "expiry", "expiry in one field"],
)  # fmt: skip
def test_a_malformed_form_is_refused(files, tmp_path: Path, body: bytes, named: str) -> None:
    gateway = files()
    answer = gateway.call("POST", PATH, body, headers={"Content-Type": FORM})
    assert answer.status == 400, answer
    assert named in answer.error()["message"]
    wait_until("nothing of it is left", lambda: on_disk(tmp_path) == [])
    assert get(gateway).json()["data"] == []


def test_what_is_no_form_is_told_what_to_send(files) -> None:
    gateway = files()
    for type in ("application/json", "multipart/form-data", "multipart/form-data; boundary="):
        answer = gateway.call("POST", PATH, b"{}", headers={"Content-Type": type})
        assert refusal(answer) == (400, "bad_request")
        assert "multipart/form-data" in answer.error()["message"]


def test_files_are_bounded(files, tmp_path: Path) -> None:
    gateway = files({"file_bytes": "1MiB", "bytes": "1100KiB"})
    announced = upload(gateway, b"x" * (2 * MEBI))
    assert refusal(announced) == (413, "body_too_large")
    assert "store.file_bytes" in announced.error()["message"]
    with gateway.connect() as connection:
        stream_upload(connection, [b"x" * MEBI, b"x" * 10])
        assert refusal(connection.read()) == (413, "body_too_large")
    first = uploaded(gateway, b"x" * MEBI)
    full = upload(gateway, b"x" * 100_000)
    assert refusal(full) == (507, "store_full")
    assert "store.bytes" in full.error()["message"]
    wait_until("nothing of it is left", lambda: on_disk(tmp_path) == [first["id"]])
    assert gateway.call("DELETE", f"{PATH}/{first['id']}").status == 200
    uploaded(gateway, b"x" * 100_000)


def test_who_goes_away_leaves_nothing(files, tmp_path: Path) -> None:
    gateway = files()
    for _ in range(3):
        connection = gateway.connect()
        connection.send(
            head(f"Content-Length: {10 * MEBI}") + field("purpose", "batch") + file_head()
        )
        connection.send(b"x" * MEBI)
        wait_until("it is being written", lambda: on_disk(tmp_path))
        reset(connection)
        wait_until("nothing of it is left", lambda: not on_disk(tmp_path))
    assert get(gateway).json()["data"] == []
    line = gateway.access_lines(1)[0]
    assert (line["operation"], line["outcome"]) == ("files", "cancelled")


def test_who_goes_away_at_the_end_leaves_nothing_that_nobody_knows(files, tmp_path: Path) -> None:
    gateway = files()
    content = form(b"x" * MEBI)
    for step in range(48):
        connection = gateway.connect()
        connection.send(head(f"Content-Length: {len(content)}") + content)
        elapse(step % 12 / 1000)  # somewhere between its last byte and the answer
        reset(connection)
    answered = uploaded(gateway, b"x")["id"]

    def known() -> list[str]:
        return sorted(each["id"] for each in get(gateway).json()["data"])

    wait_until("the disk has what the store knows", lambda: on_disk(tmp_path) == known())
    assert answered in known()


def test_a_body_that_stands_still_is_408(files, tmp_path: Path) -> None:
    gateway = files(limits={"body_time": "1s"})
    with gateway.connect() as connection:
        connection.send(
            head(f"Content-Length: {10 * MEBI}") + field("purpose", "batch") + file_head()
        )
        connection.send(b"x" * MEBI)
        answer = connection.read()
        assert refusal(answer) == (408, "body_timeout")
        assert "limits.body_time" in answer.error()["message"]
        assert connection.ended()
    wait_until("nothing of it is left", lambda: on_disk(tmp_path) == [])


def test_files_expire(files, tmp_path: Path) -> None:
    gateway = files({"expiry": "1s"})
    kept = uploaded(gateway, b"x", "user_data")
    gone = uploaded(gateway, b"x")
    assert "expires_at" not in kept and gone["expires_at"] == gone["created_at"] + 1
    asked = field("expires_after", '{"anchor": "created_at", "seconds": 3600}') + form(b"x")
    later = gateway.call("POST", PATH, asked, headers={"Content-Type": FORM}).json()
    assert later["expires_at"] == later["created_at"] + 3600
    wait_until("it has expired", lambda: get(gateway, f"/{gone['id']}").status == 404)
    assert get(gateway, f"/{gone['id']}/content").status == 404
    gateway.finish()
    files()
    left = sorted([kept["id"], later["id"]])
    wait_until("it was swept up", lambda: on_disk(tmp_path) == left)


def test_what_a_dead_gateway_was_writing_is_swept_up(files, tmp_path: Path) -> None:
    gateway = files()
    file = uploaded(gateway, b"x")
    connection = gateway.connect()
    connection.send(head(f"Content-Length: {MEBI}") + field("purpose", "batch") + file_head())
    connection.send(b"x" * 500_000)
    wait_until("it is being written", lambda: len(on_disk(tmp_path)) == 2)
    gateway.program.kill()
    connection.close()
    again = files()
    wait_until("it was swept up", lambda: on_disk(tmp_path) == [file["id"]])
    assert get(again, f"/{file['id']}").json() == file
    gateway._ended = True


def test_a_locked_store_is_503_and_chat_goes_on(files, tmp_path: Path) -> None:
    """F21."""
    gateway = files()
    file = uploaded(gateway, b"x")
    lock = sqlite3.connect(tmp_path / "store/rocket.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    try:
        refused = upload(gateway, b"y")
        assert refusal(refused) == (503, "store_unavailable")
        assert "locked" in refused.error()["message"]
        assert str(tmp_path) not in refused.error()["message"], "clients are told no paths"
        assert refused.header("retry-after") == "1"
        assert get(gateway, f"/{file['id']}").json() == file, "reading goes on"
        answer = gateway.chat({"model": "m", "messages": [{"role": "user", "content": "hi"}]})
        assert answer.status == 200
        assert str(tmp_path / "store/rocket.db") in gateway.program.err()
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    second = uploaded(gateway, b"z")
    ids = [each["id"] for each in get(gateway).json()["data"]]
    assert ids == [second["id"], file["id"]], "what was acknowledged is there, and nothing else"


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("needs to mount a tmpfs: " + mounted.stderr.decode().strip())
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(file: Path) -> None:
    """To the last byte, so that the database can not grow either."""
    with open(file, "wb", buffering=0) as rest, suppress(OSError):
        while True:
            rest.write(b"x" * 4096)


def test_a_full_disk_is_507_and_recovers_by_itself(files, tmp_path: Path) -> None:
    """F20."""
    with small_disk(tmp_path / "store", "3M"):
        gateway = files()
        first = uploaded(gateway, os.urandom(MEBI))
        content = get(gateway, f"/{first['id']}/content").body
        for _ in range(3):
            refused = upload(gateway, b"x" * (3 * MEBI))
            assert refusal(refused) == (507, "store_full")
            wait_until("nothing of it is left", lambda: on_disk(tmp_path) == [first["id"]])
        answer = gateway.chat({"model": "m", "messages": [{"role": "user", "content": "hi"}]})
        assert answer.status == 200
        fill(tmp_path / "store/rest")
        acknowledged = [first["id"]]
        for _ in range(50):
            answer = upload(gateway, b"y")
            if answer.status == 200:
                acknowledged.append(answer.json()["id"])
            else:
                assert refusal(answer) == (507, "store_full")
        (tmp_path / "store/rest").unlink()
        acknowledged.append(uploaded(gateway, b"z")["id"])
        listed = [each["id"] for each in get(gateway, "?order=asc").json()["data"]]
        assert listed == acknowledged
        assert get(gateway, f"/{first['id']}/content").body == content
        gateway.finish()
        database = sqlite3.connect(tmp_path / "store/rocket.db")
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        database.close()


def test_what_is_deleted_makes_room_on_a_full_disk(files, tmp_path: Path) -> None:
    with small_disk(tmp_path / "store", "3M"):
        gateway = files()
        first, second = (uploaded(gateway, b"x" * MEBI)["id"] for _ in range(2))
        fill(tmp_path / "store/rest")
        assert refusal(upload(gateway, b"x" * 10_000)) == (507, "store_full")
        assert gateway.call("DELETE", f"{PATH}/{first}").status == 200
        wait_until("its bytes are gone", lambda: on_disk(tmp_path) == [second])
        third = uploaded(gateway, b"x" * 10_000)["id"]
        assert [each["id"] for each in get(gateway).json()["data"]] == [third, second]


def test_a_store_that_can_not_be_made_is_503(files, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("in the way")
    gateway = files()
    assert get(gateway).json()["data"] == []
    refused = upload(gateway, b"x")
    assert refusal(refused) == (503, "store_unavailable")
    (tmp_path / "store").unlink()
    uploaded(gateway, b"x")


def test_the_place_of_the_store_is_not_reloaded(files, tmp_path: Path) -> None:
    gateway = files()
    file = uploaded(gateway, b"x")
    gateway.write_config({**gateway.config, "store": {"path": str(tmp_path / "another")}})
    gateway.program.said("store: its place can not be reloaded")
    assert get(gateway, f"/{file['id']}").status == 200
    revision = gateway.revision()
    store = {"path": str(tmp_path / "store"), "file_bytes": "1MiB"}
    gateway.write_config({**gateway.config, "store": store})
    wait_until("the reload", lambda: gateway.revision() > revision)
    assert refusal(upload(gateway, b"x" * (2 * MEBI))) == (413, "body_too_large")


def test_downloads_in_threads_and_a_head(files) -> None:
    gateway = files(threads=4)
    content = json.dumps(list(range(100_000))).encode()
    file = uploaded(gateway, content)
    connections = [RawConnection(gateway.port) for _ in range(8)]
    try:
        for connection in connections:
            connection.send(request_bytes("GET", f"{PATH}/{file['id']}/content"))
        for connection in connections:
            assert connection.read().body == content
            connection.send(request_bytes("HEAD", f"{PATH}/{file['id']}/content"))
            answer = connection.read(to_head=True)
            assert answer.header("content-length") == str(len(content))
    finally:
        for connection in connections:
            connection.close()
