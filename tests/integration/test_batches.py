"""`/v1/batches` over the fake backend, as raw requests: the whole cycle, what is refused, cancelling,
expiry, owners, progress, and what a killed gateway leaves behind."""

import contextlib
import http.client
import json
import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import batches
from harness.fake import Fake
from harness.gateway import Gateway, backend
from harness.keys import bearer, entry, write_keys
from harness.waiting import wait_until

Rocket = Callable[..., Gateway]
Fakes = Callable[..., Fake]


def config(tmp_path: Path, url: str, **more) -> dict:
    return {
        "backends": [backend("a", url)],
        "store": {"path": str(tmp_path / "store")},
        **more,
    }


@pytest.fixture
def gateway(rocket: Rocket, fake: Fakes, tmp_path: Path) -> Gateway:
    return rocket(config(tmp_path, fake().url))


def test_a_batch_from_its_file_to_its_results(gateway: Gateway) -> None:
    file_id = batches.upload(gateway, batches.lines(50))
    made = batches.create(gateway, file_id, metadata={"for": "a test"})
    assert made.status == 200, made
    batch = made.json()
    assert batch["object"] == "batch" and batch["id"].startswith("batch_")
    assert batch["status"] == "validating"
    assert batch["metadata"] == {"for": "a test"}
    assert batch["expires_at"] - batch["created_at"] == 24 * 3600
    ended = batches.wait_ended(gateway, batch["id"])
    assert ended["status"] == "completed", ended
    assert ended["request_counts"] == {"total": 50, "completed": 50, "failed": 0}
    assert ended["usage"]["output_tokens"] == 50 * 4
    assert ended["usage"]["total_tokens"] > 50 * 4
    assert ended["error_file_id"] is None and ended["errors"] is None
    found = batches.results(gateway, ended["output_file_id"])
    assert [each["custom_id"] for each in found] == [f"line-{i}" for i in range(50)]
    for each in found:
        assert each["id"].startswith("batch_req_") and each["error"] is None
        assert each["response"]["status_code"] == 200 and each["response"]["request_id"]
        assert each["response"]["body"]["object"] == "chat.completion"
    assert len({each["id"] for each in found}) == 50
    about = gateway.call("GET", f"/v1/files/{ended['output_file_id']}").json()
    assert about["purpose"] == "batch_output" and about["filename"].endswith("_output.jsonl")


def chats(gateway: Gateway, lane: str, count: int) -> list[dict]:
    """The log's lines of chats in that lane, once there are so many."""

    def logged() -> list[dict] | None:
        found = [
            each
            for each in gateway.access_lines(1)
            if each["operation"] == "chat_completions" and each["lane"] == lane
        ]
        return found if len(found) >= count else None

    return wait_until(f"{count} chats are logged", logged)


def test_each_line_is_a_request_like_any_other(gateway: Gateway) -> None:
    batches.wait_ended(gateway, batches.make(gateway, batches.lines(3)))
    for each in chats(gateway, "batch", 3):
        assert (each["lane"], each["status"], each["backend"]) == ("batch", 200, "a")


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/v1/completions", {"model": "m", "prompt": "hi"}),
        ("/v1/embeddings", {"model": "m", "input": "hi"}),
        ("/v1/responses", {"model": "m", "input": "hi"}),
    ],
)
def test_every_endpoint(gateway: Gateway, url: str, body: dict) -> None:
    text = batches.line("one", body, url) + batches.line("two", body, url)
    ended = batches.wait_ended(gateway, batches.make(gateway, text, endpoint=url))
    assert ended["request_counts"] == {"total": 2, "completed": 2, "failed": 0}, ended
    found = batches.results(gateway, ended["output_file_id"])
    assert [each["response"]["status_code"] for each in found] == [200, 200]


def test_a_line_says_what_a_translation_lost(rocket: Rocket, fake: Fakes, tmp_path: Path) -> None:
    translated = [backend("x", fake("anthropic").url, "anthropic")]
    gateway = rocket({**config(tmp_path, ""), "backends": translated})
    gateway.wait_for_models("m")
    body = {"model": "m", "messages": batches.HI, "max_tokens": 5}
    text = batches.line("lossy", {**body, "logit_bias": {"1": 1}}) + batches.line("whole", body)
    ended = batches.wait_ended(gateway, batches.make(gateway, text))
    lossy, whole = (x["response"] for x in batches.results(gateway, ended["output_file_id"]))
    assert "dropped=logit_bias" in lossy["translation"], lossy
    assert "translation" not in whole, whole


