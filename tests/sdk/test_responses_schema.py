"""What Rocket says in OpenAI's Responses, held against OpenAI's schemas and its package's models.

Whole responses, every event of every stream, what can be got again, and lists of items.
"""

import json
from collections.abc import Iterator

import openai
import pytest
from clients import RESPONSES_TOOL, client_of
from description import description
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator
from responses_schema import SCHEMA, trimmed

from harness.gateway import Gateway, backend
from harness.wire import Answer

PATH = "/v1/responses"
CITIES = RESPONSES_TOOL["parameters"]
FORMAT = {"type": "json_schema", "name": "a", "schema": CITIES, "strict": True}
# Name: members of the request, besides model and input.
ASKED: dict[str, dict] = {
    "nothing else": {},
    "everything that is said again": {
        "instructions": "be brief",
        "max_output_tokens": 50,
        "metadata": {"a": "b"},
        "parallel_tool_calls": False,
        "reasoning": {"effort": "low", "summary": "auto"},
        "store": True,
        "temperature": 0.5,
        "text": {"format": FORMAT, "verbosity": "low"},
        "tools": [RESPONSES_TOOL],
        "tool_choice": {"type": "function", "name": "weather"},
        "top_p": 0.9,
        "user": "u",
    },
    "a call": {"tools": [RESPONSES_TOOL], "tool_choice": "required"},
    "thinking": {"reasoning": {"effort": "high"}, "max_output_tokens": 4000},
    "JSON": {"text": {"format": {"type": "json_object"}}},
    "no tool": {"tools": [RESPONSES_TOOL], "tool_choice": "none", "store": False},
}
INPUTS: dict[str, object] = {
    "a text": "hi",
    "items": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "yes?"},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "what is it?"},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
            ],
        },
        {"type": "function_call", "call_id": "c", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "rain"},
        {"role": "developer", "content": "and now?"},
    ],
}


def against(name: str) -> Validator:
    schema = json.loads(SCHEMA.read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator({**schema, "$ref": f"#/$defs/{name}"})


RESPONSE = against("Response")
EVENT = against("ResponseStreamEvent")


def hold(validator: Validator, said: object) -> None:
    faults = [f"{each.json_path}: {each.message[:300]}" for each in validator.iter_errors(said)]
    assert not faults, (faults, said)


def events(answer: Answer) -> list[dict]:
    blocks = [block for block in answer.body.decode().split("\n\n") if "data: " in block]
    return [json.loads(block.partition("data: ")[2]) for block in blocks]


def test_the_schema_is_openai_s() -> None:
    assert json.loads(SCHEMA.read_text()) == trimmed(json.loads(description().read_text()))


@pytest.mark.parametrize("said", [{}, {"type": "response.completed"}, {"type": "x"}])
def test_the_schema_refuses(said: dict) -> None:
    assert list(EVENT.iter_errors(said)) and list(RESPONSE.iter_errors(said))


@pytest.fixture(params=["chat", "anthropic", "calls", "refusal"])
def over(request, rocket, fake, over_script: Gateway) -> Gateway:
    """A gateway over a backend that chats, one of Anthropic's, one that calls tools, one that
    refuses."""
    if request.param == "calls":
        return over_script
    if request.param == "chat":
        return rocket({"backends": [backend("a", fake().url)]})
    refuses = request.param == "refusal"
    return rocket({"backends": [backend("a", fake("anthropic", refuse=refuses).url, "anthropic")]})


@pytest.fixture
def strict(over: Gateway) -> openai.OpenAI:
    """A client that holds every answer to the package's models."""
    return client_of(over, _strict_response_validation=True)


@pytest.mark.parametrize("given", INPUTS)
@pytest.mark.parametrize("name", ASKED)
def test_what_is_said_is_what_openai_says(
    name: str, given: str, over: Gateway, strict: openai.OpenAI
) -> None:
    body = {"model": "m", "input": INPUTS[given], **ASKED[name]}
    whole = over.call("POST", PATH, body)
    assert whole.status == 200, whole
    hold(RESPONSE, whole.json())
    said = events(over.call("POST", PATH, {**body, "stream": True}))
    assert said[-1]["type"] in ("response.completed", "response.incomplete")
    for event in said:
        hold(EVENT, event)
        if "response" in event:
            hold(RESPONSE, event["response"])
    strict.responses.create(**body)
    for _ in strict.responses.create(**body, stream=True):
        pass
    if body.get("store") is not False:
        for id in (whole.json()["id"], said[-1]["response"]["id"]):
            hold(RESPONSE, over.call("GET", f"{PATH}/{id}").json())
            check_items(strict, id)


def check_items(strict: openai.OpenAI, id: str) -> None:
    strict.responses.retrieve(id)
    after = strict.responses.create(model="m", input="go on", previous_response_id=id)
    first = list(strict.responses.input_items.list(id, order="asc"))
    listed = list(pages(strict, after.id))
    assert [each.id for each in listed[: len(first)]] == [each.id for each in first]
    assert len({each.id for each in listed}) == len(listed)


def pages(strict: openai.OpenAI, id: str) -> Iterator[openai.BaseModel]:
    page = strict.responses.input_items.list(id, order="asc", limit=2)
    while True:
        assert len(page.data) <= 2
        yield from page.data
        if not page.has_next_page():
            return
        page = page.get_next_page()


def test_a_stream_that_breaks_says_so_as_openai_does(rocket, fake) -> None:
    for fault in ("reset_mid_stream", "status_500"):
        gateway = rocket({"backends": [backend("bad", fake(fault=fault).url)]})
        body = {"model": "m", "input": "hi", "stream": True}
        said = events(gateway.call("POST", PATH, body, cut=None))
        for event in said:
            hold(EVENT, event)
        if said:
            assert said[-1]["type"] == "response.failed"
            hold(RESPONSE, said[-1]["response"])
