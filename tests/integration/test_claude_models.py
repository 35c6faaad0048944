"""What Claude's models take is not the same for all of them: their provider's list tells, and refuses
the rest. Clients of the other dialects need not know."""

import json

import pytest

from harness.gateway import backend

ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 1},
}
ADAPTIVE = {"adaptive": True, "enabled": False, "disabled": False}
BUDGET = {"adaptive": False, "enabled": True, "disabled": True}
ASKED = {
    "/v1/chat/completions": {
        "messages": [{"role": "user", "content": "Hi"}],
        "reasoning_effort": "high",
    },
    "/v1/responses": {"input": "Hi", "reasoning": {"effort": "high"}},
    "/api/chat": {
        "messages": [{"role": "user", "content": "Hi"}],
        "think": "high",
        "stream": False,
    },
}


def facts(types: dict[str, bool]) -> dict:
    return {
        "max_tokens": 64000,
        "capabilities": {
            "thinking": {
                "supported": True,
                "types": {name: {"supported": is_so} for name, is_so in types.items()},
            }
        },
    }


@pytest.mark.parametrize("types", [ADAPTIVE, BUDGET], ids=["adaptive", "budget"])
@pytest.mark.parametrize("path", ASKED)
def test_an_effort_is_told_as_the_model_takes_it(path: str, types: dict, rocket, upstream) -> None:
    def reply(seen):
        kind = json.loads(seen.body).get("thinking", {}).get("type", "disabled")
        if types[kind]:
            return 200, ANSWER
        error = {"type": "invalid_request_error", "message": f"thinking.type.{kind}: not supported"}
        return 400, {"type": "error", "error": error}

    claude = upstream(reply=reply, facts=facts(types))
    gateway = rocket({"backends": [backend("a", claude.url, "anthropic")]})
    gateway.wait_for_models("m")
    answer = gateway.call("POST", path, {"model": "m", **ASKED[path]})
    assert answer.status == 200, answer
    sent = json.loads(claude.inference()[-1].body)
    if types["adaptive"]:
        assert sent["thinking"] == {"type": "adaptive"}
        assert sent["output_config"] == {"effort": "high"}
        assert answer.header("x-rocket-translation") is None
    else:
        assert sent["thinking"]["type"] == "enabled"
        assert answer.header("x-rocket-translation") == "emulated=thinking"
