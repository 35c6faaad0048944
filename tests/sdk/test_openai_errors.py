"""What goes wrong, as the official `openai` package for Python tells it: its own exceptions."""

import time
from collections.abc import Callable, Iterator

import openai
import pytest
from clients import QUESTION, client_of

from harness.fake import Fake
from harness.gateway import Gateway, backend

BODY_BYTES = 4096


@pytest.fixture(scope="module")
def over_fake(tmp_path_factory) -> Iterator[openai.OpenAI]:
    """A client of a gateway with a small limit, over one fake. Nothing here changes its state."""
    folder = tmp_path_factory.mktemp("errors")
    upstream = Fake(folder / "fake")
    backends = [backend("a", upstream.url), backend("b", upstream.url)]
    config = {"backends": backends, "order": ["a"], "limits": {"body_bytes": BODY_BYTES}}
    gateway = Gateway(config, folder)
    try:
        gateway.wait_for_models("m")
        yield client_of(gateway)
        gateway.finish()
    finally:
        gateway.program.stop()
        upstream.program.stop()


def post(body: bytes | dict, path: str = "/chat/completions") -> Callable[[openai.OpenAI], object]:
    """What the package's typed methods would not send."""
    given = {"content": body} if isinstance(body, bytes) else {"body": body}
    return lambda client: client.post(path, cast_to=object, **given)


def chat(**more) -> Callable[[openai.OpenAI], object]:
    options = {"model": "m", "messages": QUESTION, **more}
    return lambda client: client.chat.completions.create(**options)


# Name: (the call, the exception, status, code, words of the message).
Case = tuple[Callable[[openai.OpenAI], object], type[openai.APIStatusError], int, str, list[str]]
BAD: dict[str, Case] = {
    "invalid JSON": (
        post(b'{"model": "m",\n "messages": [}'),
        openai.BadRequestError,
        400,
        "invalid_json",
        ["line 2", "column 15"],
    ),
    "no object": (post(b"[]"), openai.BadRequestError, 400, "invalid_json", ["JSON object"]),
    "nothing": (post(b""), openai.BadRequestError, 400, "invalid_json", ["empty"]),
    "no messages": (
        post({"model": "m"}),
        openai.BadRequestError,
        400,
        "invalid_field",
        ["messages"],
    ),
    "no prompt, which the backend tells": (
        post({"model": "m"}, "/completions"),
        openai.BadRequestError,
        400,
        "400",
        ["prompt"],
    ),
    "no input": (
        post({"model": "m"}, "/embeddings"),
        openai.BadRequestError,
        400,
        "invalid_field",
        ["input"],
    ),
    "messages of a wrong type": (
        chat(messages="text"),
        openai.BadRequestError,
        400,
        "invalid_field",
        ["messages", "list"],
    ),
    "model of a wrong type": (
        chat(model=1),
        openai.BadRequestError,
        400,
        "invalid_field",
        ["model", "string"],
    ),
    "stream of a wrong type": (
        post({"model": "m", "messages": QUESTION, "stream": "yes"}),
        openai.BadRequestError,
        400,
        "invalid_field",
        ["stream"],
    ),
    "unknown backend": (
        chat(extra_body={"backend": "nonsense"}),
        openai.BadRequestError,
        400,
        "unknown_backend",
        ["nonsense", "a, b"],
    ),
    "unknown backend by header": (
        chat(extra_headers={"x-rocket-backend": "nonsense"}),
        openai.BadRequestError,
        400,
        "unknown_backend",
        ["nonsense", "a, b"],
    ),
    "unknown model": (
        chat(model="nonsense"),
        openai.NotFoundError,
        404,
        "model_not_found",
        ["nonsense"],
    ),
    "unknown model, retrieved": (
        lambda client: client.models.retrieve("nonsense"),
        openai.NotFoundError,
        404,
        "model_not_found",
        ["nonsense"],
    ),
    "unknown path": (
        lambda client: client.images.generate(prompt="x"),
        openai.NotFoundError,
        404,
        "path_not_found",
        ["/v1/images/generations"],
    ),
    "wrong method": (
        lambda client: client.get("/chat/completions", cast_to=object),
        openai.APIStatusError,
        405,
        "method_not_allowed",
        ["POST"],
    ),
    "a model can not be deleted": (
        lambda client: client.models.delete("m"),
        openai.APIStatusError,
        405,
        "method_not_allowed",
        ["GET"],
    ),
    "too large": (
        chat(messages=[{"role": "user", "content": "x" * BODY_BYTES}]),
        openai.APIStatusError,
        413,
        "body_too_large",
        ["limits.body_bytes"],
    ),
}


