"""OpenAI's Responses by the official `openai` package for Python, over real engines."""

import contextlib
import json
import re
from collections.abc import Callable

import openai
import pytest
from clients import (
    COUNT,
    ENGINES,
    QUESTION,
    RESPONSES_FORCED,
    RESPONSES_TOOL,
    WEATHER,
    City,
    client_of,
)
from openai.types.responses import Response
from two_calls import CALLS

from harness.gateway import Gateway, backend
from harness.waiting import wait_until

OPTIONS = {"input": QUESTION, "max_output_tokens": 16, "temperature": 0}
CALLING = {"input": WEATHER, "tools": [RESPONSES_TOOL], "max_output_tokens": 64, "temperature": 0}
# Each without "response.": a text, and a call.
TEXT = re.compile(
    r"created in_progress"
    r" output_item.added content_part.added( output_text.delta)+"
    r" output_text.done content_part.done output_item.done"
    r" (completed|incomplete)"
)
CALL = re.compile(
    r"created in_progress"
    r"( output_item.added( function_call_arguments.delta)+"
    r" function_call_arguments.done output_item.done)+"
    r" completed"
)


def order_of(events: list) -> str:
    return " ".join(event.type.removeprefix("response.") for event in events)


def check_end(response: Response) -> None:
    """It says that it is whole, or why it is not."""
    assert response.error is None
    if response.status == "completed":
        assert response.incomplete_details is None
    else:
        assert response.status == "incomplete"
        assert response.incomplete_details.reason == "max_output_tokens"
    assert response.usage.input_tokens > 0 and response.usage.output_tokens > 0
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens


def test_response(client: openai.OpenAI, engine: str) -> None:
    answer = client.responses.with_raw_response.create(model=ENGINES[engine], **OPTIONS)
    assert answer.headers["x-rocket-backend"] == engine
    response = answer.parse()
    assert response.object == "response" and response.id and response.created_at
    assert response.model == ENGINES[engine] and response.output_text
    (message,) = [item for item in response.output if item.type == "message"]
    assert message.role == "assistant" and message.id
    check_end(response)


def test_a_text_is_an_input(client: openai.OpenAI, engine: str) -> None:
    options = {**OPTIONS, "model": ENGINES[engine]}
    told = client.responses.create(**{**options, "input": QUESTION[0]["content"]})
    parts = [{"type": "input_text", "text": QUESTION[0]["content"]}]
    items = [{"type": "message", "role": "user", "content": parts}]
    for given in (QUESTION, items):
        response = client.responses.create(**{**options, "input": given})
        assert response.output_text == told.output_text


def test_stream(client: openai.OpenAI, engine: str) -> None:
    options = {**OPTIONS, "model": ENGINES[engine]}
    whole = client.responses.create(**options)
    with client.responses.create(**options, stream=True) as stream:
        events = list(stream)
    assert TEXT.fullmatch(order_of(events))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    (done,) = [event for event in events if event.type == "response.output_text.done"]
    final = events[-1].response
    assert "".join(deltas) == done.text == final.output_text == whole.output_text
    assert (events[0].response.status, events[0].response.output) == ("in_progress", [])
    assert len({event.response.id for event in events if hasattr(event, "response")}) == 1
    items = {event.item_id for event in events if hasattr(event, "item_id")}
    assert items == {item.id for item in final.output}
    assert final.status == whole.status
    assert final.usage.output_tokens == whole.usage.output_tokens
    check_end(final)


def test_the_limit_is_told(client: openai.OpenAI, engine: str) -> None:
    options = {"model": ENGINES[engine], "input": COUNT, "max_output_tokens": 16, "temperature": 0}
    whole = client.responses.create(**options)
    with client.responses.create(**options, stream=True) as stream:
        last = list(stream)[-1]
    assert last.type == "response.incomplete"
    for response in (whole, last.response):
        assert response.status == "incomplete"
        check_end(response)
        assert response.usage.output_tokens <= 16


def test_instructions_arrive(client: openai.OpenAI, engine: str) -> None:
    def read(instructions: str) -> int:
        response = client.responses.create(
            model=ENGINES[engine], **OPTIONS, instructions=instructions
        )
        assert response.output_text
        return response.usage.input_tokens

    assert read("You are a terse geographer. You answer in one word.") >= read("Hi") + 8