def test_lines_that_fail_are_in_the_error_file(gateway: Gateway) -> None:
    text = (
        batches.line("good")
        + batches.line("no such model", {"model": "nobody-has-it", "messages": batches.HI})
        + batches.line("refused", {"model": "m", "messages": batches.HI, "fake": {"status": 422}})
    )
    ended = batches.wait_ended(gateway, batches.make(gateway, text))
    assert ended["status"] == "completed"
    assert ended["request_counts"] == {"total": 3, "completed": 1, "failed": 2}
    assert [x["custom_id"] for x in batches.results(gateway, ended["output_file_id"])] == ["good"]
    errors = {x["custom_id"]: x for x in batches.results(gateway, ended["error_file_id"])}
    assert errors["no such model"]["response"]["status_code"] == 404
    assert errors["no such model"]["response"]["body"]["error"]["code"] == "model_not_found"
    assert errors["refused"]["response"]["status_code"] == 422


BAD_FILES = {
    "empty": ("\n\n", "empty_file", None),
    "no JSON": ("\ufeff" + batches.lines(2) + "{\n", "invalid_json_line", 3),
    "no custom_id": (batches.lines(1) + '{"method": "POST"}\n', "missing_required_parameter", 2),
    "the same custom_id": (batches.lines(2) + batches.lines(1), "duplicate_custom_id", 3),
    "another url": (batches.lines(1) + batches.line("x", {}, "/v1/embeddings"), "invalid_url", 2),
    "a stream": (batches.line("x", {"stream": True}), "invalid_parameter", 1),
    "GET": (batches.line("x", method="GET"), "invalid_method", 1),
    "no body": ('{"custom_id":"a","method":"POST","url":"/v1/chat/completions"}', "missing", 1),
    "a body that is a text": (batches.line("x").replace('{"model"', '"", "x": {"model"'), "", 1),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_fails_with_the_number_of_its_line(gateway: Gateway, name: str) -> None:
    text, code, number = BAD_FILES[name]
    ended = batches.wait_ended(gateway, batches.make(gateway, text))
    assert ended["status"] == "failed" and ended["failed_at"], ended
    assert ended["errors"]["object"] == "list"
    problems = ended["errors"]["data"]
    assert len(problems) == 1, problems
    assert problems[0]["code"].startswith(code) and problems[0]["line"] == number, problems
    assert problems[0]["message"]
    assert ended["output_file_id"] is None


def test_what_is_asked_wrongly_is_refused(gateway: Gateway) -> None:
    file_id = batches.upload(gateway, batches.lines(1))
    other = batches.upload(gateway, "x", purpose="user_data")
    for asked, name in [
        ({"endpoint": "/v1/images/generations"}, "endpoint"),
        ({"completion_window": "soon"}, "completion_window"),
        ({"metadata": {"a": 1}}, "metadata"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 1}}, "output_expires_after"),
        ({"input_file_id": "file-that-is-not"}, "input_file_id"),
        ({"input_file_id": other}, "purpose"),
        ({"unknown": 1}, "unknown"),
    ]:
        answer = batches.create(gateway, file_id, **asked)
        assert answer.status == 400, (asked, answer)
        assert name in answer.error()["message"], (asked, answer)
    for method, path in [
        ("GET", "/v1/batches/batch_none"),
        ("POST", "/v1/batches/batch_none/cancel"),
        ("GET", "/v1/batches/batch_none/events"),
    ]:
        answer = gateway.call(method, path)
        assert answer.status == 404 and answer.error()["code"] == "batch_not_found", answer


def test_batches_of_a_key_that_have_not_ended_are_bounded(
    rocket: Rocket, fake: Fakes, tmp_path: Path
) -> None:
    gateway = rocket(config(tmp_path, fake().url, batch={"unfinished": 2}))
    slow = batches.lines(1, head_delay_ms=60_000)
    file_id = batches.upload(gateway, slow)
    first, _ = (batches.create(gateway, file_id).json()["id"] for _ in range(2))
    refused = batches.create(gateway, file_id)
    assert refused.status == 429, refused
    assert refused.error()["code"] == "rate_limit_exceeded", refused
    assert "batch.unfinished" in refused.error()["message"], refused
    assert gateway.call("POST", f"/v1/batches/{first}/cancel").status == 200
    batches.wait_ended(gateway, first)
    assert batches.create(gateway, file_id).status == 200