def check(error: openai.APIStatusError, status: int, code: str, words: list[str]) -> None:
    assert error.status_code == error.response.status_code == status
    assert error.code == code
    assert error.request_id == error.response.headers["x-request-id"]
    for word in words:
        assert word in error.message, error.message
    assert "127.0.0.1" not in error.message


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str, over_fake: openai.OpenAI) -> None:
    call, expected, *told = BAD[name]
    with pytest.raises(expected) as raised:
        call(over_fake)
    check(raised.value, *told)
    # Nothing of it stays behind: the same client goes on.
    assert chat()(over_fake).choices


def test_405_names_what_is_allowed(over_fake: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as raised:
        over_fake.get("/embeddings", cast_to=object)
    assert set(raised.value.response.headers["allow"].split(", ")) == {"POST", "OPTIONS"}


def test_a_body_far_beyond_the_limit_is_told_not_reset(over_fake: openai.OpenAI) -> None:
    """A client that is still sending when the answer comes has to get to read it."""
    for megabytes in (1, 8):
        with pytest.raises(openai.APIStatusError) as raised:
            post(b"x" * (megabytes << 20))(over_fake)
        check(raised.value, 413, "body_too_large", ["limits.body_bytes"])


def test_what_an_engine_refuses(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="chat", messages=QUESTION, temperature="hot")
    assert raised.value.message and raised.value.request_id


# Fault: (exception, status, code and words if whole, and if streamed).
FAULTS = {
    "status_429": (openai.RateLimitError, 429, "upstream_limited", []),
    "status_500": (openai.InternalServerError, 502, "upstream_status", ["500"]),
    "status_503": (openai.InternalServerError, 503, "upstream_unavailable", ["503"]),
    "garbage": (openai.InternalServerError, 502, "upstream_garbage", ["malformed"]),
    "reset_before_head": (openai.InternalServerError, 502, "upstream_closed", ["closed"]),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_upstream_s_fault(fault: str, stream: bool, rocket, fake) -> None:
    expected, *told = FAULTS[fault]
    client = client_of(rocket({"backends": [backend("bad", fake(fault=fault).url)]}))
    with pytest.raises(expected) as raised:
        chat(stream=stream)(client)
    check(raised.value, *told)


# Phase: (the fault, whether streamed, code).
PHASES = {
    "first_token": ("hang_before_head", True, "first_token_timeout"),
    "total": ("hang_before_head", False, "total_timeout"),
}


@pytest.mark.parametrize("phase", PHASES)
def test_a_timeout_names_its_phase(phase: str, rocket, fake) -> None:
    fault, stream, code = PHASES[phase]
    config = {"backends": [backend("slow", fake(fault=fault).url)], "timeouts": {phase: "300ms"}}
    client = client_of(rocket(config))
    start = time.monotonic()
    with pytest.raises(openai.InternalServerError) as raised:
        chat(stream=stream)(client)
    check(raised.value, 504, code, [f"timeouts.{phase}"])
    assert time.monotonic() - start < 5


def test_nobody_is_there_any_more(rocket, fake) -> None:
    gone = fake()
    client = client_of(rocket({"backends": [backend("a", gone.url)]}))
    gone.kill()
    for stream in (False, True):
        with pytest.raises(openai.InternalServerError) as raised:
            chat(stream=stream)(client)
        assert raised.value.status_code == 503
        assert raised.value.response.headers["retry-after"]


def test_a_stream_that_breaks_raises(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("bad", fake(fault="reset_mid_stream").url)]})
    stream = client_of(gateway).chat.completions.create(model="m", messages=QUESTION, stream=True)
    with pytest.raises(openai.APIError) as raised:
        list(stream)
    # The error event itself, not merely a connection that broke.
    assert raised.value.code == "upstream_closed"


def test_nobody_there_is_a_connection_error(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    client = client_of(gateway)
    gateway.finish()
    with pytest.raises(openai.APIConnectionError):
        client.models.list()


def test_the_package_s_retries_find_the_backend_that_came_back(rocket, fake) -> None:
    first = fake()
    config = {"backends": [backend("a", first.url)], "health": {"interval": "200ms"}}
    gateway = rocket(config)
    first.kill()
    with pytest.raises(openai.InternalServerError):
        client_of(gateway).chat.completions.create(model="m", messages=QUESTION)
    fake(port=first.port)
    answer = client_of(gateway, max_retries=5).chat.completions.create(model="m", messages=QUESTION)
    assert answer.choices
