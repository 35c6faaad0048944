"""A chat backend whose every answer is two calls of tools."""

import json

from harness.upstream import Seen

# Two calls, whose arguments come in pieces that are no JSON by themselves.
PIECES = [
    {"role": "assistant", "content": None},
    {
        "tool_calls": [
            {"index": 0, "id": "call_a", "type": "function"} | {"function": {"name": "a"}}
        ]
    },
    {"tool_calls": [{"index": 0, "function": {"arguments": '{"x": "\\u00e9'}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": ' \\"'}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": '}"}'}}]},
    {
        "tool_calls": [
            {"index": 1, "id": "call_b", "type": "function"} | {"function": {"name": "b"}}
        ]
    },
    {"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]},
]
CALLS = [("call_a", "a", '{"x": "\\u00e9 \\"}"}'), ("call_b", "b", "{}")]
TWO_TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {}, "strict": True}}
    for name in ("a", "b")
]


def scripted(seen: Seen) -> tuple[int, dict | bytes]:
    base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    if not json.loads(seen.body).get("stream"):
        calls = [
            {"id": i, "type": "function", "function": {"name": n, "arguments": a}}
            for i, n, a in CALLS
        ]
        message = {"role": "assistant", "content": None, "tool_calls": calls}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        return 200, {**base, "object": "chat.completion", "choices": [choice]}
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in PIECES]
    choices.append({"index": 0, "delta": {}, "finish_reason": "tool_calls"})
    chunks = [json.dumps({**base, "choices": [choice]}) for choice in choices]
    return 200, "".join(f"data: {each}\n\n" for each in [*chunks, "[DONE]"]).encode()