def test_a_conversation_is_sent_whole(client: openai.OpenAI, engine: str) -> None:
    """By a client that has nothing kept."""
    options = {**OPTIONS, "model": ENGINES[engine], "store": False}
    first = client.responses.create(**options)
    assert first.store is False
    given = [*QUESTION, *first.output, {"role": "user", "content": "And of Italy?"}]
    second = client.responses.create(**{**options, "input": given})
    assert second.output_text
    assert second.usage.input_tokens > first.usage.input_tokens


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_response_is_kept(client: openai.OpenAI, engine: str, streamed: bool) -> None:
    options = {**OPTIONS, "model": ENGINES[engine]}
    response = respond(client, streamed, **options)
    assert response.store is True
    assert client.responses.retrieve(response.id).to_dict() == response.to_dict()
    (item,) = client.responses.input_items.list(response.id)
    assert (item.role, item.content[0].text) == ("user", QUESTION[0]["content"])
    client.responses.delete(response.id)
    for gone in (client.responses.retrieve, client.responses.delete, items_of(client)):
        with pytest.raises(openai.NotFoundError) as raised:
            gone(response.id)
        check_error(raised.value, 404, [response.id])
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(**options, previous_response_id=response.id)
    check_error(refused.value, 400, [f"Previous response with id '{response.id}' not found"])
    assert refused.value.code == "previous_response_not_found"
    assert refused.value.param == "previous_response_id"


def respond(client: openai.OpenAI, streamed: bool, **options) -> Response:
    """Whole, or put together by the package from a stream."""
    if not streamed:
        return client.responses.create(**options)
    with client.responses.create(**options, stream=True) as stream:
        last = list(stream)[-1]
    assert last.type in ("response.completed", "response.incomplete")
    return last.response


def items_of(client: openai.OpenAI) -> Callable[[str], list]:
    return lambda id: list(client.responses.input_items.list(id, order="asc"))


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_three_turns(client: openai.OpenAI, engine: str, streamed: bool) -> None:
    """A tool's result comes with the next turn; nothing is sent twice."""
    forced = RESPONSES_FORCED[engine]
    called = respond(client, streamed, **CALLING, **forced)
    (call,) = called.output
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "Rain."}
    options = {"model": forced["model"], "temperature": 0, "max_output_tokens": 16}
    second = respond(
        client, streamed, **options, input=[output], previous_response_id=called.id
    )
    assert second.output_text and second.previous_response_id == called.id
    # Exactly what it answers to a client that sends all of it.
    sent = [*WEATHER, call, output]
    assert second.output_text == respond(client, streamed, **options, input=sent).output_text
    third = respond(
        client, streamed, **options, input="And in Rome?", previous_response_id=second.id
    )
    assert third.output_text
    assert third.usage.input_tokens > second.usage.input_tokens
    items = items_of(client)(third.id)
    assert [item.type for item in items] == [
        *("message", "function_call", "function_call_output"),
        *(item.type for item in second.output),
        "message",
    ]
    assert (items[1].id, items[2].output) == (call.id, "Rain.")
    assert items[-1].content[0].text == "And in Rome?"


def test_instructions_are_not_carried_over(client: openai.OpenAI, engine: str) -> None:
    options = {**OPTIONS, "model": ENGINES[engine]}
    told = client.responses.create(**options, instructions="Answer in one word, and in French.")
    follow = {**options, "input": "And of Italy?"}
    after = client.responses.create(**follow, previous_response_id=told.id)
    assert after.instructions is None
    sent = [*QUESTION, *told.output, {"role": "user", "content": "And of Italy?"}]
    whole = client.responses.create(**{**options, "input": sent})
    assert after.output_text == whole.output_text
    assert after.usage.input_tokens == whole.usage.input_tokens


def test_an_item_is_referred_to(client: openai.OpenAI, engine: str) -> None:
    """As the AI SDK does with what is stored."""
    options = {**OPTIONS, "model": ENGINES[engine]}
    first = client.responses.create(**options)
    reference = {"type": "item_reference", "id": first.output[0].id}
    user = {"role": "user", "content": "And of Italy?"}
    referred = client.responses.create(**{**options, "input": [*QUESTION, reference, user]})
    sent = client.responses.create(**{**options, "input": [*QUESTION, *first.output, user]})
    assert referred.output_text == sent.output_text
    assert referred.usage.input_tokens == sent.usage.input_tokens


