"""What Anthropic's API says that no server here does: thinking that is signed and sealed, a cache,
refusals, limits, an overloaded provider, pings. Through Rocket to its own clients byte by byte, and
to clients of OpenAI's and Ollama's as far as those have words for it."""

import json

import anthropic
import ollama
import openai
import pytest
from clients import client_of as openai_client_of
from test_anthropic_sdk import client_of

from harness.fake import Fake
from harness.gateway import Gateway, backend

THINKS = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2048}
ASKED = {"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}
CACHED = [
    {"type": "text", "text": "Be brief, and be so again.", "cache_control": {"type": "ephemeral"}}
]


def direct(fake: Fake) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=fake.url, api_key="unused", max_retries=0)


@pytest.fixture
def over(rocket):
    """`over(fake)`: a gateway in front of it."""

    def start(fake: Fake) -> Gateway:
        gateway = rocket({"backends": [backend("a", fake.url, "anthropic")]})
        gateway.wait_for_models("m")
        return gateway

    return start


def final(client: anthropic.Anthropic, **asked) -> anthropic.types.Message:
    with client.messages.stream(**asked) as stream:
        return stream.get_final_message()


def without_id(message) -> dict:
    return {key: value for key, value in message.to_dict().items() if key != "id"}


def said(message) -> list[dict]:
    """The blocks of a message, of whatever class the client makes them."""
    return [block.model_dump(exclude_none=True) for block in message.content]


def test_sealed_and_signed_thinking_passes_both_ways(fake, over) -> None:
    provider = fake("anthropic", redact=True)
    client, itself = client_of(over(provider)), direct(provider)
    asked = {**ASKED, **THINKS}
    told = client.messages.create(**asked)
    assert [block.type for block in told.content] == ["thinking", "redacted_thinking", "text"]
    assert told.content[0].signature and told.content[1].data
    assert without_id(told) == without_id(itself.messages.create(**asked))
    streamed = final(client, **asked)
    assert said(streamed) == said(final(itself, **asked)) == said(told)
    # Said again, nothing of it is changed: the provider itself takes it.
    again = [*ASKED["messages"], {"role": "assistant", "content": told.to_dict()["content"]}]
    again.append({"role": "user", "content": "and?"})
    raw = client.messages.with_raw_response.create(**{**asked, "messages": again})
    assert "x-rocket-translation" not in raw.headers
    assert raw.parse().content == told.content


def test_what_others_can_not_be_told_of_it_is_named(fake, over) -> None:
    client = openai_client_of(over(fake("anthropic", redact=True)))
    raw = client.chat.completions.with_raw_response.create(
        model="m", messages=ASKED["messages"], reasoning_effort="low", max_tokens=4096
    )
    lost = raw.headers["x-rocket-translation"]
    assert "dropped=redacted_thinking" in lost and "dropped=thinking.signature" in lost
    message = raw.parse().choices[0].message
    assert message.content and message.model_extra["reasoning_content"]


def test_usage_with_a_cache_is_exact_in_every_dialect(fake, over) -> None:
    provider = fake("anthropic")
    gateway = over(provider)
    asked = {**ASKED, "system": CACHED}
    usage = direct(provider).messages.create(**asked).usage
    read, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
    assert usage.input_tokens and read and written and usage.output_tokens
    all_in = usage.input_tokens + read + written
    assert client_of(gateway).messages.create(**asked).usage == usage
    end = final(client_of(gateway), **asked).usage
    assert (end.input_tokens, end.output_tokens) == (usage.input_tokens, usage.output_tokens)

    # A chat can not ask for a cache, so its own words are put beside the same prompt's.
    whole = gateway.call("POST", "/v1/messages", asked).json()["usage"]
    line = gateway.access_lines(3)[-1]
    assert (line["tokens_in"], line["tokens_out"]) == (all_in, whole["output_tokens"])


