"""What the suites of official clients ask, and whom."""

from typing import Literal

import openai
from pydantic import BaseModel

from harness.engines import OLLAMA_MODEL, OLLAMA_TOOLS_MODEL, VLLM_MODEL
from harness.gateway import Gateway

# Backend: its model that chats, and that of which vectors are asked, if it gives any. vLLM is there
# only with `./dev test --vllm`.
ENGINES = {"llama": "chat", "ollama": OLLAMA_MODEL, "vllm": VLLM_MODEL}
EMBEDDING_MODELS = {"llama": "tiny-embeddings", "ollama": OLLAMA_MODEL}
QUESTION = [{"role": "user", "content": "What is the capital of France?"}]
COUNT = [{"role": "user", "content": "Count from one to one thousand."}]


class City(BaseModel):
    """Flat: Ollama does not hold an answer to what a schema defines elsewhere. Closed, as models of
    pydantic's are to `openai` and those of its own are not: a small model that is held to an open
    schema goes on with members that it has thought of until it is cut off."""

    name: Literal["Paris", "Rome"]
    country: Literal["France", "Italy"]
    capital: bool


CITIES = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Paris", "Rome"]}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city",
        "parameters": CITIES,
        "strict": True,
    },
}
WEATHER = [{"role": "user", "content": "What is the weather in Paris?"}]
# Backend: what makes a small model call the tool for certain. llama-server and vLLM do so by a
# grammar; Ollama has no tool_choice, but takes an answer that looks like a call for one.
CALL = {
    "type": "object",
    "properties": {"name": {"type": "string", "enum": ["weather"]}, "arguments": CITIES},
    "required": ["name", "arguments"],
    "additionalProperties": False,
}
FORCED = {
    "llama": {"model": "tools", "tool_choice": "required"},
    "ollama": {
        "model": OLLAMA_TOOLS_MODEL,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "call", "strict": True, "schema": CALL},
        },
    },
    "vllm": {"model": VLLM_MODEL, "tool_choice": "required"},
}

# The same to Anthropic's clients, to Responses, and to Ollama's own API, which has no tool_choice:
# nothing in it can force llama-server or vLLM.
MESSAGES_TOOL = {
    "name": "weather",
    "description": "The weather of a city",
    "input_schema": CITIES,
    "strict": True,
}
MESSAGES_FORCED = {
    "llama": {"model": "tools", "tool_choice": {"type": "any"}},
    "ollama": {
        "model": OLLAMA_TOOLS_MODEL,
        "output_config": {"format": {"type": "json_schema", "schema": CALL}},
    },
    "vllm": {"model": VLLM_MODEL, "tool_choice": {"type": "any"}},
}
RESPONSES_TOOL = {"type": "function", **TOOL["function"]}
RESPONSES_FORCED = {
    "llama": {"model": "tools", "tool_choice": "required"},
    "ollama": {
        "model": OLLAMA_TOOLS_MODEL,
        "text": {"format": {"type": "json_schema", "name": "call", "strict": True, "schema": CALL}},
    },
    "vllm": {"model": VLLM_MODEL, "tool_choice": "required"},
}
OLLAMA_FORCED = {"model": OLLAMA_TOOLS_MODEL, "format": CALL}


def client_of(gateway: Gateway, **options) -> openai.OpenAI:
    options = {"timeout": 120, "max_retries": 0, "api_key": "unused", **options}
    return openai.OpenAI(base_url=f"{gateway.url}/v1", **options)
