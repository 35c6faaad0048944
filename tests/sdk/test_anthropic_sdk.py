"""The official `anthropic` package for Python, over real llama-server and real Ollama."""

import json
import re
from collections.abc import Callable

import anthropic
import pytest
from clients import COUNT, ENGINES, MESSAGES_FORCED, MESSAGES_TOOL, QUESTION, WEATHER
from two_calls import CALLS

from harness.engines import OLLAMA_MODEL
from harness.gateway import Gateway
from harness.waiting import wait_until

# Servers still take a temperature; the package no longer has a name for it.
COLD = {"extra_body": {"temperature": 0}}
OPTIONS = {"messages": QUESTION, "max_tokens": 12, **COLD}
CALLING = {"messages": WEATHER, "tools": [MESSAGES_TOOL], "max_tokens": 64, **COLD}
# The package leaves out the pings that may stand between any two.
ORDER = re.compile(
    r"message_start"
    r"( content_block_start( content_block_delta)* content_block_stop)+"
    r" message_delta message_stop"
)


def client_of(gateway: Gateway, **options) -> anthropic.Anthropic:
    options = {"timeout": 120, "max_retries": 0, "api_key": "unused", **options}
    return anthropic.Anthropic(base_url=gateway.url, **options)


@pytest.fixture
def client(over_real_engines: Gateway) -> anthropic.Anthropic:
    return client_of(over_real_engines)