def check_call(response: Response) -> None:
    """One call of the tool, whole, with arguments that its schema allows."""
    assert response.status == "completed" and not response.output_text
    (call,) = response.output
    assert (call.type, call.name, call.status) == ("function_call", "weather", "completed")
    assert call.id and call.call_id
    arguments = json.loads(call.arguments)
    assert arguments.keys() == {"city"} and arguments["city"] in ("Paris", "Rome")


def test_a_tool_is_called(client: openai.OpenAI, engine: str) -> None:
    check_call(client.responses.create(**CALLING, **RESPONSES_FORCED[engine]))


def test_a_tool_is_called_in_a_stream(client: openai.OpenAI, engine: str) -> None:
    with client.responses.create(**CALLING, **RESPONSES_FORCED[engine], stream=True) as stream:
        events = list(stream)
    assert CALL.fullmatch(order_of(events))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    check_call(events[-1].response)
    deltas = [e.delta for e in events if e.type == "response.function_call_arguments.delta"]
    (done,) = [e for e in events if e.type == "response.function_call_arguments.done"]
    assert "".join(deltas) == done.arguments == events[-1].response.output[0].arguments


def test_a_tool_s_output_is_taken_back(client: openai.OpenAI, engine: str) -> None:
    called = client.responses.create(**CALLING, **RESPONSES_FORCED[engine])
    (call,) = called.output
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "Rain."}
    response = client.responses.create(
        model=RESPONSES_FORCED[engine]["model"],
        input=[*WEATHER, call, output],
        temperature=0,
        max_output_tokens=16,
    )
    assert response.output_text


def test_calls_of_a_chat(over_script: Gateway) -> None:
    tools = [{"type": "function", "name": name, "parameters": {}} for name in ("a", "b")]
    options = {"model": "m", "input": QUESTION, "tools": tools}
    client = client_of(over_script)
    with client.responses.create(**options, stream=True) as stream:
        assert CALL.fullmatch(order_of(list(stream)))
    with client.responses.stream(**options) as stream:
        put_together = stream.get_final_response()
    for response in (client.responses.create(**options), put_together):
        calls = [(item.type, item.name, json.loads(item.arguments)) for item in response.output]
        assert calls == [("function_call", name, json.loads(given)) for _, name, given in CALLS]
        assert len({item.call_id for item in response.output}) == len(CALLS)


def test_an_answer_follows_its_schema(client: openai.OpenAI, engine: str) -> None:
    options = {**OPTIONS, "model": ENGINES[engine], "max_output_tokens": 80}
    response = client.responses.parse(**options, text_format=City)
    # Made by the package out of the text, which pydantic holds against the model's schema.
    assert isinstance(response.output_parsed, City)
    with client.responses.stream(**options, text_format=City) as stream:
        assert isinstance(stream.get_final_response().output_parsed, City)


def test_a_developer_may_speak_later(client: openai.OpenAI, engine: str) -> None:
    items = [*QUESTION, {"role": "developer", "content": "Answer with one word."}]
    options = {**OPTIONS, "model": ENGINES[engine], "input": items}
    answer = client.responses.with_raw_response.create(**options)
    # The template of a model need not have a place for him there; the user says it.
    assert "emulated=system" in answer.headers["x-rocket-translation"].split(",")
    assert answer.parse().output_text


def test_a_schema_of_one_s_own(client: openai.OpenAI, engine: str) -> None:
    schema = RESPONSES_TOOL["parameters"]
    response = client.responses.create(
        **{**OPTIONS, "model": ENGINES[engine], "max_output_tokens": 80},
        text={"format": {"type": "json_schema", "name": "a", "schema": schema, "strict": True}},
    )
    assert json.loads(response.output_text)["city"] in ("Paris", "Rome")


def create(**more) -> Callable[[openai.OpenAI], object]:
    return lambda client: client.responses.create(**{"model": "chat", **OPTIONS, **more})


def post(body: bytes | dict) -> Callable[[openai.OpenAI], object]:
    """What the package's typed methods would not send."""
    given = {"content": body} if isinstance(body, bytes) else {"body": body}
    return lambda client: client.post("/responses", cast_to=object, **given)


