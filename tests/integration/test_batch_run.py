"""`rocket batch run`: a file of requests without a server."""

import contextlib
import json
import os
import signal
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

from harness import batches
from harness.fake import Fake
from harness.gateway import Gateway, backend, binary
from harness.keys import entry, write_keys
from harness.program import Program
from harness.waiting import wait_until

Rocket = Callable[..., Gateway]
Fakes = Callable[..., Fake]


def run(tmp_path: Path, *arguments: str | Path) -> Program:
    return Program([binary(), "batch", "run", *arguments], tmp_path)


def write_config(tmp_path: Path, url: str, **more) -> Path:
    file = tmp_path / "batch.yaml"
    file.write_text(json.dumps({"backends": [backend("a", url)], **more}))
    return file


def read(file: Path) -> list[dict]:
    return [json.loads(each) for each in file.read_text().splitlines()]


def test_every_line_is_answered_in_its_order(tmp_path: Path, fake: Fakes) -> None:
    (tmp_path / "in.jsonl").write_text("\ufeff" + batches.lines(100))
    config = write_config(tmp_path, fake().url)
    program = run(tmp_path, "in.jsonl", "-o", "out.jsonl", "--config", config)
    assert program.wait(60) == 0, program.err()
    found = read(tmp_path / "out.jsonl")
    assert [each["custom_id"] for each in found] == [f"line-{i}" for i in range(100)]
    assert "100 of 100 lines, 0 failed" in program.err()
    assert not (tmp_path / "out.jsonl.journal").exists()
    assert not (tmp_path / "out.jsonl.errors").exists()


def test_failed_lines_make_it_4(tmp_path: Path, fake: Fakes) -> None:
    bad = batches.line("bad", {"model": "m", "messages": batches.HI, "fake": {"status": 400}})
    (tmp_path / "in.jsonl").write_text(batches.lines(3) + bad)
    config = write_config(tmp_path, fake().url)
    program = run(tmp_path, "in.jsonl", "-o", "out.jsonl", "--config", config)
    assert program.wait(60) == 4, program.err()
    assert batches.custom_ids(read(tmp_path / "out.jsonl")) == batches.names(3)
    assert [each["custom_id"] for each in read(tmp_path / "out.jsonl.errors")] == ["bad"]


def test_it_goes_on_where_it_was_killed_or_interrupted(tmp_path: Path, fake: Fakes) -> None:
    upstream = fake()
    (tmp_path / "in.jsonl").write_text(batches.lines(400, head_delay_ms=20))
    config = write_config(tmp_path, upstream.url, batch={"lines_in_flight": 4})
    command = ("in.jsonl", "-o", "out.jsonl", "--config", config)
    journal = tmp_path / "out.jsonl.journal"
    first = run(tmp_path, *command)
    wait_until("lines are done", lambda: done(journal) > 20)
    first.kill()
    before = done(journal)
    second = run(tmp_path, *command)
    second.said("goes on where it was left")
    # It waits for no lease of the one that was killed, which would last longer.
    wait_until("more are done", lambda: done(journal) > before + 20, seconds=3)
    second.send(signal.SIGINT)
    assert second.wait(20) == 130, second.err()
    assert "run the same command again" in second.err()
    last = run(tmp_path, *command)
    assert last.wait(60) == 0, last.err()
    assert "goes on where it was left" in last.err()
    assert batches.custom_ids(read(tmp_path / "out.jsonl")) == batches.names(400)
    assert upstream.stop()["requests"] <= 400 + 3 * 8


def done(journal: Path) -> int:
    """Lines that the journal has results of; -1: it has no batch yet."""
    with contextlib.suppress(sqlite3.OperationalError):
        with contextlib.closing(
            sqlite3.connect(f"file:{journal}/rocket.db?mode=ro", uri=True)
        ) as store:
            for (completed,) in store.execute("SELECT completed FROM rocket_batches"):
                return completed
    return -1


def test_a_journal_of_another_input_is_left_alone(tmp_path: Path, fake: Fakes) -> None:
    config = write_config(tmp_path, fake().url)
    (tmp_path / "in.jsonl").write_text(batches.lines(10, head_delay_ms=60_000))
    first = run(tmp_path, "in.jsonl", "-o", "out.jsonl", "--config", config)
    wait_until("it has begun", lambda: done(tmp_path / "out.jsonl.journal") == 0)
    first.kill()
    (tmp_path / "in.jsonl").write_text(batches.lines(11))
    second = run(tmp_path, "in.jsonl", "-o", "out.jsonl", "--config", config)
    assert second.wait(60) == 2
    assert "another input" in second.err()