def test_a_batch_is_forgotten_some_time_after_its_end(
    rocket: Rocket, fake: Fakes, tmp_path: Path
) -> None:
    settings = config(tmp_path, fake().url)
    settings["store"]["batch_expiry"] = "1s"
    first = rocket(settings)
    batch_id = batches.make(first, batches.lines(1))
    ended = batches.wait_ended(first, batch_id)
    first.terminate()
    first.program.wait(15)
    wait_until("its time has come", lambda: time.time() > ended["completed_at"] + 3)
    again = rocket(settings)  # looks at once, and every hour
    wait_until(
        "it is forgotten", lambda: again.call("GET", f"/v1/batches/{batch_id}").status == 404
    )
    # Its files have times of their own.
    assert len(batches.results(again, ended["output_file_id"])) == 1


def test_batches_are_listed_newest_first(gateway: Gateway) -> None:
    made = [batches.make(gateway, batches.lines(1)) for _ in range(3)]
    for each in made:
        batches.wait_ended(gateway, each)
    page = gateway.call("GET", "/v1/batches?limit=2").json()
    assert page["object"] == "list" and page["has_more"]
    assert [each["id"] for each in page["data"]] == [made[2], made[1]]
    assert (page["first_id"], page["last_id"]) == (made[2], made[1])
    rest = gateway.call("GET", f"/v1/batches?limit=2&after={made[1]}").json()
    assert [each["id"] for each in rest["data"]] == [made[0]] and not rest["has_more"]
    assert gateway.call("GET", "/v1/batches?limit=0").status == 400


def test_nothing_is_made_by_who_only_looks(gateway: Gateway, tmp_path: Path) -> None:
    assert gateway.call("GET", "/v1/batches").json()["data"] == []
    assert gateway.call("GET", "/v1/batches/batch_none").status == 404
    assert not (tmp_path / "store").exists()


def test_output_expires_when_asked_to(gateway: Gateway) -> None:
    after = {"anchor": "created_at", "seconds": 3600}
    batch_id = batches.make(gateway, batches.lines(1), output_expires_after=after)
    ended = batches.wait_ended(gateway, batch_id)
    about = gateway.call("GET", f"/v1/files/{ended['output_file_id']}").json()
    assert about["expires_at"] - about["created_at"] == 3600


def test_cancelling_closes_what_is_asked(rocket: Rocket, fake: Fakes, tmp_path: Path) -> None:
    upstream = fake()
    gateway = rocket(config(tmp_path, upstream.url, batch={"lines_in_flight": 4}))
    slow = batches.lines(40, head_delay_ms=60_000).replace("line-", "slow-")
    text = batches.lines(2) + slow
    batch_id = batches.make(gateway, text)
    wait_until(
        "two are done", lambda: batches.get(gateway, batch_id)["request_counts"]["completed"] == 2
    )
    wait_until("others are asked", lambda: gateway.in_flight() == 4)
    counted = batches.get(gateway, batch_id)["request_counts"]
    answer = gateway.call("POST", f"/v1/batches/{batch_id}/cancel")
    assert answer.status == 200 and answer.json()["status"] == "cancelling", answer
    ended = batches.wait_ended(gateway, batch_id, 10)
    assert ended["status"] == "cancelled" and ended["cancelled_at"] and ended["cancelling_at"]
    assert counted["total"] == 42
    assert gateway.in_flight() == 0
    found = batches.results(gateway, ended["output_file_id"])
    assert batches.custom_ids(found) == batches.names(2)
    closed = batches.results(gateway, ended["error_file_id"])
    assert {line["error"]["code"] for line in closed} == {"batch_cancelled"}
    assert len({line["custom_id"] for line in closed}) == 40
    again = gateway.call("POST", f"/v1/batches/{batch_id}/cancel")
    assert again.status == 200 and again.json()["status"] == "cancelled"
    assert upstream.stop()["aborted"] == 4


