"""Where a text is from, and what is sealed of what was thought: Anthropic's API says both, and the
official clients of every dialect read of it what their dialect has words for."""

import ollama
import openai
import pytest
from clients import client_of as openai_client_of
from test_anthropic_sdk import client_of
from test_responses_schema import EVENT, RESPONSE, hold

from harness.gateway import Gateway, backend

URL = "https://example.com/page"
QUESTION = [{"role": "user", "content": "hi"}]
THINKS = {"model": "m", "reasoning": {"effort": "low"}, "max_output_tokens": 9000}


@pytest.fixture
def over(rocket, fake):
    """`over(...)`: a gateway in front of the fake of Anthropic's API that does so."""

    def start(**script) -> Gateway:
        gateway = rocket({"backends": [backend("a", fake("anthropic", **script).url, "anthropic")]})
        gateway.wait_for_models("m")
        return gateway

    return start


def response_of(client: openai.OpenAI, stream: bool, **asked) -> openai.types.responses.Response:
    if not stream:
        made = client.responses.create(**asked)
    else:
        events = list(client.responses.create(**asked, stream=True))
        for event in events:
            hold(EVENT, event.to_dict())
        made = events[-1].response
    hold(RESPONSE, made.to_dict())
    return made


def test_anthropic_s_client_is_told_all_of_it(over) -> None:
    client = client_of(over(cites=True))
    asked = {"model": "m", "max_tokens": 50, "messages": QUESTION}
    told = client.messages.create(**asked).content[0].citations
    assert [one.type for one in told] == ["web_search_result_location", "char_location"]
    assert told[0].url == URL and told[0].encrypted_index
    with client.messages.stream(**asked) as stream:
        assert stream.get_final_message().content[0].citations == told


def test_clients_of_chat_are_told_pages(over) -> None:
    chat = openai_client_of(over(cites=True)).chat.completions
    raw = chat.with_raw_response.create(model="m", messages=QUESTION)
    assert raw.headers["x-rocket-translation"] == "emulated=citations,dropped=citations"
    message = raw.parse().choices[0].message
    [annotation] = message.annotations
    assert annotation.type == "url_citation" and annotation.url_citation.url == URL
    place = annotation.url_citation
    assert (place.start_index, place.end_index) == (0, len(message.content))
    deltas = [
        chunk.choices[0].delta
        for chunk in chat.create(model="m", messages=QUESTION, stream=True)
        if chunk.choices
    ]
    streamed = [one for delta in deltas for one in (delta.to_dict().get("annotations") or [])]
    assert streamed == [annotation.to_dict()]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_clients_of_responses_are_told_pages(stream: bool, over) -> None:
    client = openai_client_of(over(cites=True))
    made = response_of(client, stream, model="m", input=QUESTION)
    [text] = made.output[0].content
    [annotation] = text.annotations
    assert annotation.type == "url_citation" and annotation.url == URL
    assert (annotation.start_index, annotation.end_index) == (0, len(text.text))
    # What is kept has it as well, and a conversation goes on from there.
    kept = client.responses.retrieve(made.id)
    assert kept.output[0].content[0].annotations == text.annotations
    raw = client.responses.with_raw_response.create(
        model="m", input="and?", previous_response_id=made.id
    )
    # Anthropic takes a page back only with its own seal.
    assert "dropped=citations" in raw.headers["x-rocket-translation"]


def test_ollama_s_clients_are_told_that_it_is_lost(over) -> None:
    gateway = over(cites=True)
    said = ollama.Client(host=gateway.url).chat(model="m", messages=QUESTION)
    assert said.message.content
    asked = {"model": "m", "messages": QUESTION, "stream": False}
    answer = gateway.call("POST", "/api/chat", asked)
    assert answer.header("x-rocket-translation") == "dropped=citations"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("kept", [False, True], ids=["sent again", "kept"])
def test_what_claude_seals_comes_back(stream: bool, kept: bool, over) -> None:
    gateway = over(redact=True)
    client = openai_client_of(gateway)
    first = response_of(
        client,
        stream,
        **THINKS,
        input=QUESTION,
        store=kept,
        include=["reasoning.encrypted_content"],
    )
    thinking, redacted, message = first.output
    assert thinking.encrypted_content and redacted.encrypted_content and message.content
    question = {"role": "user", "content": "and?"}
    again = (
        {"input": [question], "previous_response_id": first.id}
        if kept
        else {"input": [*QUESTION, *(item.to_dict() for item in first.output), question]}
    )
    sealed = client.responses.with_raw_response.create(**THINKS, **again, store=kept)
    assert "thinking.signature" not in sealed.headers["x-rocket-translation"]
    assert "redacted_thinking" not in sealed.headers["x-rocket-translation"]
    assert sealed.parse().status == "completed"


def test_through_another_rocket_what_is_sealed_stays_so(over, rocket) -> None:
    inner = over(redact=True, cites=True)
    outer = rocket({"backends": [backend("inner", inner.url, native=["messages"])]})
    outer.wait_for_models("m")
    told = client_of(outer).messages.create(
        model="m",
        max_tokens=2048,
        messages=QUESTION,
        thinking={"type": "enabled", "budget_tokens": 1024},
    )
    assert [block.type for block in told.content] == ["thinking", "redacted_thinking", "text"]
    assert told.content[0].signature
    assert told.content[2].citations[0].url == URL