def test_what_is_wrong_is_said(tmp_path: Path, fake: Fakes) -> None:
    config = write_config(tmp_path, fake().url)
    (tmp_path / "bad.jsonl").write_text(batches.lines(2) + "{\n")
    (tmp_path / "strange.jsonl").write_text("hello\n")
    (tmp_path / "nothing.jsonl").write_text("\ufeff\n\n")
    (tmp_path / "bad.yaml").write_text("nonsense: 1\n")
    (tmp_path / "good.jsonl").write_text(batches.lines(2))
    (tmp_path / "taken.journal").write_text("no folder")
    anywhere = ("--gateway", "http://127.0.0.1:9")
    for arguments, status, words in [
        (("none.jsonl", "-o", "o", "--config", config), 3, "none.jsonl"),
        (("strange.jsonl", "-o", "o", "--config", config), 1, "custom_id"),
        (("strange.jsonl", "-o", "o", "--config", config), 1, "is no JSON"),
        (("nothing.jsonl", "-o", "o", "--config", config), 1, "nothing.jsonl has no lines"),
        (("bad.jsonl", "-o", "o", "--config", config), 1, "invalid_json_line"),
        (("bad.jsonl", "-o", "o", "--config", tmp_path / "bad.yaml"), 1, "nonsense"),
        (("bad.jsonl",), 2, ""),
        (("bad.jsonl", "-o", "o", "--key-file", "k"), 2, ""),
        (("good.jsonl", "-o", "o", *anywhere, "--key-file", "none"), 1, "--key-file: none can not"),
        (("good.jsonl", "-o", "taken", "--config", config), 3, "taken.journal: Not a directory; a"),
        (("good.jsonl", "-o", "/proc/o", "--config", config), 3, "/proc/o.journal: "),
    ]:
        program = run(tmp_path, *arguments)
        assert program.wait(30) == status, (arguments, program.err())
        assert words in program.err() + program.out(), arguments


def test_an_earlier_run_s_results_are_not_taken_for_this_one_s(tmp_path: Path, fake: Fakes) -> None:
    bad = batches.line("bad", {"model": "m", "messages": batches.HI, "fake": {"status": 400}})
    config = write_config(tmp_path, fake().url)
    output, errors = tmp_path / "out.jsonl", tmp_path / "out.jsonl.errors"
    for text, status, there in [
        (batches.lines(2) + bad, 4, (True, True)),
        (batches.lines(2), 0, (True, False)),
        (bad, 4, (False, True)),
    ]:
        (tmp_path / "in.jsonl").write_text(text)
        program = run(tmp_path, "in.jsonl", "-o", output, "--config", config)
        assert program.wait(60) == status, program.err()
        assert (output.exists(), errors.exists()) == there, text


def test_what_is_no_file_is_left_as_it_is(tmp_path: Path, fake: Fakes) -> None:
    upstream = fake()
    config = write_config(tmp_path, upstream.url)
    (tmp_path / "in.jsonl").write_text(batches.lines(2))
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "o.errors").mkdir()
    (tmp_path / "same.jsonl").symlink_to("in.jsonl")
    for source, output, words in [
        ("pipe", "out.jsonl", "pipe is no file"),
        ("folder", "out.jsonl", "folder is no file"),
        ("in.jsonl", "folder", "folder is there and no file"),
        ("in.jsonl", "pipe", "pipe is there and no file"),
        ("in.jsonl", "o", "o.errors is there and no file"),
        ("in.jsonl", "-", "-o has to be a file"),
        ("in.jsonl", "in.jsonl", "in.jsonl is the input"),
        ("in.jsonl", "same.jsonl", "same.jsonl is the input"),
    ]:
        program = run(tmp_path, source, "-o", output, "--config", config)
        assert program.wait(30) == 3, (source, output, program.err())
        assert words in program.err()
    assert (tmp_path / "in.jsonl").read_text() == batches.lines(2)
    assert upstream.stop()["requests"] == 0


def test_results_go_where_a_link_leads(tmp_path: Path, fake: Fakes) -> None:
    config = write_config(tmp_path, fake().url)
    bad = batches.line("bad", {"model": "m", "messages": batches.HI, "fake": {"status": 400}})
    (tmp_path / "in.jsonl").write_text(batches.lines(3) + bad)
    (tmp_path / "disk").mkdir()
    (tmp_path / "out.jsonl").symlink_to("disk/far.jsonl")
    (tmp_path / "out.jsonl.errors").symlink_to(tmp_path / "errors")
    program = run(tmp_path, "in.jsonl", "-o", "out.jsonl", "--config", config)
    assert program.wait(30) == 4, program.err()
    assert (tmp_path / "out.jsonl").is_symlink() and (tmp_path / "out.jsonl.errors").is_symlink()
    assert batches.custom_ids(read(tmp_path / "disk/far.jsonl")) == batches.names(3)
    assert [each["custom_id"] for each in read(tmp_path / "errors")] == ["bad"]


