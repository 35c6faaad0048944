"""`rocket batch run --gateway`: the lines of a file are asked of a gateway that runs."""

from collections.abc import Callable
from pathlib import Path

from test_batch_run import read, run

from harness import batches
from harness.fake import Fake
from harness.gateway import Gateway, backend
from harness.keys import entry, write_keys

Rocket = Callable[..., Gateway]
Fakes = Callable[..., Fake]
REFUSED = 'fake: {"status": 422}'  # what a translation would drop is asked so


def test_a_file_may_have_as_many_lines_as_it_is_told(
    tmp_path: Path, rocket: Rocket, fake: Fakes
) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    (tmp_path / "in.jsonl").write_text(batches.lines(5))
    command = ["in.jsonl", "-o", "out.jsonl", "--gateway", gateway.url]
    few = run(tmp_path, *command, "--lines", "4")
    assert few.wait(30) == 1
    assert "more than 4 lines" in few.err() and "--lines N" in few.err()
    short = run(tmp_path, *command, "--line-bytes", "64")
    assert short.wait(30) == 1
    assert "longer than 64 bytes" in short.err() and "--line-bytes SIZE" in short.err()
    enough = run(tmp_path, *command, "--lines", "5", "--line-bytes", "64KiB")
    assert enough.wait(30) == 0, enough.err()
    assert batches.custom_ids(read(tmp_path / "out.jsonl")) == batches.names(5)
    for option, value in [("--lines", "0"), ("--line-bytes", "0"), ("--line-bytes", "much")]:
        wrong = run(tmp_path, *command, option, value)
        assert wrong.wait(10) == 2 and option in wrong.err(), (option, value)


def test_a_line_that_is_too_long_for_the_gateway_says_which_limit_of_it_is(
    tmp_path: Path, rocket: Rocket, fake: Fakes
) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)], "limits": {"body_bytes": "64KiB"}})
    prompt = [{"role": "user", "content": "x" * 100_000}]
    long = batches.line("long", {"model": "m", "messages": prompt})
    (tmp_path / "in.jsonl").write_text(batches.lines(2) + long)
    program = run(tmp_path, "in.jsonl", "-o", "out.jsonl", "--gateway", gateway.url)
    assert program.wait(60) == 4, program.err()
    assert batches.custom_ids(read(tmp_path / "out.jsonl")) == batches.names(2)
    (refused,) = read(tmp_path / "out.jsonl.errors")
    assert refused["custom_id"] == "long" and refused["response"]["status_code"] == 413
    assert "limits.body_bytes" in refused["response"]["body"]["error"]["message"]


def test_a_key_that_may_have_few_at_once_has_them_all_the_time(
    tmp_path: Path, rocket: Rocket, fake: Fakes
) -> None:
    """Nobody waits for the second that a refusal's `retry-after` says: places come free before."""
    keys = write_keys(tmp_path / "keys.yaml", entry("batches", "rk-batches", concurrent=2))
    (tmp_path / "key").write_text("rk-batches\n")
    upstream = fake()
    gateway = rocket({"backends": [backend("a", upstream.url)], "keys_file": str(keys)})
    (tmp_path / "in.jsonl").write_text(batches.lines(200, head_delay_ms=20))
    command = ["in.jsonl", "-o", "out.jsonl", "--gateway", gateway.url, "--key-file", "key"]
    program = run(tmp_path, *command)
    # Two at once take two seconds; one burst a second would take a hundred.
    assert program.wait(30) == 0, program.err()
    assert batches.custom_ids(read(tmp_path / "out.jsonl")) == batches.names(200)
    chats = [x for x in gateway.access_lines(200) if x["operation"] == "chat_completions"]
    assert sum(x["status"] == 429 for x in chats) <= 100, len(chats)
    assert upstream.stop()["in_flight_max"] == 2


def test_a_line_says_what_the_gateway_s_translation_lost(
    tmp_path: Path, rocket: Rocket, fake: Fakes
) -> None:
    gateway = rocket({"backends": [backend("x", fake("anthropic").url, "anthropic")]})
    gateway.wait_for_models("m")
    body = {"model": "m", "messages": batches.HI, "max_tokens": 5}
    lossy = batches.line("lossy", {**body, "logit_bias": {"1": 1}, "seed": 7})
    refused = {**body, "logit_bias": {"1": 1}, "messages": [{"role": "user", "content": REFUSED}]}
    (tmp_path / "in.jsonl").write_text(
        lossy + batches.line("whole", body) + batches.line("refused", refused)
    )
    program = run(tmp_path, "in.jsonl", "-o", "out.jsonl", "--gateway", gateway.url)
    assert program.wait(30) == 4, program.err()
    found = {each["custom_id"]: each["response"] for each in read(tmp_path / "out.jsonl")}
    told = found["lossy"]["translation"].split(",")
    assert {"dropped=logit_bias", "dropped=seed"} <= set(told), found
    assert "translation" not in found["whole"], found
    (error,) = read(tmp_path / "out.jsonl.errors")
    assert error["custom_id"] == "refused" and error["response"]["status_code"] == 422
    assert "dropped=logit_bias" in error["response"]["translation"], error
