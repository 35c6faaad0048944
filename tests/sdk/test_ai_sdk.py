"""Vercel's AI SDK with its provider for servers that speak as OpenAI, over real engines."""

from pathlib import Path

from clients import COUNT, EMBEDDING_MODELS, ENGINES, FORCED, QUESTION, TOOL, WEATHER
from node import Script

from harness.gateway import Gateway
from harness.waiting import wait_until


def test_ai_sdk(
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
    with Script("ai_sdk.mjs", node_packages, tmp_path, asked) as script:
        found = script.found
    assert found["backend"] == engine
    assert found["text"] and found["streamed"] == found["text"]
    assert found["usage"][0] == found["usage"][1] > 0
    assert found["finishReason"] in ("stop", "length")
    assert found["city"].keys() == {"name", "country", "capital"}
    for calls in found.get("called", []):
        (call,) = calls
        assert call["toolCallId"] and call["toolName"] == "weather"
        assert call["input"]["city"] in ("Paris", "Rome")
    assert ("called" in found) == ("tool_choice" in FORCED[engine])
    if engine in EMBEDDING_MODELS:
        assert found["vectors"][0] == found["vectors"][1] > 0
    name, status, message = found["unknownModel"]
    assert (name, status) == ("AI_APICallError", 404)
    assert "nonsense" in message


def test_an_abort_reaches_the_engine(
    engine: str, over_real_engines: Gateway, node_packages: Path, at_work, tmp_path: Path
) -> None:
    asked = {"url": f"{over_real_engines.url}/v1", "model": ENGINES[engine], "count": COUNT}
    working = at_work(engine)
    with Script("ai_sdk_abort.mjs", node_packages, tmp_path, asked) as script:
        wait_until(f"{engine} has stopped", lambda: not working(), seconds=1)
        assert script.found == {"chunks": 3, "last": "abort"}
        assert script.running()