def test_what_has_ended_is_not_cancelled(gateway: Gateway) -> None:
    batch_id = batches.make(gateway, batches.lines(1))
    batches.wait_ended(gateway, batch_id)
    answer = gateway.call("POST", f"/v1/batches/{batch_id}/cancel")
    assert answer.status == 400 and "completed" in answer.error()["message"]


def test_expiry(rocket: Rocket, fake: Fakes, tmp_path: Path) -> None:
    upstream = fake()
    gateway = rocket(config(tmp_path, upstream.url, batch={"lines_in_flight": 4}))
    slow = batches.lines(40, head_delay_ms=60_000).replace("line-", "slow-")
    text = batches.lines(2) + slow
    ended = batches.wait_ended(gateway, batches.make(gateway, text, completion_window="3s"), 20)
    assert ended["status"] == "expired" and ended["expired_at"]
    assert ended["request_counts"] == {"total": 42, "completed": 2, "failed": 40}
    errors = batches.results(gateway, ended["error_file_id"])
    assert {each["error"]["code"] for each in errors} == {"batch_expired"}
    assert all(each["response"] is None for each in errors)
    found = batches.results(gateway, ended["output_file_id"]) + errors
    assert len(batches.custom_ids(found)) == 42


def test_a_batch_is_its_key_s_alone(rocket: Rocket, fake: Fakes, tmp_path: Path) -> None:
    keys = write_keys(
        tmp_path / "keys.yaml",
        entry("alice", "rk-alice", models=["m"]),
        entry("bob", "rk-bob"),
    )
    gateway = rocket(config(tmp_path, fake(models=("m", "n")).url, keys_file=str(keys)))
    alice, bob = bearer("rk-alice"), bearer("rk-bob")
    text = batches.line("allowed") + batches.line("not allowed", {"model": "n", "messages": batches.HI})
    batch_id = batches.make(gateway, text, headers=alice)
    ended = batches.wait_ended(gateway, batch_id, headers=alice)
    assert ended["request_counts"] == {"total": 2, "completed": 1, "failed": 1}
    errors = batches.results(gateway, ended["error_file_id"], alice)
    assert errors[0]["custom_id"] == "not allowed"
    assert errors[0]["response"]["status_code"] in (403, 404)
    for method, path in [
        ("GET", f"/v1/batches/{batch_id}"),
        ("GET", f"/v1/batches/{batch_id}/events"),
        ("POST", f"/v1/batches/{batch_id}/cancel"),
        ("GET", f"/v1/files/{ended['output_file_id']}/content"),
    ]:
        assert gateway.call(method, path, headers=bob).status == 404, path
    assert gateway.call("GET", "/v1/batches", headers=bob).json()["data"] == []
    theirs = batches.create(gateway, ended["input_file_id"], headers=bob)
    assert theirs.status == 400 and "is not there" in theirs.error()["message"]


def test_limits_of_the_key_slow_its_batches_down(
    rocket: Rocket, fake: Fakes, tmp_path: Path
) -> None:
    keys = write_keys(tmp_path / "keys.yaml", entry("alice", "rk-alice", concurrent=2))
    upstream = fake()
    gateway = rocket(config(tmp_path, upstream.url, keys_file=str(keys), batch={"backoff": "20ms"}))
    alice = bearer("rk-alice")
    ended = batches.wait_ended(
        gateway, batches.make(gateway, batches.lines(20, head_delay_ms=20), headers=alice), headers=alice
    )
    assert ended["request_counts"] == {"total": 20, "completed": 20, "failed": 0}
    gateway.terminate()
    gateway.program.wait(15)
    assert upstream.stop()["in_flight_max"] <= 2


def test_progress_is_told_as_it_comes(rocket: Rocket, fake: Fakes, tmp_path: Path) -> None:
    gateway = rocket(
        config(tmp_path, fake().url, batch={"lines_in_flight": 4}, heartbeat="1s")
    )
    batch_id = batches.make(gateway, batches.lines(60, head_delay_ms=100))
    answer = gateway.call("GET", f"/v1/batches/{batch_id}/events")
    assert answer.status == 200 and answer.header("content-type") == "text/event-stream"
    events = [each.splitlines() for each in answer.body.decode().strip().split("\n\n")]
    kinds = [each[0] for each in events]
    assert kinds[-1] == "event: end" and set(kinds[:-1]) == {"event: progress"}
    told = [json.loads(each[1].removeprefix("data: ")) for each in events[:-1]]
    done = [each["request_counts"]["completed"] for each in told]
    assert done == sorted(done) and done[-1] == 60 and len(set(done)) > 2
    assert told[-1]["status"] == "completed"