def test_results_that_can_not_be_written_are_waited_for_aloud(tmp_path: Path, fake: Fakes) -> None:
    (tmp_path / "in.jsonl").write_text(batches.lines(3, head_delay_ms=1500))
    config = write_config(tmp_path, fake().url)
    program = run(tmp_path, "in.jsonl", "-o", "out.jsonl", "--config", config)
    wait_until("it has begun", lambda: done(tmp_path / "out.jsonl.journal") == 0)
    (tmp_path / "out.jsonl").mkdir()
    program.said("waits: out.jsonl")
    (tmp_path / "out.jsonl").rmdir()
    assert program.wait(30) == 0, program.err()
    assert batches.custom_ids(read(tmp_path / "out.jsonl")) == batches.names(3)


def test_one_at_a_time(tmp_path: Path, fake: Fakes) -> None:
    (tmp_path / "in.jsonl").write_text(batches.lines(3, head_delay_ms=8000))
    config = write_config(tmp_path, fake().url)
    command = ("in.jsonl", "-o", "out.jsonl", "--config", config)
    first = run(tmp_path, *command)
    wait_until("it has begun", lambda: done(tmp_path / "out.jsonl.journal") == 0)
    second = run(tmp_path, *command)
    assert second.wait(30) == 3
    assert "another `rocket batch run`" in second.err()
    assert first.wait(60) == 0, first.err()
    assert batches.custom_ids(read(tmp_path / "out.jsonl")) == batches.names(3)


def test_it_is_interrupted_while_it_looks_whom_to_ask(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(batches.lines(1))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        config = write_config(tmp_path, url, health={"timeout": "8s", "interval": "10s"})
        program = run(tmp_path, "in.jsonl", "-o", "out.jsonl", "--config", config)
        with silent.accept()[0]:
            program.send(signal.SIGINT)
            assert program.wait(30) == 130, program.err()
    assert "no backend" not in program.err()


def test_nobody_to_ask_is_said_at_once(tmp_path: Path, fake: Fakes) -> None:
    upstream = fake()
    upstream.stop()
    (tmp_path / "in.jsonl").write_text(batches.lines(1))
    config = write_config(tmp_path, upstream.url)
    program = run(tmp_path, "in.jsonl", "-o", "out.jsonl", "--config", config)
    assert program.wait(30) == 3
    assert "no backend answers" in program.err()


def test_so_many_are_asked_at_once_as_it_is_told(
    tmp_path: Path, rocket: Rocket, fake: Fakes
) -> None:
    """Of a gateway as many as the key may, so that it need not refuse any."""
    keys = write_keys(tmp_path / "keys.yaml", entry("batches", "rk-batches", concurrent=2))
    (tmp_path / "key").write_text("rk-batches\n")
    upstream = fake()
    gateway = rocket({"backends": [backend("a", upstream.url)], "keys_file": str(keys)})
    (tmp_path / "in.jsonl").write_text(batches.lines(20, head_delay_ms=50))
    asked = ["in.jsonl", "-o", "out.jsonl", "--in-flight", "2"]
    program = run(tmp_path, *asked, "--gateway", gateway.url, "--key-file", "key")
    assert program.wait(60) == 0, program.err()
    chats = [x for x in gateway.access_lines(20) if x["operation"] == "chat_completions"]
    assert sum(x["status"] == 429 for x in chats) <= 4, chats
    assert upstream.stop()["in_flight_max"] == 2
    config = write_config(tmp_path, fake().url)
    wrong = run(tmp_path, "in.jsonl", "-o", "o", "--config", config, "--in-flight", "0")
    assert wrong.wait(10) != 0 and "--in-flight" in wrong.err()


def test_through_a_running_gateway(tmp_path: Path, rocket: Rocket, fake: Fakes) -> None:
    keys = write_keys(tmp_path / "keys.yaml", entry("batches", "rk-batches", lane="interactive"))
    gateway = rocket({"backends": [backend("a", fake().url)], "keys_file": str(keys)})
    (tmp_path / "key").write_text("rk-batches\n")
    (tmp_path / "in.jsonl").write_text(batches.lines(50))
    program = run(
        tmp_path, "in.jsonl", "-o", "out.jsonl", "--gateway", gateway.url, "--key-file", "key"
    )
    assert program.wait(60) == 0, program.err()
    found = read(tmp_path / "out.jsonl")
    assert batches.custom_ids(found) == batches.names(50)
    assert {each["response"]["body"]["_backend"] for each in found} == {"a"}
    (tmp_path / "wrong").write_text("rk-nobody-s\n")
    refused = run(tmp_path, "in.jsonl", "-o", "o", "--gateway", gateway.url, "--key-file", "wrong")
    assert refused.wait(30) == 3
    assert "gateway/0: " in refused.err() and "--key-file" in refused.err()
    chats = [x for x in gateway.access_lines(50) if x["operation"] == "chat_completions"]
    assert {(each["key"], each["lane"]) for each in chats} == {("batches", "batch")}
