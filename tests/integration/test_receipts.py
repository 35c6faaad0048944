"""What happened to a request, asked by its id."""

import json
import threading

import pytest

from harness.gateway import Gateway, backend
from harness.keys import bearer, entry, write_keys
from harness.waiting import wait_until
from harness.wire import chat

RECEIPT = {
    *("id", "operation", "model", "key", "lane", "status", "outcome", "blame", "candidates"),
    *("attempts", "queue_ms", "engine_ms", "gateway_us", "tokens"),
}


def receipt(gateway: Gateway, id: str) -> dict:
    answer = gateway.admin(f"/requests/{id}")
    assert answer.status == 200, answer
    return answer.json()


def named(id: str) -> dict[str, str]:
    return {"x-request-id": id}


def test_a_receipt_has_the_pinned_members(rocket, fake) -> None:
    bad, good = fake(fault="status_500"), fake()
    gateway = rocket(
        {"backends": [backend("bad", bad.url), backend("good", good.url)], "order": ["bad", "good"]}
    )
    answer = gateway.chat(chat("m"), headers=named("one"))
    assert (answer.status, answer.header("x-rocket-attempts")) == (200, "2")
    told = receipt(gateway, "one")
    assert told.keys() >= RECEIPT
    assert (told["id"], told["operation"], told["model"]) == ("one", "chat_completions", "m")
    assert (told["status"], told["outcome"], told["blame"]) == (200, "ok", "none")
    for candidate in told["candidates"]:
        assert candidate.keys() >= {"endpoint", "score", "why"}
    assert [each["endpoint"] for each in told["candidates"]] == ["bad/0", "good/0"]
    first, second = told["attempts"]
    assert (first["endpoint"], first["outcome"], first["error"]) == (
        "bad/0",
        "error",
        "upstream_status",
    )
    assert (second["endpoint"], second["outcome"]) == ("good/0", "ok")
    for attempt in told["attempts"]:
        assert attempt["phases_ms"].keys() <= {
            *("connect", "send", "first_byte", "first_token", "rest")
        }
        assert all(time >= 0 for time in attempt["phases_ms"].values())
    assert told["tokens"]["in"] > 0 and told["tokens"]["out"] == 4
    assert 0 < told["engine_ms"] <= told["total_ms"]
    assert 0 < told["gateway_us"] < 1_000_000
    assert told["queue_ms"] == 0


def test_a_stream_tells_engine_from_gateway(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    gateway.chat(
        chat("m", stream=True, fake={"head_delay_ms": 50, "event_delay_ms": 20}),
        headers=named("slow"),
    )
    told = receipt(gateway, "slow")
    assert told["engine_ms"] >= 100
    assert told["gateway_us"] < 50_000
    (attempt,) = told["attempts"]
    assert attempt["phases_ms"]["first_byte"] >= 45
    assert attempt["phases_ms"]["rest"] >= 20


def test_an_unknown_id_is_404_in_json(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    gateway.call("GET", "/v1/models", headers=named("models"))
    for id in ("nobody", "models", "%22", "x" * 500):
        answer = gateway.admin(f"/requests/{id}")
        assert answer.status == 404
        assert "limits.receipts" in answer.error()["message"]
    assert gateway.call("GET", "/requests/nobody").status == 404, "not on the data port"


def test_a_request_under_way_is_found(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    body = chat("m", stream=True, fake={"fault": "hang_mid_stream"})
    with gateway.connect() as connection:
        payload = json.dumps(body).encode()
        connection.send(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nx-request-id: hung\r\n"
            b"Content-Type: application/json\r\nx-rocket-lane: batch\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(payload), payload)
        )
        assert connection.read_head().status == 200
        told = receipt(gateway, "hung")
        assert told["under_way"] is True
        assert told["lane"] == "batch"
        assert (told["status"], told["outcome"]) == (None, None)
        assert [each["outcome"] for each in told["attempts"]] == [None]

    def gone() -> bool:
        return receipt(gateway, "hung")["outcome"] == "cancelled"

    wait_until("the hang-up is in the receipt", gone)
    ended = receipt(gateway, "hung")
    assert ended["status"] == 499
    assert ended["tokens"]["out"] >= 1, "what its client was told is counted"


@pytest.mark.parametrize("threads", [1, 3])
def test_whatever_loop_served_it(rocket, fake, threads: int) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)], "threads": threads})
    # Enough connections for the kernel to give each loop some.
    ids = [f"r-{number}" for number in range(40)]
    for id in ids:
        assert gateway.chat(chat("m"), headers=named(id)).status == 200
    for id in ids:
        assert receipt(gateway, id)["id"] == id
    assert gateway.admin("/requests/r-none").status == 404


def test_of_a_repeated_id_the_newest_is_told(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)], "threads": 3})
    for stream in (False, True, False, True):
        gateway.chat(chat("m", stream=stream), headers=named("same"))
        (attempt,) = receipt(gateway, "same")["attempts"]
        assert ("first_token" in attempt["phases_ms"]) is stream


def test_only_the_last_are_kept(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)], "limits": {"receipts": 5}})
    for number in range(8):
        gateway.chat(chat("m"), headers=named(f"n{number}"))
    found = [gateway.admin(f"/requests/n{number}").status for number in range(8)]
    assert found == [404] * 3 + [200] * 5


def test_a_reload_keeps_them_unless_there_is_to_be_other_room(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)], "limits": {"receipts": 5}})
    gateway.chat(chat("m"), headers=named("one"))
    for revision, more in ((2, {"heartbeat": "5s"}), (3, {"limits": {"receipts": 6}})):
        gateway.write_config({**gateway.config, **more})
        wait_until("the reload", lambda r=revision: gateway.revision() == r)
        assert gateway.admin("/requests/one").status == (200 if revision == 2 else 404)


def test_keys_lanes_and_nothing_that_was_said(rocket, fake, tmp_path) -> None:
    keys = write_keys(tmp_path / "keys.yaml", entry("alice", "rk-a", lane="batch"))
    gateway = rocket({"backends": [backend("a", fake().url)], "keys_file": str(keys)})
    body = {"model": "m", "messages": [{"role": "user", "content": "the-secret-prompt"}]}
    gateway.chat(body, headers={**named("hers"), **bearer("rk-a")})
    told = receipt(gateway, "hers")
    assert (told["key"], told["lane"]) == ("alice", "batch")
    assert "secret" not in json.dumps(told) and "rk-a" not in json.dumps(told)
    # Who shows no key can push nothing out.
    gateway.chat(body, headers=named("nobody"))
    assert gateway.admin("/requests/nobody").status == 404
    assert gateway.samples("rocket_key_requests_total") == {'{key="alice"}': 1}
    assert gateway.samples("rocket_key_tokens_total")['{key="alice",direction="out"}'] == 4


def test_asking_under_load_disturbs_nobody(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)], "threads": 2})
    statuses: list[int] = []

    def ask() -> None:
        for number in range(50):
            statuses.append(gateway.chat(chat("m"), headers=named(f"l{number}")).status)

    clients = [threading.Thread(target=ask) for _ in range(4)]
    for each in clients:
        each.start()
    while any(each.is_alive() for each in clients):
        assert gateway.admin("/requests/l1").status in (200, 404)
    assert statuses == [200] * 200
