"""APIs that a backend answers itself (`backends[].native`), to which clients' own bytes pass: those
of another Rocket, which are held to OpenAI's schemas, and vLLM's Responses."""

import anthropic
import openai
import pytest
from clients import COUNT, QUESTION, client_of
from test_anthropic_sdk import client_of as messages_client_of
from test_responses_schema import EVENT, RESPONSE, events, hold

from harness.engines import VLLM_MODEL, Engine
from harness.gateway import Gateway, backend

ALL = ["responses", "messages", "count_tokens"]
ASKED = {"model": "m", "input": "hi", "max_output_tokens": 50}


@pytest.fixture
def inner(rocket, fake) -> Gateway:
    """The Rocket that answers."""
    gateway = rocket({"backends": [backend("a", fake().url)]})
    gateway.wait_for_models("m")
    return gateway


@pytest.fixture
def over(rocket, inner: Gateway) -> Gateway:
    """The one in front of it."""
    gateway = rocket({"backends": [backend("inner", inner.url, native=ALL)]})
    gateway.wait_for_models("m")
    return gateway


@pytest.fixture
def client(over: Gateway) -> openai.OpenAI:
    return client_of(over, _strict_response_validation=True)


def test_a_response_passes(over: Gateway) -> None:
    whole = over.call("POST", "/v1/responses", ASKED)
    assert whole.status == 200 and whole.header("x-rocket-backend") == "inner"
    assert whole.header("x-rocket-translation") is None
    hold(RESPONSE, whole.json())
    assert "_backend" not in whole.json()
    said = events(over.call("POST", "/v1/responses", {**ASKED, "stream": True}))
    for number, event in enumerate(said):
        hold(EVENT, event)
        assert event["sequence_number"] == number
    assert said[-1]["type"] == "response.completed"
    assert said[-1]["response"]["usage"] == whole.json()["usage"]
    (last, _) = [line for line in over.access_lines(2) if line["operation"] == "responses"]
    assert last["tokens_out"] == whole.json()["usage"]["output_tokens"]


def test_a_conversation_is_kept_by_whoever_answers(client: openai.OpenAI, over: Gateway) -> None:
    first = client.responses.create(**ASKED)
    for stream in (False, True):
        made = client.responses.create(**ASKED, previous_response_id=first.id, stream=stream)
        second = list(made)[-1].response if stream else made
        assert second.previous_response_id == first.id
        assert second.usage.input_tokens > first.usage.input_tokens
    with pytest.raises(openai.BadRequestError) as unknown:
        client.responses.create(**ASKED, previous_response_id="resp_nobody")
    assert unknown.value.code == "previous_response_not_found"
    # Only whoever keeps it can give it out again.
    assert over.call("GET", f"/v1/responses/{first.id}").status == 404


def test_what_nobody_could_come_back_for_is_refused(client: openai.OpenAI, over: Gateway) -> None:
    with pytest.raises(openai.BadRequestError, match="background"):
        client.responses.create(**ASKED, background=True)
    assert over.samples("rocket_breaker_state") and not any(
        over.samples("rocket_breaker_state").values()
    )


def test_strictness_is_no_matter_where_nothing_is_lost(client: openai.OpenAI) -> None:
    made = client.responses.create(
        **ASKED,
        include=["reasoning.encrypted_content"],
        truncation="disabled",
        extra_headers={"x-rocket-strict": "1"},
    )
    assert made.status == "completed"


def test_a_stream_that_breaks_goes_on_counting(rocket, fake) -> None:
    inner = rocket({"backends": [backend("a", fake(fault="reset_mid_stream").url)]})
    inner.wait_for_models("m")
    over = rocket({"backends": [backend("inner", inner.url, native=ALL)]})
    over.wait_for_models("m")
    answer = over.call("POST", "/v1/responses", {**ASKED, "stream": True}, cut=None)
    said = events(answer)
    assert said[-1]["type"] in ("error", "response.failed")
    assert [event["sequence_number"] for event in said] == list(range(len(said)))
    for event in said:
        hold(EVENT, event)


def test_who_answers_it_himself_is_replaced_by_who_does_not(rocket, fake, inner: Gateway) -> None:
    backends = [backend("inner", inner.url, native=ALL), backend("b", fake().url)]
    over = rocket({"backends": backends, "order": ["inner", "b"]})
    over.wait_for_models("m")
    assert over.call("POST", "/v1/responses", ASKED).header("x-rocket-backend") == "inner"
    inner.kill()
    for body in (ASKED, {**ASKED, "stream": True}):
        answer = over.call("POST", "/v1/responses", body)
        assert answer.status == 200 and answer.header("x-rocket-backend") == "b"


def test_messages_pass(over: Gateway) -> None:
    client = messages_client_of(over)
    options = {"model": "m", "max_tokens": 50, "messages": QUESTION}
    raw = client.messages.with_raw_response.create(**options)
    assert "x-rocket-translation" not in raw.headers
    message = raw.parse()
    assert message.stop_reason == "end_turn" and message.content[0].text
    with client.messages.stream(**options) as stream:
        assert stream.get_final_message().content[0].text == message.content[0].text
    count = client.messages.with_raw_response.count_tokens(model="m", messages=QUESTION)
    assert count.parse().input_tokens > 0
    # The inner gateway has estimated it, and that is not kept from who asks the outer one.
    assert count.headers["x-rocket-translation"] == "emulated=input_tokens"
    with pytest.raises(anthropic.NotFoundError):
        client.messages.create(**{**options, "model": "nobody"})


@pytest.mark.vllm
def test_vllm_s_responses_pass(rocket, vllm) -> None:
    engine: Engine = vllm()
    over = rocket({"backends": [backend("vllm", engine.url, "vllm", native=["responses"])]})
    over.wait_for_models(VLLM_MODEL)
    client = client_of(over)
    options = {"model": VLLM_MODEL, "input": QUESTION, "max_output_tokens": 24, "temperature": 0}
    raw = client.responses.with_raw_response.create(**options)
    assert "x-rocket-translation" not in raw.headers
    whole = raw.parse()
    assert whole.output_text and whole.usage.output_tokens > 0
    streamed = list(client.responses.create(**options, stream=True))
    assert [event.sequence_number for event in streamed] == list(range(len(streamed)))
    assert streamed[-1].response.output_text == whole.output_text
    cut = client.responses.create(**{**options, "input": COUNT, "max_output_tokens": 8})
    assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    with pytest.raises(openai.BadRequestError):
        client.responses.create(**options, background=True)
