"""The official `@anthropic-ai/sdk` package for Node, over real llama-server and real Ollama."""

from pathlib import Path

from clients import ENGINES, MESSAGES_FORCED, MESSAGES_TOOL, QUESTION, WEATHER
from node import Script

from harness.engines import OLLAMA_MODEL
from harness.gateway import Gateway


def test_anthropic_for_node(
    engine: str, over_real_engines: Gateway, node_packages: Path, tmp_path: Path
) -> None:
    asked = {
        "url": over_real_engines.url,
        "model": ENGINES[engine],
        "question": QUESTION,
        "weather": WEATHER,
        "tool": MESSAGES_TOOL,
        "forced": MESSAGES_FORCED[engine],
    }
    with Script("anthropic_node.mjs", node_packages, tmp_path, asked) as script:
        found = script.found
    assert found["backend"] == engine
    assert found["text"] and found["streamed"] == found["text"]
    text, stop, tokens = found["put"]
    assert (text, stop) == (found["text"], found["stop"])
    assert stop in ("end_turn", "max_tokens") and tokens > 0
    assert found["events"][:2] == ["message_start", "content_block_start"]
    assert found["events"][-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(found["events"][2:-3]) == {"content_block_delta"}
    for message in found["called"]:
        assert message["stop_reason"] == "tool_use"
        (call,) = [block for block in message["content"] if block["type"] == "tool_use"]
        assert call["id"] and call["name"] == "weather"
        assert call["input"]["city"] in ("Paris", "Rome")
    assert found["after"]
    assert found["tokens"] > 0
    assert {"chat", "tools", OLLAMA_MODEL} <= set(found["models"])
    assert found["failures"] == {
        "unknownModel": ["NotFoundError", 404, "not_found_error"],
        "unknownModelStreamed": ["NotFoundError", 404, "not_found_error"],
        "noMessages": ["BadRequestError", 400, "invalid_request_error"],
    }