def text_of(message: anthropic.types.Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def read_by(message: anthropic.types.Message) -> int:
    """How many tokens went in, whether or not they came from a cache."""
    usage = message.usage
    cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
    return usage.input_tokens + cached


def test_message(client: anthropic.Anthropic, engine: str) -> None:
    answer = client.messages.with_raw_response.create(model=ENGINES[engine], **OPTIONS)
    assert answer.headers["x-rocket-backend"] == engine
    message = answer.parse()
    assert (message.type, message.role, message.model) == ("message", "assistant", ENGINES[engine])
    assert message.id and text_of(message)
    assert message.stop_reason in ("end_turn", "max_tokens")
    assert message.usage.input_tokens > 0 and message.usage.output_tokens > 0


def test_stream(client: anthropic.Anthropic, engine: str) -> None:
    whole = client.messages.create(model=ENGINES[engine], **OPTIONS)
    with client.messages.create(model=ENGINES[engine], **OPTIONS, stream=True) as stream:
        events = list(stream)
    assert ORDER.fullmatch(" ".join(event.type for event in events))
    start, delta = events[0].message, events[-2]
    assert (start.role, start.content, start.stop_reason) == ("assistant", [], None)
    starts = [event for event in events if event.type == "content_block_start"]
    assert [each.index for each in starts] == list(range(len(starts)))
    assert {each.content_block.type for each in starts} == {"text"}
    deltas = [event.delta for event in events if event.type == "content_block_delta"]
    assert "".join(each.text for each in deltas) == text_of(whole)
    assert delta.delta.stop_reason == whole.stop_reason
    assert delta.usage.output_tokens == whole.usage.output_tokens


def test_the_package_s_own_stream(client: anthropic.Anthropic, engine: str) -> None:
    with client.messages.stream(model=ENGINES[engine], **OPTIONS) as stream:
        events = list(stream)
        message = stream.get_final_message()
    # The package puts events of its own between those of the wire.
    pieces = [event for event in events if event.type == "text"]
    assert "".join(piece.text for piece in pieces) == text_of(message) == pieces[-1].snapshot
    assert events[-1].type == "message_stop" and events[-1].message == message
    assert message.stop_reason in ("end_turn", "max_tokens")
    assert message.usage.output_tokens > 0
    with client.messages.stream(model=ENGINES[engine], **OPTIONS) as stream:
        assert "".join(stream.text_stream) == text_of(message)


def test_the_beta_s_address(client: anthropic.Anthropic, engine: str) -> None:
    """The same with a query: POST /v1/messages?beta=true."""
    options = {**OPTIONS, "model": ENGINES[engine], "betas": ["interleaved-thinking-2025-05-14"]}
    message = client.beta.messages.create(**options)
    assert text_of(message)
    with client.beta.messages.stream(**options) as stream:
        assert "".join(stream.text_stream) == text_of(message)


@pytest.mark.parametrize("form", ["text", "blocks"])
def test_a_system_prompt_arrives(client: anthropic.Anthropic, engine: str, form: str) -> None:
    texts = ["You are a terse geographer.", "You answer in one word."]
    system = {"text": " ".join(texts), "blocks": [{"type": "text", "text": t} for t in texts]}[form]
    options = {**OPTIONS, "model": ENGINES[engine]}
    without = client.messages.create(**options, system="Hi")
    told = client.messages.create(**options, system=system)
    assert text_of(told)
    assert read_by(told) >= read_by(without) + 8


def test_a_conversation_of_blocks(client: anthropic.Anthropic, engine: str) -> None:
    asked = [{"type": "text", "text": "And of"}, {"type": "text", "text": "Italy?"}]
    messages = [
        *QUESTION,
        {"role": "assistant", "content": [{"type": "text", "text": "Paris."}]},
        {"role": "user", "content": asked},
    ]
    options = {**OPTIONS, "model": ENGINES[engine]}
    short = client.messages.create(**options)
    long = client.messages.create(**{**options, "messages": messages})
    assert text_of(long)
    assert read_by(long) > read_by(short)


def test_max_tokens_are_told(client: anthropic.Anthropic, engine: str) -> None:
    options = {"model": ENGINES[engine], "messages": COUNT, "max_tokens": 4, **COLD}
    message = client.messages.create(**options)
    with client.messages.stream(**options) as stream:
        streamed = stream.get_final_message()
    for each in (message, streamed):
        assert each.stop_reason == "max_tokens" and each.stop_sequence is None
        assert 0 < each.usage.output_tokens <= 4


def test_a_stop_sequence_ends_it(client: anthropic.Anthropic, engine: str) -> None:
    options = {**OPTIONS, "model": ENGINES[engine]}
    whole = text_of(client.messages.create(**options))
    word = whole.split()[-1]
    message = client.messages.create(**options, stop_sequences=[word, "nothing says this"])
    assert text_of(message).strip() == whole[: whole.index(word)].strip()
    # Not every engine tells that it was a stop, or which.
    assert message.stop_reason in ("stop_sequence", "end_turn")
    assert message.stop_sequence in (word, None)


def check_call(message: anthropic.types.Message) -> None:
    """One call of the tool, whole, with an input that its schema allows."""
    assert message.stop_reason == "tool_use"
    assert not text_of(message)
    (call,) = [block for block in message.content if block.type == "tool_use"]
    assert call.id and call.name == "weather"
    assert call.input.keys() == {"city"} and call.input["city"] in ("Paris", "Rome")


def test_a_tool_is_called(client: anthropic.Anthropic, engine: str) -> None:
    check_call(client.messages.create(**CALLING, **MESSAGES_FORCED[engine]))


def test_a_tool_is_called_in_a_stream(client: anthropic.Anthropic, engine: str) -> None:
    with client.messages.stream(**CALLING, **MESSAGES_FORCED[engine]) as stream:
        events = list(stream)
        message = stream.get_final_message()
    check_call(message)
    (start,) = [
        event
        for event in events
        if event.type == "content_block_start" and event.content_block.type == "tool_use"
    ]
    assert start.content_block.name == "weather"
    pieces = [event.partial_json for event in events if event.type == "input_json"]
    assert json.loads("".join(pieces)) == message.content[start.index].input


def test_a_tool_s_result_is_taken_back(client: anthropic.Anthropic, engine: str) -> None:
    called = client.messages.create(**CALLING, **MESSAGES_FORCED[engine])
    result = {
        "type": "tool_result",
        "tool_use_id": called.content[-1].id,
        "content": [{"type": "text", "text": "Rain."}],
    }
    messages = [
        *WEATHER,
        {"role": "assistant", "content": called.content},
        {"role": "user", "content": [result, {"type": "text", "text": "And now?"}]},
    ]
    model = MESSAGES_FORCED[engine]["model"]
    options = {"model": model, "messages": messages, "max_tokens": 8, **COLD}
    message = client.messages.create(**options)
    assert text_of(message)
    with client.messages.stream(**options) as stream:
        assert "".join(stream.text_stream) == text_of(message)


def test_two_calls_are_two_blocks(over_script: Gateway) -> None:
    tools = [{"name": name, "input_schema": {"type": "object"}} for name in ("a", "b")]
    options = {"model": "m", "messages": QUESTION, "max_tokens": 64, "tools": tools}
    client = client_of(over_script)
    with client.messages.create(**options, stream=True) as stream:
        assert ORDER.fullmatch(" ".join(event.type for event in stream))
    with client.messages.stream(**options) as stream:
        put_together = stream.get_final_message()
    for message in (client.messages.create(**options), put_together):
        assert message.stop_reason == "tool_use"
        blocks = [(block.type, block.name, block.input) for block in message.content]
        assert blocks == [("tool_use", name, json.loads(given)) for _, name, given in CALLS]
        assert len({block.id for block in message.content}) == len(CALLS)


def test_an_answer_follows_its_schema(client: anthropic.Anthropic, engine: str) -> None:
    schema = MESSAGES_TOOL["input_schema"]
    message = client.messages.create(
        **{**OPTIONS, "model": ENGINES[engine], "max_tokens": 80},
        output_config={"format": {"type": "json_schema", "schema": schema}},
    )
    assert json.loads(text_of(message))["city"] in ("Paris", "Rome")


def test_tokens_are_counted(client: anthropic.Anthropic, engine: str) -> None:
    def count(**more) -> int:
        options = {"model": ENGINES[engine], "messages": QUESTION, **more}
        return client.messages.count_tokens(**options).input_tokens

    longer = [{"role": "user", "content": QUESTION[0]["content"] * 10}]
    assert 0 < count() < count(messages=longer)
    # A template may have a system prompt of its own, where there is none.
    assert count(system="Hi") < count(system="You are a terse geographer.")


def test_models(client: anthropic.Anthropic) -> None:
    # The package would go on to further pages, if it were told of any.
    models = list(client.models.list())
    assert {model.id for model in models} >= {"chat", "tools", OLLAMA_MODEL}
    for model in models:
        assert model.type == "model" and model.display_name and model.created_at


def test_whether_anybody_is_there(over_real_engines: Gateway) -> None:
    answer = over_real_engines.call("HEAD", "/")
    assert (answer.status, answer.body) == (200, b"")


def test_an_abort_reaches_the_engine(
    client: anthropic.Anthropic, engine: str, at_work: Callable
) -> None:
    working = at_work(engine)
    with client.messages.stream(model=ENGINES[engine], messages=COUNT, max_tokens=1500) as stream:
        texts = stream.text_stream
        for _ in range(3):
            next(texts)
        assert working()
    # It would go on for some ten seconds otherwise.
    wait_until(f"{engine} has stopped", lambda: not working(), seconds=1)