# Name: (the call, the exception, status, words of the message).
Case = tuple[Callable[[openai.OpenAI], object], type[openai.APIStatusError], int, list[str]]
REFUSED = (openai.BadRequestError, 400)
UNKNOWN = (openai.NotFoundError, 404)
BAD: dict[str, Case] = {
    # What refers to something that is not kept.
    "previous_response_id": (
        create(previous_response_id="resp_1"),
        *REFUSED,
        ["resp_1"],
    ),
    "previous_response_id, streamed": (
        create(previous_response_id="resp_1", stream=True),
        *REFUSED,
        ["resp_1"],
    ),
    "conversation": (create(conversation="conv_1"), *REFUSED, ["conversation"]),
    "prompt": (create(prompt={"id": "pmpt_1"}), *REFUSED, ["prompt"]),
    "background": (create(background=True), *REFUSED, ["background"]),
    "invalid JSON": (post(b'{"model": "chat",\n "input": [}'), *REFUSED, ["line 2"]),
    "no input": (post({"model": "chat"}), *REFUSED, ["input"]),
    "model of a wrong type": (create(model=1), *REFUSED, ["model", "string"]),
    "unknown model": (create(model="nonsense"), *UNKNOWN, ["nonsense"]),
    "unknown model, streamed": (create(model="nonsense", stream=True), *UNKNOWN, ["nonsense"]),
    "an answer of before": (lambda client: client.responses.retrieve("resp_1"), *UNKNOWN, []),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str, client: openai.OpenAI) -> None:
    call, expected, *told = BAD[name]
    with pytest.raises(expected) as raised:
        call(client)
    check_error(raised.value, *told)


def check_error(error: openai.APIStatusError, status: int, words: list[str]) -> None:
    assert error.status_code == status
    assert error.code and error.type
    assert error.body["request_id"] == error.response.headers["x-request-id"] == error.request_id
    for word in words:
        assert word in error.message, error.message
    assert "127.0.0.1" not in error.message


def test_what_an_engine_refuses(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        create(temperature="hot")(client)
    assert raised.value.message and raised.value.request_id


# Fault: (exception, status, words).
FAULTS = {
    "status_429": (openai.RateLimitError, 429, []),
    "status_500": (openai.InternalServerError, 502, ["500"]),
    "status_503": (openai.InternalServerError, 503, ["503"]),
    "garbage": (openai.InternalServerError, 502, ["malformed"]),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_upstream_s_fault(fault: str, stream: bool, rocket, fake) -> None:
    expected, *told = FAULTS[fault]
    client = client_of(rocket({"backends": [backend("bad", fake(fault=fault).url)]}))
    with pytest.raises(expected) as raised:
        create(model="m", stream=stream)(client)
    check_error(raised.value, *told)


def test_a_stream_that_breaks_says_so(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("bad", fake(fault="reset_mid_stream").url)]})
    events = []
    with client_of(gateway).responses.create(model="m", **OPTIONS, stream=True) as stream:
        # To the package the failure is an event like others; the connection may break behind it.
        with contextlib.suppress(openai.APIConnectionError):
            for event in stream:
                events.append(event)
    assert events[-1].type == "response.failed"
    assert events[-1].response.status == "failed" and events[-1].response.error.message
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_what_is_lost_is_named(rocket, fake) -> None:
    """A chat has no tools of the provider's own."""
    client = client_of(rocket({"backends": [backend("a", fake().url)]}))
    options = {**OPTIONS, "model": "m", "tools": [{"type": "web_search"}]}
    answer = client.responses.with_raw_response.create(**options)
    assert answer.headers["x-rocket-translation"] == "dropped=tools.web_search"
    with client.responses.with_streaming_response.create(**options, stream=True) as answer:
        assert answer.headers["x-rocket-translation"] == "dropped=tools.web_search"
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.create(**options, extra_headers={"x-rocket-strict": "1"})
    check_error(raised.value, 400, ["tools.web_search"])


def test_an_abort_reaches_the_engine(client: openai.OpenAI, engine: str, at_work: Callable) -> None:
    working = at_work(engine)
    stream = client.responses.create(
        model=ENGINES[engine], input=COUNT, max_output_tokens=1500, stream=True
    )
    texts = (event for event in stream if event.type == "response.output_text.delta")
    for _ in range(3):
        next(texts)
    assert working()
    stream.close()
    # It would go on for some ten seconds otherwise.
    wait_until(f"{engine} has stopped", lambda: not working(), seconds=1)
