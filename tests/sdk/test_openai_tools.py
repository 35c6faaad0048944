"""Tool calls and answers that follow a schema: the official `openai` package for Python."""

import json

import openai
import pytest
from clients import ENGINES, FORCED, QUESTION, TOOL, WEATHER, City, client_of
from two_calls import CALLS, PIECES, TWO_TOOLS

from harness.gateway import Gateway

OPTIONS = {"messages": WEATHER, "tools": [TOOL], "temperature": 0, "max_tokens": 64}


def check(completion, text: str = "") -> None:
    """One call of the tool, whole, with arguments that its schema allows."""
    (choice,) = completion.choices
    assert choice.finish_reason == "tool_calls"
    assert (choice.message.content or "") == text
    (call,) = choice.message.tool_calls
    assert call.type == "function" and call.id
    assert call.function.name == "weather"
    arguments = json.loads(call.function.arguments)
    assert arguments.keys() == {"city"} and arguments["city"] in ("Paris", "Rome")


def test_a_tool_is_called(client: openai.OpenAI, engine: str) -> None:
    check(client.chat.completions.create(**OPTIONS, **FORCED[engine]))


def test_a_tool_is_called_in_a_stream(client: openai.OpenAI, engine: str) -> None:
    with client.chat.completions.stream(**OPTIONS, **FORCED[engine]) as stream:
        events = list(stream)
        completion = stream.get_final_completion()
    check(completion)
    (done,) = [e for e in events if e.type == "tool_calls.function.arguments.done"]
    assert done.name == "weather" and done.arguments
    # The package has put them together out of these.
    deltas = [e.arguments_delta for e in events if e.type == "tool_calls.function.arguments.delta"]
    assert "".join(deltas) == done.arguments
    assert engine != "llama" or len(deltas) > 1


def test_a_tool_s_answer_is_taken_back(client: openai.OpenAI, engine: str) -> None:
    called = client.chat.completions.create(**OPTIONS, **FORCED[engine]).choices[0].message
    messages = [
        *WEATHER,
        called,
        {"role": "tool", "tool_call_id": called.tool_calls[0].id, "content": "Rain."},
    ]
    answer = client.chat.completions.create(
        model=FORCED[engine]["model"], messages=messages, temperature=0, max_tokens=8
    )
    assert answer.choices[0].message.content


# llama-server holds what is said beside a call to the template's format, which this model is free
# to miss, and then answers 500: there, it is asked by its own template.
MAY_CALL = {**ENGINES, "ollama": FORCED["ollama"]["model"]}


@pytest.mark.parametrize("choice", ["auto", "none"])
def test_tools_need_not_be_called(client: openai.OpenAI, engine: str, choice: str) -> None:
    options = {**OPTIONS, "model": MAY_CALL[engine], "max_tokens": 8, "tool_choice": choice}
    assert client.chat.completions.create(**options).choices[0].finish_reason
    with client.chat.completions.create(**options, stream=True) as stream:
        assert [c.choices[0].finish_reason for c in stream if c.choices][-1]


def test_ollama_calls_none_where_it_is_to_call_none(client: openai.OpenAI) -> None:
    """Its model says something that would be taken for a call, if a tool had been shown to it."""
    answer = client.chat.completions.with_raw_response.create(
        **OPTIONS, **FORCED["ollama"], tool_choice="none"
    )
    assert answer.headers["x-rocket-translation"] == "emulated=tool_choice,emulated=tools"
    (choice,) = answer.parse().choices
    assert not choice.message.tool_calls and choice.message.content
    assert choice.finish_reason == "stop"


def test_what_ollama_does_not_heed_of_tools_is_told(client: openai.OpenAI) -> None:
    forced = {"type": "function", "function": {"name": "weather"}}
    answer = client.chat.completions.with_raw_response.create(
        **OPTIONS, **FORCED["ollama"], tool_choice=forced, parallel_tool_calls=False
    )
    lost = "dropped=parallel_tool_calls,dropped=tool_choice"
    assert answer.headers["x-rocket-translation"] == lost
    check(answer.parse())


def test_an_answer_follows_its_schema(client: openai.OpenAI, engine: str) -> None:
    options = {"model": ENGINES[engine], "messages": QUESTION, "temperature": 0, "max_tokens": 80}
    answer = client.chat.completions.parse(**options, response_format=City)
    # Made by the package out of the text, which pydantic holds against the model's schema.
    assert isinstance(answer.choices[0].message.parsed, City)
    with client.chat.completions.stream(**options, response_format=City) as stream:
        assert isinstance(stream.get_final_completion().choices[0].message.parsed, City)


def test_json_mode(client: openai.OpenAI, engine: str) -> None:
    answer = client.chat.completions.create(
        model=ENGINES[engine],
        messages=[{"role": "user", "content": 'Say {"ok": true} as JSON.'}],
        temperature=0,
        max_tokens=64,
        response_format={"type": "json_object"},
    )
    choice = answer.choices[0]
    assert choice.message.content.lstrip().startswith("{")
    if choice.finish_reason == "stop":
        assert isinstance(json.loads(choice.message.content), dict)


def test_calls_pass_as_they_came(over_script: Gateway) -> None:
    options = {"model": "m", "messages": QUESTION, "tools": TWO_TOOLS}
    client = client_of(over_script)
    whole = client.chat.completions.create(**options)
    with client.chat.completions.create(**options, stream=True) as stream:
        deltas = [chunk.choices[0].delta.to_dict() for chunk in stream]
    assert deltas == [*PIECES, {}]
    with client.chat.completions.stream(**options) as stream:
        put_together = stream.get_final_completion()
    for completion in (whole, put_together):
        assert completion.choices[0].finish_reason == "tool_calls"
        calls = completion.choices[0].message.tool_calls
        assert [(c.id, c.function.name, c.function.arguments) for c in calls] == CALLS
