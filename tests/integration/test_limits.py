"""What is held at once is bounded: connections wait, bodies are refused, and both recover."""

import json
import select

from harness.gateway import backend
from harness.wire import chat, request_bytes


def silent(connection, seconds: float) -> bool:
    """Nothing has come by then."""
    return not select.select([connection.socket], [], [], seconds)[0]


def test_connections_beyond_the_limit_wait_for_a_place(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)], "limits": {"connections": 2}})
    ping = request_bytes("GET", "/livez")
    with gateway.connect() as first, gateway.connect() as second, gateway.connect() as third:
        for held in (first, second):
            held.send(ping)
            assert held.read().status == 200
        third.send(ping)
        assert silent(third, 0.3)
        first.close()
        assert third.read().status == 200


def test_the_admin_port_is_not_locked_out_by_a_full_data_port(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)], "limits": {"connections": 1}})
    with gateway.connect() as only:
        only.send(request_bytes("GET", "/livez"))
        assert only.read().status == 200
        assert gateway.admin("/health").status == 200


def test_bodies_in_flight_are_bounded_and_announcing_costs_nothing(rocket, fake) -> None:
    mebi = 1024 * 1024
    limits = {"body_bytes": mebi, "bodies_in_flight_bytes": mebi}
    gateway = rocket({"backends": [backend("a", fake().url)], "limits": limits})
    body = json.dumps(chat("m", padding="x" * 700_000)).encode()
    whole = request_bytes("POST", "/v1/chat/completions", body)
    head = whole[: -len(body)]
    with gateway.connect() as announced, gateway.connect() as slow:
        # A length without a body takes nothing from anybody.
        announced.send(head)
        assert gateway.call("POST", "/v1/chat/completions", body).status == 200
        # Most of a body does.
        slow.send(head + body[:-10])
        refused = gateway.call("POST", "/v1/chat/completions", body)
        assert refused.status == 503
        assert refused.json()["error"]["code"] == "overloaded"
        assert refused.header("retry-after")
        slow.send(body[-10:])
        assert slow.read().status == 200
    assert gateway.call("POST", "/v1/chat/completions", body).status == 200
