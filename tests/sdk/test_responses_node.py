"""OpenAI's Responses by the official `openai` package for Node, over real engines."""

import json
from pathlib import Path

from clients import ENGINES, QUESTION, RESPONSES_FORCED, RESPONSES_TOOL, WEATHER
from node import Script

from harness.gateway import Gateway


def test_responses_for_node(
    engine: str, over_real_engines: Gateway, node_packages: Path, tmp_path: Path
) -> None:
    asked = {
        "url": f"{over_real_engines.url}/v1",
        "model": ENGINES[engine],
        "question": QUESTION,
        "weather": WEATHER,
        "tool": RESPONSES_TOOL,
        "forced": RESPONSES_FORCED[engine],
    }
    with Script("responses_node.mjs", node_packages, tmp_path, asked) as script:
        found = script.found
    assert found["backend"] == engine
    assert found["text"] and found["streamed"] == found["text"]
    assert found["status"] in ("completed", "incomplete")
    assert found["events"][:2] == ["response.created", "response.in_progress"]
    assert found["events"][-1] == f"response.{found['status']}"
    assert found["sequence"] == list(range(len(found["events"])))
    assert found["last"]["output"][0]["content"][0]["text"] == found["text"]
    assert found["city"].keys() == {"name", "country", "capital"}
    for output in found["called"]:
        (call,) = output
        assert (call["type"], call["name"]) == ("function_call", "weather")
        assert call["call_id"] and json.loads(call["arguments"])["city"] in ("Paris", "Rome")
    assert found["after"]
    assert found["kept"] == [True, found["text"]]
    # The same, whether all of it is sent or the last turn only.
    assert found["second"] == [found["after"], True]
    calls = ["message", "function_call", "function_call_output"]
    assert found["items"] == [*calls, "message", "message"]
    assert found["failures"] == {
        "unknownModel": ["NotFoundError", 404],
        "previous": ["BadRequestError", 400],
        "noInput": ["BadRequestError", 400],
        "anAnswerOfBefore": ["NotFoundError", 404],
        "deleted": ["NotFoundError", 404],
    }
