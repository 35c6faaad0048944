"""The official `openai` package for Python, over real llama-server and real Ollama."""

import asyncio
import base64
from array import array

import openai
import pytest
from clients import COUNT, EMBEDDING_MODELS, ENGINES, QUESTION, client_of

from harness.engines import OLLAMA_MODEL
from harness.gateway import Gateway, backend
from harness.waiting import wait_until


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


def test_three_choices(client: openai.OpenAI, engine: str) -> None:
    asked = {"model": ENGINES[engine], "messages": QUESTION, "max_tokens": 12, "seed": 3}
    answer = client.chat.completions.with_raw_response.create(**asked, n=3)
    # vLLM gives three of its own.
    emulated = None if engine == "vllm" else "emulated=n"
    assert answer.headers.get("x-rocket-translation") == emulated
    completion = answer.parse()
    assert [choice.index for choice in completion.choices] == [0, 1, 2]
    for choice in completion.choices:
        assert choice.message.role == "assistant" and choice.message.content
        assert choice.finish_reason in ("stop", "length")
    one = client.chat.completions.create(**asked)
    assert completion.usage.prompt_tokens == one.usage.prompt_tokens
    assert completion.usage.total_tokens == (
        completion.usage.prompt_tokens + completion.usage.completion_tokens
    )


def test_three_choices_streamed(client: openai.OpenAI, engine: str) -> None:
    with client.chat.completions.create(
        model=ENGINES[engine],
        messages=QUESTION,
        max_tokens=12,
        seed=3,
        n=3,
        stream=True,
        stream_options={"include_usage": True},
    ) as stream:
        chunks = list(stream)
    assert len({chunk.id for chunk in chunks}) == 1
    texts, ends = {}, {}
    for chunk in chunks:
        for choice in chunk.choices:
            assert choice.index not in ends
            texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
            if choice.finish_reason:
                ends[choice.index] = choice.finish_reason
    assert sorted(ends) == [0, 1, 2] and set(ends.values()) <= {"stop", "length"}
    assert all(texts.values())
    assert [bool(chunk.usage) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens > 3


def test_several_choices_are_refused_to_strict_clients(
    client: openai.OpenAI, engine: str
) -> None:
    asked = {"model": ENGINES[engine], "messages": QUESTION, "n": 2, "max_tokens": 6}
    asked["extra_headers"] = {"x-rocket-strict": "1"}
    if engine == "vllm":  # nothing is emulated there
        assert len(client.chat.completions.create(**asked).choices) == 2
        return
    with pytest.raises(openai.BadRequestError, match="emulated=n"):
        client.chat.completions.create(**asked)


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


@pytest.mark.parametrize("encoding", [None, "float", "base64"])
def test_embeddings(client: openai.OpenAI, embedder: str, encoding: str | None) -> None:
    options = {"model": EMBEDDING_MODELS[embedder]}
    if encoding:
        options["encoding_format"] = encoding
    one = client.embeddings.create(input="hello", **options)
    many = client.embeddings.create(input=["hello", "world"], **options)
    assert [each.index for each in many.data] == [0, 1]
    assert vector_of(one.data[0]) == pytest.approx(vector_of(many.data[0]), abs=1e-3)
    assert vector_of(many.data[0]) != vector_of(many.data[1])
    assert one.usage.prompt_tokens > 0


def vector_of(item) -> list[float]:
    """Only who asks for base64 is given it; by default the package asks for it and decodes."""
    if isinstance(item.embedding, str):
        return list(array("f", base64.b64decode(item.embedding)))
    return item.embedding


def test_models(client: openai.OpenAI) -> None:
    names = {model.id for model in client.models.list()}
    assert names >= {"chat", "tiny-embeddings", OLLAMA_MODEL}
    for name in names:
        assert client.models.retrieve(name).id == name


def test_a_model_with_a_slash_in_its_name(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("v", fake("vllm", models=["org/model"]).url, "vllm")]})
    gateway.wait_for_models("org/model")
    assert client_of(gateway).models.retrieve("org/model").id == "org/model"


def test_an_abort_after_three_chunks_reaches_the_engine(client, engine, at_work) -> None:
    working = at_work(engine)
    stream = client.chat.completions.create(
        model=ENGINES[engine], messages=COUNT, max_tokens=1500, stream=True
    )
    chunks = iter(stream)
    for _ in range(3):
        next(chunks)
    assert working()
    stream.close()
    # It would go on for some ten seconds otherwise. vLLM's own figures may be some seconds old.
    seconds = 5 if engine == "vllm" else 1
    wait_until(f"{engine} has stopped", lambda: not working(), seconds=seconds)
