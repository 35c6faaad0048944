"""Embeddings that share upstream calls: each gets its own, from a fake and from a real engine."""

import math
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.gateway import Gateway, backend
from harness.wire import Answer

TEXTS = [f"{word} number {i}" for i, word in enumerate(["cat", "engine", "Zürich", '"x"\\n'] * 12)]


def embed(gateway: Gateway, text: str | list[str], **more) -> Answer:
    body = {"model": "embeddings", "input": text, **more}
    return gateway.call("POST", "/v1/embeddings", body, timeout=60)


def embed_together(gateway: Gateway, texts: list) -> list[Answer]:
    with ThreadPoolExecutor(len(texts)) as pool:
        return list(pool.map(lambda text: embed(gateway, text), texts))


def vectors(answer: Answer) -> list[list[float]]:
    assert answer.status == 200, answer
    data = answer.json()["data"]
    assert [each["index"] for each in data] == list(range(len(data)))
    return [each["embedding"] for each in data]


def test_each_of_many_gets_its_own(rocket, fake) -> None:
    server = fake(models=["embeddings"], head_delay_ms=50)
    gateway = rocket({"backends": [backend("a", server.url)]})
    apart = [vectors(embed(gateway, text)) for text in TEXTS]
    lists = [TEXTS[:3], TEXTS[3:5]]
    together = embed_together(gateway, [*TEXTS, *lists])
    assert [vectors(each) for each in together[: len(TEXTS)]] == apart
    assert [len(vectors(each)) for each in together[len(TEXTS) :]] == [3, 2]
    lines = gateway.access_lines(2 * len(TEXTS) + 2)
    assert {line["status"] for line in lines} == {200}
    assert all(line["tokens_in"] >= 0 and line["endpoint"] == "a/0" for line in lines)
    assert {line["lane"] for line in lines} == {"normal"}, "also of those who share a call"
    for answer in together:
        receipt = gateway.admin(f"/requests/{answer.header('x-request-id')}").json()
        (attempt,) = receipt["attempts"]
        assert receipt["lane"] == "normal"
        # No connection takes as long as the backend does.
        assert attempt["phases_ms"]["first_byte"] > attempt["phases_ms"].get("connect", 0)
    asked = server.stop()["requests"]
    assert asked <= len(TEXTS) * 1.5, "the second half shares its calls"


def test_off_is_off(rocket, fake) -> None:
    server = fake(models=["embeddings"], head_delay_ms=50)
    gateway = rocket(
        {"backends": [backend("a", server.url)], "embedding_batching": {"on": False}}
    )
    assert {each.status for each in embed_together(gateway, TEXTS)} == {200}
    assert server.stop()["requests"] == len(TEXTS)


def cosine(one: list[float], other: list[float]) -> float:
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    return dot / math.sqrt(sum(a * a for a in one) * sum(b * b for b in other))


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_a_real_engine_gives_the_same_vectors(rocket, llama_server, encoding: str) -> None:
    engine = llama_server(model="tiny", embeddings=True)
    gateway = rocket({"backends": [backend("llama", engine.url)]})
    model = {"model": "tiny-embeddings"}
    gateway.wait_for_models("tiny-embeddings")
    more = model | {"encoding_format": encoding}
    with ThreadPoolExecutor(len(TEXTS)) as pool:
        together = list(pool.map(lambda text: embed(gateway, text, **more), TEXTS))
    for text, answer in zip(TEXTS[::8], together[::8], strict=True):
        ((alone,), (shared,)) = vectors(embed(gateway, text, **more)), vectors(answer)
        if encoding == "float":
            assert cosine(alone, shared) > 0.999, text
        else:
            assert isinstance(shared, str) and len(shared) == len(alone)
    usages = [answer.json()["usage"]["prompt_tokens"] for answer in together]
    assert min(usages) > 0