def test_progress_of_what_is_there_no_more_ends(gateway: Gateway, tmp_path: Path) -> None:
    """Whoever restores a store that is older takes batches from under their readers."""
    batch_id = batches.make(gateway, batches.lines(5, head_delay_ms=60_000))
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=15)
    with contextlib.closing(connection):
        connection.request("GET", f"/v1/batches/{batch_id}/events")
        answer = connection.getresponse()
        assert answer.status == 200
        with contextlib.closing(sqlite3.connect(tmp_path / "store/rocket.db", timeout=15)) as store:
            store.execute("DELETE FROM rocket_batches")
            store.commit()
        events = answer.read().decode()
    last = events.strip().split("\n\n")[-1].splitlines()
    assert last[0] == "event: error"
    assert json.loads(last[1].removeprefix("data: "))["error"]["code"] == "batch_not_found"


def test_progress_has_a_head(gateway: Gateway) -> None:
    batch_id = batches.make(gateway, batches.lines(5, head_delay_ms=3000))
    answer = gateway.call("HEAD", f"/v1/batches/{batch_id}/events")
    assert answer.status == 200 and answer.header("content-type") == "text/event-stream"
    assert not answer.body
    assert batches.get(gateway, batch_id)["status"] in ("validating", "in_progress")
    assert gateway.call("HEAD", "/v1/batches/none/events").status == 404


