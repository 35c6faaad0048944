"""`POST /v1/batch/prompts`: many prompts, one answer."""

import time
from collections.abc import Callable

import pytest

from harness.fake import Fake
from harness.gateway import Gateway, backend
from harness.waiting import wait_until
from harness.wire import request_bytes

Rocket = Callable[..., Gateway]
Fakes = Callable[..., Fake]


@pytest.fixture
def gateway(rocket: Rocket, fake: Fakes) -> Gateway:
    return rocket({"backends": [backend("a", fake().url), backend("b", fake().url)]})


def test_all_are_answered_in_their_order(gateway: Gateway) -> None:
    prompts = [f'fake: {{"word": "w{i}-", "tokens": 1}}' for i in range(40)]
    answer = gateway.call(
        "POST", "/v1/batch/prompts", {"prompts": prompts, "params": {"model": "m"}, "backend": "b"}
    )
    assert answer.status == 200, answer
    body = answer.json()
    assert body["count"] == 40 and body["backend"] == "b" and len(body["results"]) == 40
    for i, each in enumerate(body["results"]):
        assert each["choices"][0]["message"]["content"].startswith(f"w{i}-"), i
        assert each["_backend"] == "b"


def test_the_header_names_the_backend_as_elsewhere(gateway: Gateway) -> None:
    asked = {"prompts": ["x", "y"], "params": {"model": "m"}}
    for name in ("a", "b"):
        headers = {"x-rocket-backend": name}
        answer = gateway.call("POST", "/v1/batch/prompts", asked, headers=headers)
        assert answer.status == 200 and answer.json()["backend"] == name
    answer = gateway.call("POST", "/v1/batch/prompts", {**asked, "backend": "a"}, headers=headers)
    assert answer.status == 400 and "different backends" in answer.error()["message"]


def test_one_that_fails_has_an_error_in_its_place(gateway: Gateway) -> None:
    prompts = ["good", 'fake: {"status": 400}', [{"role": "user", "content": "good too"}]]
    answer = gateway.call(
        "POST", "/v1/batch/prompts", {"prompts": prompts, "params": {"model": "m"}}
    )
    assert answer.status == 200
    results = answer.json()["results"]
    assert "choices" in results[0] and "choices" in results[2]
    assert results[1].keys() == {"error"} and results[1]["error"]["message"]


def test_each_says_what_a_translation_has_lost(rocket: Rocket, fake: Fakes) -> None:
    gateway = rocket({"backends": [backend("x", fake("anthropic").url, "anthropic")]})
    gateway.wait_for_models("m")
    asked = {"prompts": ["a", "b"], "params": {"model": "m", "max_tokens": 5}}
    asked["params"]["logit_bias"] = {"1": 1}
    answer = gateway.call("POST", "/v1/batch/prompts", asked)
    assert answer.status == 200, answer
    for each in answer.json()["results"]:
        assert "choices" in each and "dropped=logit_bias" in each["_translation"], each
    for yes in "1", "True":
        strict = gateway.call("POST", "/v1/batch/prompts", asked, headers={"x-rocket-strict": yes})
        for each in strict.json()["results"]:
            assert "x-rocket-strict" in each["error"]["message"], (yes, each)
    del asked["params"]["logit_bias"]
    whole = gateway.call("POST", "/v1/batch/prompts", asked, headers={"x-rocket-strict": "1"})
    for each in whole.json()["results"]:
        assert "choices" in each and "_translation" not in each, each


def test_what_is_asked_wrongly_is_refused(gateway: Gateway) -> None:
    for body, name in [
        ({}, "prompts"),
        ({"prompts": []}, "prompts"),
        ({"prompts": ["x"] * 1001}, "1000"),
        ({"prompts": [7]}, "prompts[0]"),
        ({"prompts": ["x"], "params": {"stream": True}}, "stream"),
        ({"prompts": ["x"], "backend": "a\nb"}, "backend"),
    ]:
        answer = gateway.call("POST", "/v1/batch/prompts", body)
        assert answer.status == 400 and name in answer.error()["message"], answer
    nobody = gateway.call(
        "POST", "/v1/batch/prompts", {"prompts": ["x"], "params": {"model": "m"}, "backend": "none"}
    )
    assert nobody.status == 200
    assert nobody.json()["results"][0]["error"]["code"] == "unknown_backend"


def test_nobody_is_not_waited_for_for_long(rocket: Rocket, fake: Fakes) -> None:
    upstream = fake()
    gateway = rocket({"backends": [backend("a", upstream.url)], "timeouts": {"queue": "2s"}})
    gateway.wait_for_models("m")
    upstream.stop()
    began = time.monotonic()
    answer = gateway.call(
        "POST", "/v1/batch/prompts", {"prompts": ["x", "y"], "params": {"model": "m"}}
    )
    assert answer.status == 200, answer
    codes = {each["error"]["code"] for each in answer.json()["results"]}
    assert codes <= {"connect_refused", "no_backend"}
    assert time.monotonic() - began < 10


def test_who_hangs_up_calls_all_of_it_off(rocket: Rocket, fake: Fakes) -> None:
    upstream = fake()
    gateway = rocket({"backends": [backend("a", upstream.url)], "batch": {"lines_in_flight": 5}})
    with gateway.connect() as connection:
        body = {"prompts": ['fake: {"head_delay_ms": 60000}'] * 50, "params": {"model": "m"}}
        connection.send(request_bytes("POST", "/v1/batch/prompts", body))
        wait_until("they are asked", lambda: gateway.in_flight() == 5)
    wait_until("they are called off", lambda: gateway.in_flight() == 0)
    # Some of them had perhaps not got as far as there.
    counted = upstream.stop()
    assert 1 <= counted["requests"] == counted["aborted"] <= 5
