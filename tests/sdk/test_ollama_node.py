"""The official `ollama` package for Node, over real Ollama and over real llama-server."""

from pathlib import Path

from clients import (
    CITIES,
    EMBEDDING_MODELS,
    ENGINES,
    OLLAMA_FORCED,
    QUESTION,
    TOOL,
    WEATHER,
)
from node import Script

from harness.engines import OLLAMA_MODEL
from harness.gateway import Gateway


def test_ollama_for_node(
    engine: str, over_real_engines: Gateway, node_packages: Path, tmp_path: Path
) -> None:
    asked = {
        "url": over_real_engines.url,
        "model": ENGINES[engine],
        "embeddingModel": EMBEDDING_MODELS.get(engine),
        "question": QUESTION,
        "weather": WEATHER,
        "tool": TOOL,
        "schema": CITIES,
        # Ollama's model either way: nothing in its API forces llama-server to call.
        "forced": OLLAMA_FORCED,
    }
    with Script("ollama_node.mjs", node_packages, tmp_path, asked) as script:
        found = script.found
    assert found["backend"] == engine
    assert found["text"] and found["streamed"] == found["text"]
    assert found["end"] == found["streamedEnd"]
    done, reason, tokens = found["end"]
    assert done is True and reason in ("stop", "length") and tokens > 0
    assert found["generated"] == [found["text"], found["text"]]
    assert found["shaped"]["city"] in ("Paris", "Rome")
    for calls in found["called"]:
        (call,) = calls
        assert call["function"]["name"] == "weather"
        assert call["function"]["arguments"]["city"] in ("Paris", "Rome")
    if engine in EMBEDDING_MODELS:
        assert len(set(found["vectors"])) == 1 and found["vectors"][0] > 0
    assert {"chat", "tools", "tiny-embeddings", OLLAMA_MODEL} <= set(found["models"])
    assert "completion" in found["capabilities"]
    assert set(found["loaded"]) <= set(found["models"])
    assert found["version"]
    refused = ["ResponseError", 404, True]
    assert set(map(tuple, found["failures"].values())) == {tuple(refused)}
