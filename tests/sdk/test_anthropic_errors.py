"""What goes wrong, as the official `anthropic` package for Python tells it: its own exceptions."""

from collections.abc import Callable

import anthropic
import pytest
from clients import QUESTION
from test_anthropic_sdk import client_of

from harness.gateway import Gateway, backend

OPTIONS = {"model": "m", "messages": QUESTION, "max_tokens": 8}


def post(body: bytes | dict) -> Callable[[anthropic.Anthropic], object]:
    """What the package's typed methods would not send."""
    given = {"content": body} if isinstance(body, bytes) else {"body": body}
    return lambda client: client.post("/v1/messages", cast_to=object, **given)


def message(**more) -> Callable[[anthropic.Anthropic], object]:
    return lambda client: client.messages.create(**{**OPTIONS, **more})


# Name: (the call, the exception, status, type, words of the message).
Case = tuple[
    Callable[[anthropic.Anthropic], object], type[anthropic.APIStatusError], int, str, list[str]
]
REFUSED = (anthropic.BadRequestError, 400, "invalid_request_error")
BAD: dict[str, Case] = {
    "invalid JSON": (post(b'{"model": "m",\n "messages": [}'), *REFUSED, ["line 2"]),
    "no object": (post(b"[]"), *REFUSED, ["JSON object"]),
    "no messages": (post({"model": "m", "max_tokens": 8}), *REFUSED, ["messages"]),
    "messages of a wrong type": (message(messages="text"), *REFUSED, ["messages", "list"]),
    "model of a wrong type": (message(model=1), *REFUSED, ["model", "string"]),
    "unknown backend": (
        message(extra_headers={"x-rocket-backend": "nonsense"}),
        *REFUSED,
        ["nonsense"],
    ),
    "unknown model": (
        message(model="nonsense"),
        anthropic.NotFoundError,
        404,
        "not_found_error",
        ["nonsense"],
    ),
    "unknown model, streamed": (
        message(model="nonsense", stream=True),
        anthropic.NotFoundError,
        404,
        "not_found_error",
        ["nonsense"],
    ),
    "unknown model, counted": (
        lambda client: client.messages.count_tokens(model="nonsense", messages=QUESTION),
        anthropic.NotFoundError,
        404,
        "not_found_error",
        ["nonsense"],
    ),
}


def check(error: anthropic.APIStatusError, status: int, kind: str, words: list[str]) -> None:
    assert error.status_code == error.response.status_code == status
    assert error.body["type"] == "error" and error.type == kind
    assert error.body["request_id"] == error.response.headers["x-request-id"]
    for word in words:
        assert word in error.api_message, error.api_message
    assert "127.0.0.1" not in error.api_message


@pytest.fixture
def over_fake(rocket, fake) -> Gateway:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    gateway.wait_for_models("m")
    return gateway


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str, over_fake: Gateway) -> None:
    call, expected, *told = BAD[name]
    client = client_of(over_fake)
    with pytest.raises(expected) as raised:
        call(client)
    check(raised.value, *told)
    # Nothing of it stays behind: the same client goes on.
    assert message()(client).content


def test_what_an_engine_refuses(over_real_engines: Gateway) -> None:
    with pytest.raises(anthropic.BadRequestError) as raised:
        message(model="chat", extra_body={"temperature": "hot"})(client_of(over_real_engines))
    assert raised.value.body["type"] == "error"
    assert raised.value.type == "invalid_request_error" and raised.value.api_message


# Fault: (exception, status, type, words).
FAULTS = {
    "status_429": (anthropic.RateLimitError, 429, "rate_limit_error", []),
    "status_500": (anthropic.InternalServerError, 502, "api_error", ["500"]),
    "status_503": (anthropic.OverloadedError, 529, "overloaded_error", ["503"]),
    "garbage": (anthropic.InternalServerError, 502, "api_error", ["malformed"]),
    "reset_before_head": (anthropic.InternalServerError, 502, "api_error", ["closed"]),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_upstream_s_fault(fault: str, stream: bool, rocket, fake) -> None:
    expected, *told = FAULTS[fault]
    client = client_of(rocket({"backends": [backend("bad", fake(fault=fault).url)]}))
    with pytest.raises(expected) as raised:
        message(stream=stream)(client)
    check(raised.value, *told)


def test_a_timeout_is_told(rocket, fake) -> None:
    slow = backend("slow", fake(fault="hang_before_head").url)
    client = client_of(rocket({"backends": [slow], "timeouts": {"total": "300ms"}}))
    with pytest.raises(anthropic.GatewayTimeoutError) as raised:
        message()(client)
    check(raised.value, 504, "timeout_error", ["timeouts.total"])


def test_a_stream_that_breaks_raises(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("bad", fake(fault="reset_mid_stream").url)]})
    stream = client_of(gateway).messages.create(**OPTIONS, stream=True)
    with pytest.raises(anthropic.APIStatusError) as raised:
        list(stream)
    # The error event itself, not merely a connection that broke. Its type is all that says whether
    # somebody has too much to do, as its status is the stream's.
    assert raised.value.body["type"] == "error" and raised.value.api_message
    assert raised.value.type == "api_error"


# A tool's failure has no words in a chat.
FAILED = [
    *QUESTION,
    {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": "toolu_1", "name": "a", "input": {}}],
    },
    {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "toolu_1", "content": "no", "is_error": True}
        ],
    },
]


def test_what_is_lost_is_named(over_fake: Gateway) -> None:
    options = {**OPTIONS, "messages": FAILED}
    client = client_of(over_fake)
    answer = client.messages.with_raw_response.create(**options)
    assert answer.headers["x-rocket-translation"] == "dropped=tool_result.is_error"
    with client.messages.with_streaming_response.create(**options, stream=True) as answer:
        assert answer.headers["x-rocket-translation"] == "dropped=tool_result.is_error"
    with pytest.raises(anthropic.BadRequestError) as raised:
        client.messages.create(**options, extra_headers={"x-rocket-strict": "1"})
    check(raised.value, 400, "invalid_request_error", ["tool_result.is_error"])
