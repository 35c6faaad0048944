"""OpenAI's Responses that clients come back to, over HTTP: whoever asks, on whatever loop, after a
reload, and within the limits of `responses`."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.gateway import Gateway, backend
from harness.keys import bearer, entry, write_keys
from harness.waiting import elapse, wait_until
from harness.wire import Answer, RawConnection, request_bytes

PATH = "/v1/responses"
MEBI = 1024 * 1024


def ask(gateway: Gateway, input: object, headers: dict | None = None, **more) -> Answer:
    body = {"model": "m", "input": input, **more}
    return gateway.call("POST", PATH, body, headers=headers)


def respond(gateway: Gateway, input: object, **more) -> dict:
    """The response; of a stream that of its last event."""
    answer = ask(gateway, input, **more)
    assert answer.status == 200, answer
    if not more.get("stream"):
        return answer.json()
    last = answer.body.decode().strip().rpartition("\ndata: ")[2]
    event = json.loads(last)
    assert event["type"] == "response.completed", event
    return event["response"]


def get(gateway: Gateway, id: str, headers: dict | None = None) -> Answer:
    return gateway.call("GET", f"{PATH}/{id}", headers=headers)


@pytest.fixture
def over_fake(rocket, fake):
    """`over_fake(responses={...})`: a gateway over a backend that answers at once."""

    def start(**settings) -> Gateway:
        return rocket({"backends": [backend("a", fake().url)], **settings})

    return start


def test_every_loop_knows_every_response(over_fake) -> None:
    gateway = over_fake(threads=4)
    # The kernel spreads connections over the loops; what one of them has kept, all give out.
    first = respond(gateway, "one")
    connections = [gateway.connect() for _ in range(16)]
    try:
        for connection in connections:
            connection.send(request_bytes("GET", f"{PATH}/{first['id']}"))
            assert connection.read().json() == first
        last = first
        for stream in (False, True) * 8:
            last = respond(gateway, "and", previous_response_id=last["id"], stream=stream)
        listed = get(gateway, f"{last['id']}/input_items?limit=100&order=asc").json()
        assert len(listed["data"]) == 2 * 16 + 1
        assert listed["data"][1] == first["output"][0]
    finally:
        for connection in connections:
            connection.close()


def test_a_response_can_be_continued_as_soon_as_it_is_told(over_fake) -> None:
    """From another loop, and before the stream's connection has anything more to say."""
    gateway = over_fake(threads=4)

    def talk(worker: int) -> None:
        previous = None
        for turn in range(20):
            stream = (worker + turn) % 2 == 0
            body = {"model": "m", "input": "hi", "stream": stream, "previous_response_id": previous}
            with gateway.connect() as connection:
                connection.send(request_bytes("POST", PATH, body))
                previous = id_when_it_is_told(connection, stream)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(talk, range(8)))


def id_when_it_is_told(connection: RawConnection, stream: bool) -> str:
    """As soon as its last word has come."""
    if not stream:
        answer = connection.read()
        assert answer.status == 200, answer
        return answer.json()["id"]
    head = connection.read_head()
    assert head.status == 200, head
    data = b""
    while b'"type":"response.completed"' not in data:
        data += connection.read_line()
    return json.loads(data.rpartition(b"data: ")[2])["response"]["id"]


def test_another_key_s_responses_are_not_found(rocket, fake, tmp_path: Path) -> None:
    keys = [entry("a", "rk-a"), entry("b", "rk-b")]
    config = {"keys_file": str(write_keys(tmp_path / "keys.yaml", *keys))}
    gateway = rocket({"backends": [backend("a", fake().url)], **config, "threads": 2})
    response = respond(gateway, "hi", headers=bearer("rk-a"))
    for path in (response["id"], f"{response['id']}/input_items"):
        assert get(gateway, path, bearer("rk-a")).status == 200
        refused = get(gateway, path, bearer("rk-b"))
        assert (refused.status, refused.error()["code"]) == (404, "response_not_found")
        assert get(gateway, path).status == 401
    refused = ask(gateway, "hi", bearer("rk-b"), previous_response_id=response["id"])
    assert (refused.status, refused.error()["code"]) == (400, "previous_response_not_found")
    assert refused.error()["param"] == "previous_response_id"
    deleted = gateway.call("DELETE", f"{PATH}/{response['id']}", headers=bearer("rk-b"))
    assert deleted.status == 404
    deleted = gateway.call("DELETE", f"{PATH}/{response['id']}", headers=bearer("rk-a"))
    assert deleted.json() == {"id": response["id"], "object": "response", "deleted": True}
    assert get(gateway, response["id"], bearer("rk-a")).status == 404


def test_a_reload_keeps_what_is_kept_and_switching_off_forgets_it(over_fake) -> None:
    gateway = over_fake()
    response = respond(gateway, "hi")

    def reload(**settings) -> None:
        revision = gateway.revision()
        gateway.write_config({**gateway.config, **settings})
        wait_until("the reload", lambda: gateway.revision() > revision)

    reload(heartbeat="5s")
    assert get(gateway, response["id"]).json() == response
    reload(responses={"store": False})
    for refused in (
        get(gateway, response["id"]),
        get(gateway, f"{response['id']}/input_items"),
        gateway.call("DELETE", f"{PATH}/{response['id']}"),
        ask(gateway, "hi", previous_response_id=response["id"]),
    ):
        assert (refused.status, refused.error()["code"]) == (400, "invalid_field")
        assert "responses.store" in refused.error()["message"]
    assert respond(gateway, "hi")["store"] is False
    reload(responses={"store": True})
    assert get(gateway, response["id"]).status == 404


def test_what_was_used_longest_ago_makes_room(over_fake) -> None:
    gateway = over_fake(responses={"bytes": "1MiB"})
    assert gateway.samples("rocket_stored_responses") == {"": 0}
    kept = respond(gateway, "hi")
    first = respond(gateway, "x" * 400_000)
    assert get(gateway, kept["id"]).status == 200
    second = respond(gateway, "x" * 400_000, stream=True)
    third = respond(gateway, "x" * 400_000)
    found = [get(gateway, each["id"]).status for each in (kept, first, second, third)]
    assert found == [200, 404, 200, 200]
    assert gateway.samples("rocket_stored_responses") == {"": 3}
    assert 800_000 < gateway.samples("rocket_stored_response_bytes")[""] <= MEBI
    # What would not fit at all is answered all the same, and drives nothing out.
    large = respond(gateway, "x" * 2 * MEBI)
    assert get(gateway, large["id"]).status == 404
    assert get(gateway, third["id"]).status == 200


def test_what_nobody_asks_for_is_forgotten(over_fake) -> None:
    gateway = over_fake(responses={"expiry": "2s"})
    first = respond(gateway, "hi")
    elapse(1.2)
    second = respond(gateway, "hi", previous_response_id=first["id"])
    elapse(1.2)
    assert get(gateway, first["id"]).status == 200, "it was asked for 1.2 s ago"
    elapse(2.2)
    refused = ask(gateway, "hi", previous_response_id=second["id"])
    assert (refused.status, refused.error()["code"]) == (400, "previous_response_not_found")


def test_a_conversation_has_so_many_turns(over_fake) -> None:
    gateway = over_fake(responses={"turns": 3})
    last = respond(gateway, "hi")
    for _ in range(2):
        last = respond(gateway, "hi", previous_response_id=last["id"])
    refused = ask(gateway, "hi", previous_response_id=last["id"])
    assert (refused.status, refused.error()["code"]) == (400, "invalid_field")
    assert "responses.turns" in refused.error()["message"]