def test_who_listens_to_progress_does_not_hold_up_a_drain(gateway: Gateway, fake: Fakes) -> None:
    batch_id = batches.make(gateway, batches.lines(20, head_delay_ms=60_000))
    with gateway.connect() as connection:
        connection.send(f"GET /v1/batches/{batch_id}/events HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert connection.read_head().status == 200
        gateway.terminate()
        assert gateway.program.wait(15) == 0


def kill_and_restart(
    rocket: Rocket, settings: dict, batch_id: str, random_: random.Random, kills: int
) -> tuple[Gateway, int]:
    """A gateway over the store that others have been killed over, and how many lines were in
    flight at those moments."""
    in_flight = 0
    gateway = rocket(settings)
    for _ in range(kills):
        before = batches.get(gateway, batch_id)["request_counts"]["completed"]
        more = random_.randint(1, 60)
        wait_until(
            "it gets on",
            lambda done=before + more: (
                batches.get(gateway, batch_id)["request_counts"]["completed"] >= done
                or batches.get(gateway, batch_id)["status"] in batches.ENDED
            ),
            10 + 20,
        )
        in_flight += settings["batch"]["lines_in_flight"]
        gateway.kill()
        gateway = rocket(settings)
        # Whoever starts again goes on within ten seconds.
        start = batches.get(gateway, batch_id)
        if start["status"] not in batches.ENDED:
            wait_until(
                "the batch goes on",
                lambda counted=start: batches.get(gateway, batch_id) != counted,
                10,
            )
    return gateway, in_flight


@pytest.mark.parametrize(
    ("count", "kills"),
    [(2000, 3), pytest.param(10_000, 100, marks=pytest.mark.long)],
    ids=["2,000 lines and 3 kills", "10,000 lines and 100 kills"],
)
@pytest.mark.parametrize("delay", [20, 0], ids=["20 ms each", "at once"])
def test_kill_9_loses_nothing_and_doubles_nothing(
    rocket: Rocket, fake: Fakes, tmp_path: Path, count: int, kills: int, delay: int
) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    upstream = fake()
    settings = config(
        tmp_path, upstream.url, batch={"lines_in_flight": 16}, threads=random.Random(seed).choice([1, 2])
    )
    first = rocket(settings)
    # With a byte order mark, which is skipped each time that the file is read again.
    batch_id = batches.make(first, "\ufeff" + batches.lines(count, head_delay_ms=delay))
    first.kill()
    gateway, in_flight = kill_and_restart(
        rocket, settings, batch_id, random.Random(seed), kills
    )
    ended = batches.wait_ended(gateway, batch_id, 120 + count / 20)
    assert ended["status"] == "completed", seed
    found = batches.results(gateway, ended["output_file_id"])
    found += batches.results(gateway, ended["error_file_id"])
    assert batches.custom_ids(found) == batches.names(count), seed
    assert ended["request_counts"] == {"total": count, "completed": count, "failed": 0}, seed
    gateway.terminate()
    gateway.program.wait(15)
    # What had been answered and was not written yet is among those in flight. The first one was
    # killed as well.
    in_flight += settings["batch"]["lines_in_flight"]
    assert upstream.stop()["requests"] <= count + in_flight, seed


def test_an_input_that_is_gone_after_a_crash_costs_no_answer(
    rocket: Rocket, fake: Fakes, tmp_path: Path
) -> None:
    settings = config(tmp_path, fake().url, batch={"lines_in_flight": 4})
    first = rocket(settings)
    batch_id = batches.make(first, batches.lines(100, head_delay_ms=200))
    wait_until(
        "some are answered",
        lambda: batches.get(first, batch_id)["request_counts"]["completed"] >= 8,
    )
    input_id = batches.get(first, batch_id)["input_file_id"]
    first.kill()
    (tmp_path / "store/files" / input_id).unlink()
    gateway = rocket(settings)
    ended = batches.wait_ended(gateway, batch_id)
    assert ended["status"] == "failed"
    assert ended["errors"]["data"][0]["code"] == "input_file_not_found"
    answered = batches.results(gateway, ended["output_file_id"])
    assert len(answered) == ended["request_counts"]["completed"] >= 8


def test_a_drain_gives_the_batch_to_whoever_comes_next(
    rocket: Rocket, fake: Fakes, tmp_path: Path
) -> None:
    upstream = fake()
    settings = config(tmp_path, upstream.url, batch={"lines_in_flight": 4})
    first = rocket(settings)
    batch_id = batches.make(first, batches.lines(100, head_delay_ms=50))
    wait_until(
        "some are done", lambda: batches.get(first, batch_id)["request_counts"]["completed"] > 8
    )
    first.terminate()
    assert first.program.wait(15) == 0
    second = rocket(settings)
    ended = batches.wait_ended(second, batch_id)
    assert ended["request_counts"]["completed"] == 100
    second.terminate()
    second.program.wait(15)
    assert upstream.stop()["requests"] == 100, "nothing was asked twice"


def test_people_do_not_wait_for_batches(rocket: Rocket, fake: Fakes, tmp_path: Path) -> None:
    gateway = rocket(config(tmp_path, fake().url, limits={"in_flight_per_endpoint": 8}))
    batch_id = batches.make(gateway, batches.lines(500, head_delay_ms=100))
    wait_until("lines are asked", lambda: gateway.in_flight() >= 7)
    for _ in range(20):
        answer = gateway.chat({"model": "m", "messages": batches.HI})
        assert answer.status == 200
    waited = sorted(each["queue_ms"] for each in chats(gateway, "interactive", 20))
    assert waited[len(waited) * 95 // 100] <= 50, waited
    assert gateway.call("POST", f"/v1/batches/{batch_id}/cancel").status == 200
    batches.wait_ended(gateway, batch_id)


def test_a_large_file_takes_little_memory(rocket: Rocket, fake: Fakes, tmp_path: Path) -> None:
    gateway = rocket(config(tmp_path, fake().url, batch={"lines_in_flight": 16}))
    idle = gateway.program.rss_bytes()
    count = 50_000
    text = "x" * 3800
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    whole = "".join(batches.line(f"line-{i}", body) for i in range(count))
    assert 195_000_000 <= len(whole) <= 200 << 20
    batch_id = batches.make(gateway, whole)
    wait_until(
        "it has been validated and some are done",
        lambda: batches.get(gateway, batch_id)["request_counts"]["completed"] > 200,
        120,
    )
    grown = gateway.program.rss_bytes() - idle
    gateway.call("POST", f"/v1/batches/{batch_id}/cancel")
    batches.wait_ended(gateway, batch_id)
    print(f"{grown / 2**20:.1f} MiB above idle")
    if "asan" not in str(gateway.program.popen.args[0]):
        assert grown <= 64 << 20
