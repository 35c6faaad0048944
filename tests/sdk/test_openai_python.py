"""The official `openai` package for Python, over real llama-server and real Ollama."""

import asyncio
import json

import openai
import pytest

from harness.engines import OLLAMA_MODEL
from harness.gateway import Gateway, backend
from harness.waiting import wait_until

# Who answers, and the model's name there.
ENGINES = {"llama": "chat", "ollama": OLLAMA_MODEL}
QUESTION = [{"role": "user", "content": "What is the capital of France?"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 12}, "big": {"type": "boolean"}},
    "required": ["city", "big"],
    "additionalProperties": False,
}


def client_of(gateway: Gateway, **options) -> openai.OpenAI:
    options = {"timeout": 120, "max_retries": 0, "api_key": "unused", **options}
    return openai.OpenAI(base_url=f"{gateway.url}/v1", **options)


@pytest.fixture
def client(over_real_engines: Gateway) -> openai.OpenAI:
    return client_of(over_real_engines)


@pytest.fixture(params=ENGINES)
def engine(request) -> str:
    return request.param


def test_chat(client: openai.OpenAI, engine: str) -> None:
    answer = client.chat.completions.with_raw_response.create(
        model=ENGINES[engine], messages=QUESTION, max_tokens=12, temperature=0
    )
    assert answer.headers["x-rocket-backend"] == engine
    completion = answer.parse()
    assert completion.model_extra["_backend"] == engine
    assert completion.choices[0].message.content
    assert completion.usage.completion_tokens > 0


def test_stream(client: openai.OpenAI, engine: str) -> None:
    whole = client.chat.completions.create(
        model=ENGINES[engine], messages=QUESTION, max_tokens=12, temperature=0, seed=1
    )
    with client.chat.completions.create(
        model=ENGINES[engine],
        messages=QUESTION,
        max_tokens=12,
        temperature=0,
        seed=1,
        stream=True,
        stream_options={"include_usage": True},
    ) as stream:
        chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] in ("stop", "length")


def test_stream_without_usage(client: openai.OpenAI, engine: str) -> None:
    with client.chat.completions.create(
        model=ENGINES[engine], messages=QUESTION, max_tokens=4, stream=True
    ) as stream:
        chunks = list(stream)
    assert all(chunk.choices and not chunk.usage for chunk in chunks)


def test_async_at_once(over_real_engines: Gateway, engine: str) -> None:
    async def run() -> list[str]:
        async with openai.AsyncOpenAI(
            base_url=f"{over_real_engines.url}/v1", api_key="unused", timeout=120, max_retries=0
        ) as client:

            async def one() -> str:
                stream = await client.chat.completions.create(
                    model=ENGINES[engine], messages=QUESTION, max_tokens=6, stream=True
                )
                return "".join(
                    [c.choices[0].delta.content or "" async for c in stream if c.choices]
                )

            return await asyncio.gather(*(one() for _ in range(4)))

    assert all(asyncio.run(run()))


def test_completions(client: openai.OpenAI, engine: str) -> None:
    options = {"model": ENGINES[engine], "prompt": "One, two,", "max_tokens": 6, "temperature": 0}
    whole = client.completions.create(**options)
    assert whole.choices[0].text
    with client.completions.create(**options, stream=True) as stream:
        assert "".join(c.choices[0].text for c in stream if c.choices) == whole.choices[0].text


def test_tools_are_accepted(client: openai.OpenAI) -> None:
    for stream in (False, True):
        answer = client.chat.completions.create(
            model="chat", messages=QUESTION, tools=[TOOL], max_tokens=8, stream=stream
        )
        if stream:
            assert [c.choices[0].finish_reason for c in answer if c.choices][-1]
        else:
            assert answer.choices[0].finish_reason


def test_json_schema(client: openai.OpenAI, engine: str) -> None:
    answer = client.chat.completions.create(
        model=ENGINES[engine],
        messages=QUESTION,
        max_tokens=80,
        temperature=0,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "city", "strict": True, "schema": SCHEMA},
        },
    )
    assert json.loads(answer.choices[0].message.content).keys() == {"city", "big"}


def test_embeddings(client: openai.OpenAI) -> None:
    one = client.embeddings.create(model="tiny-embeddings", input="hello")
    many = client.embeddings.create(model="tiny-embeddings", input=["hello", "world"])
    assert len(many.data) == 2
    assert len(one.data[0].embedding) == len(many.data[0].embedding) > 0
    assert one.usage.prompt_tokens > 0


def test_models(client: openai.OpenAI) -> None:
    names = {model.id for model in client.models.list()}
    assert names >= {"chat", "tiny-embeddings", OLLAMA_MODEL}
    for name in names:
        assert client.models.retrieve(name).id == name


def test_a_model_with_a_slash_in_its_name(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("v", fake("vllm", models=["org/model"]).url, "vllm")]})
    gateway.wait_for_models("org/model")
    assert client_of(gateway).models.retrieve("org/model").id == "org/model"


def test_an_abort_in_mid_stream_reaches_the_engine(client, llama_server, over_real_engines) -> None:
    def busy() -> float:
        """Slots of both llama-servers that are at work."""
        counts = 0
        for copy in (0, 1):
            engine = llama_server(model="chat", copy=copy)
            slots = openai.OpenAI(base_url=engine.url, api_key="x").get("/slots", cast_to=object)
            counts += sum(slot["is_processing"] for slot in slots)
        return counts

    wait_until("the engines are idle", lambda: busy() == 0, seconds=30)
    stream = client.chat.completions.create(
        model="chat",
        messages=[{"role": "user", "content": "Count from one to one thousand."}],
        max_tokens=2000,
        stream=True,
        extra_body={"ignore_eos": True},
    )
    next(iter(stream))
    assert busy() == 1
    stream.close()
    # It would go on for some ten seconds otherwise.
    wait_until("the engine has stopped", lambda: busy() == 0, seconds=3)
    assert over_real_engines.in_flight() == 0


ERRORS = {
    "unknown model": ({"model": "nonsense"}, openai.NotFoundError, "model_not_found"),
    "unknown backend": (
        {"model": "chat", "extra_body": {"backend": "nonsense"}},
        openai.BadRequestError,
        "unknown_backend",
    ),
    "wrong type": ({"model": "chat", "messages": "text"}, openai.BadRequestError, "invalid_field"),
    "refused by the engine": (
        {"model": "chat", "temperature": "hot"},
        openai.BadRequestError,
        None,
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_the_package_s_own(name: str, client: openai.OpenAI) -> None:
    options, expected, code = ERRORS[name]
    with pytest.raises(expected) as raised:
        client.chat.completions.create(**{"messages": QUESTION, "max_tokens": 4, **options})
    assert raised.value.message
    assert code is None or raised.value.code == code
    assert raised.value.request_id


FAULTS = {
    "status_429": openai.RateLimitError,
    "status_500": openai.InternalServerError,
    "status_503": openai.InternalServerError,
    "garbage": openai.InternalServerError,
    "hang_before_head": openai.InternalServerError,
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_upstream_s_faults_are_the_package_s_own(fault, stream, rocket, fake) -> None:
    timeouts = {"first_token": "300ms", "total": "600ms"}
    config = {"backends": [backend("bad", fake(fault=fault).url)], "timeouts": timeouts}
    with pytest.raises(FAULTS[fault]):
        client_of(rocket(config)).chat.completions.create(
            model="m", messages=QUESTION, stream=stream
        )


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
