"""The official `openai` package for Node, over real llama-server and real Ollama."""

import json
from pathlib import Path

from clients import COUNT, EMBEDDING_MODELS, ENGINES, FORCED, QUESTION, TOOL, WEATHER
from node import Script

from harness.engines import OLLAMA_MODEL
from harness.gateway import Gateway
from harness.waiting import wait_until


def test_openai_for_node(
    engine: str, over_real_engines: Gateway, node_packages: Path, tmp_path: Path
) -> None:
    asked = {
        "url": f"{over_real_engines.url}/v1",
        "model": ENGINES[engine],
        "embeddingModel": EMBEDDING_MODELS.get(engine),
        "question": QUESTION,
        "weather": WEATHER,
        "tool": TOOL,
        "forced": FORCED[engine],
    }
    with Script("openai_node.mjs", node_packages, tmp_path, asked) as script:
        found = script.found
    assert found["backend"] == found["mark"] == engine
    assert found["text"] and found["streamed"] == found["text"]
    assert found["usage"]["completion_tokens"] > 0
    assert found["choices"] == found["streamedChoices"] == [[0, True], [1, True]]
    assert found["city"].keys() == {"name", "country", "capital"}
    for choice in found["called"]:
        assert choice["finish_reason"] == "tool_calls"
        (call,) = choice["message"]["tool_calls"]
        assert call["id"] and call["function"]["name"] == "weather"
        assert json.loads(call["function"]["arguments"])["city"] in ("Paris", "Rome")
    assert {"chat", "tools", "tiny-embeddings", OLLAMA_MODEL} <= set(found["models"])
    assert found["retrieved"] == ENGINES[engine]
    if engine in EMBEDDING_MODELS:
        assert len(set(found["vectors"])) == 1 and found["vectors"][0] > 0
    assert found["failures"] == {
        "unknownModel": ["NotFoundError", 404, "model_not_found"],
        "unknownBackend": ["BadRequestError", 400, "unknown_backend"],
        "noMessages": ["BadRequestError", 400, "invalid_field"],
        "unknownPath": ["NotFoundError", 404, "path_not_found"],
        "wrongMethod": ["APIError", 405, "method_not_allowed"],
    }


def test_an_abort_reaches_the_engine(
    engine: str, over_real_engines: Gateway, node_packages: Path, at_work, tmp_path: Path
) -> None:
    asked = {"url": f"{over_real_engines.url}/v1", "model": ENGINES[engine], "count": COUNT}
    working = at_work(engine)
    with Script("openai_node_abort.mjs", node_packages, tmp_path, asked) as script:
        wait_until(f"{engine} has stopped", lambda: not working(), seconds=1)
        assert script.found == {"chunks": 3}
        assert script.running()