def test_a_refusal_is_told(fake, over) -> None:
    gateway = over(fake("anthropic", refuse=True))
    client = client_of(gateway)
    assert client.messages.create(**ASKED).stop_reason == "refusal"
    assert final(client, **ASKED).stop_reason == "refusal"
    chat = openai_client_of(gateway).chat.completions
    told = chat.create(model="m", messages=ASKED["messages"]).choices[0]
    assert told.finish_reason == "content_filter" and told.message.content in (None, "")
    last = list(chat.create(model="m", messages=ASKED["messages"], stream=True))[-1]
    assert last.choices[0].finish_reason == "content_filter"
    said = ollama.Client(host=gateway.url).chat(model="m", messages=ASKED["messages"])
    assert said.done and said.message.content == ""


def test_a_ping_disturbs_nobody(fake, over) -> None:
    provider = fake("anthropic")
    gateway = over(provider)
    body = {**ASKED, "stream": True}
    assert b"event: ping" in gateway.call("POST", "/v1/messages", body).body
    assert final(client_of(gateway), **ASKED).content
    chunks = openai_client_of(gateway).chat.completions.create(
        model="m", messages=ASKED["messages"], stream=True
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_limits_and_an_overloaded_provider(stream: bool, rocket, fake) -> None:
    asked = {**ASKED, "stream": stream}
    retry = {"backoff": "1ms", "retry_after_max": "1s"}
    for fault, expected, status in (
        ("status_429", anthropic.RateLimitError, 429),
        ("status_529", anthropic.OverloadedError, 529),
    ):
        provider = fake("anthropic", fault=fault, retry_after="7")
        gateway = rocket({"backends": [backend("a", provider.url, "anthropic")], "retry": retry})
        gateway.wait_for_models("m")
        with pytest.raises(expected) as raised:
            client_of(gateway).messages.create(**asked)
        assert raised.value.status_code == status
        assert int(raised.value.response.headers["retry-after"]) in range(1, 8)
        # It is this key, or the provider: another backend answers either.
        backends = [*gateway.config["backends"], backend("b", fake().url)]
        both = rocket({"backends": backends, "order": ["a", "b"], "retry": retry})
        both.wait_for_models("m")
        answer = both.call("POST", "/v1/messages", asked)
        assert answer.status == 200 and answer.header("x-rocket-backend") == "b"


def test_what_is_left_of_the_limits_is_told(fake, over) -> None:
    """That it is heeded, too, is Choosing.WhoIsAboutToRunIntoALimitIsSpared."""
    raw = client_of(over(fake("anthropic", requests_left=7))).messages.with_raw_response
    told = raw.create(**ASKED).headers
    assert told["anthropic-ratelimit-requests-remaining"] == "7"
    assert told["anthropic-ratelimit-input-tokens-limit"]


def test_a_provider_that_breaks_off_says_so(rocket, fake) -> None:
    provider = fake("anthropic", fault="error_event_mid_stream", at=5, event_delay_ms=20)
    gateway = rocket({"backends": [backend("a", provider.url, "anthropic")]})
    gateway.wait_for_models("m")
    stream = client_of(gateway).messages.create(**ASKED, stream=True)
    with pytest.raises(anthropic.APIStatusError) as raised:
        list(stream)
    assert raised.value.body["error"]["type"] == "overloaded_error"
    chunks = openai_client_of(gateway).chat.completions.create(
        model="m", messages=ASKED["messages"], stream=True
    )
    with pytest.raises(openai.APIError):
        list(chunks)
    lines = gateway.call("POST", "/api/chat", {**ASKED, "stream": True}, cut=None).body.splitlines()
    assert json.loads(lines[-1])["error"] and not any(json.loads(x).get("done") for x in lines)


def test_the_key_and_the_betas_are_the_provider_s(rocket, fake, tmp_path) -> None:
    """A client's key opens the gateway, never the provider."""
    (tmp_path / "key").write_text("sk-ant-provider")
    provider = fake("anthropic", api_key="sk-ant-provider")
    config = backend("a", provider.url, "anthropic", api_key_file=str(tmp_path / "key"))
    gateway = rocket({"backends": [config]})
    gateway.wait_for_models("m")
    client = client_of(gateway)
    assert client.beta.messages.create(**ASKED, betas=["context-1m-2025-08-07"]).content
    assert client.messages.count_tokens(model="m", messages=ASKED["messages"]).input_tokens > 0
    with pytest.raises(anthropic.AuthenticationError):
        direct(provider).messages.create(**ASKED)
