"""LangChain's own tests of a chat model, for test_langchain.py in an environment of their own: one
class for each of LangChain's clients, over whichever engine the environment names.

Tools only where a call can be forced by the tool's name, as LangChain does it: by vLLM alone.
"""

import os

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests

URL = os.environ["ROCKET_URL"]
ENGINE = os.environ["ROCKET_ENGINE"]
SIZE = 64
WEAK = ("llama", "ollama")

# Test: (of which class, over which engine; "" is any), and what the client, the engine or so small
# a model can not.
FORCED = "falls back to a tool forced by its name, which only vLLM obeys"
CUT = "so small a model tells its joke until it is cut off"
BLANKS = "so small a model fills the braces of a call with blanks until it is cut off"
LONG = "so small a model writes so long a call that it is cut off"
OTHER = "so small a model writes JSON, but no joke, or is cut off"
ASKED = "so small a model calls no tool unless it is forced to"
KNOWN: dict[str, list[tuple[str, str, str]]] = {
    "test_structured_output_pydantic_2_v1": [
        *((name, engine, FORCED) for name in ("TestOpenAI", "TestResponses") for engine in WEAK),
        *((name, "vllm", CUT) for name in ("TestOpenAI", "TestResponses")),
        ("TestAnthropic", "", "takes no model of pydantic's first version"),
    ],
    "test_structured_output_optional_param": [
        (name, engine, CUT)
        for name in ("TestOpenAI", "TestResponses")
        for engine in ("llama", "vllm")
    ],
    "test_json_mode": [("TestOllama", "", OTHER)],
    "test_tool_calling_with_no_arguments": [("", "vllm", BLANKS)],
    "test_unicode_tool_call_integration": [("", "vllm", LONG)],
    "test_agent_loop": [("", "vllm", ASKED)],
}


class Common(ChatModelIntegrationTests):
    @pytest.fixture(autouse=True)
    def known(self, request) -> None:
        for name, engine, reason in KNOWN.get(request.node.originalname, []):
            if name in ("", type(self).__name__) and engine in ("", ENGINE):
                request.applymarker(pytest.mark.xfail(reason=reason))

    @property
    def model_override_value(self):
        return os.environ["ROCKET_OTHER_MODEL"]

    @property
    def has_tool_calling(self):
        return ENGINE == "vllm"

    @property
    def structured_output_kwargs(self):
        return {"method": "json_schema"}


class TestOpenAI(Common):
    @property
    def chat_model_class(self):
        return ChatOpenAI

    @property
    def chat_model_params(self):
        return {
            "base_url": f"{URL}/v1",
            "model": os.environ["ROCKET_CHAT_MODEL"],
            "api_key": "unused",
            "max_retries": 0,
            "max_tokens": SIZE,
            "stream_usage": True,
            "temperature": 0,
        }


class TestResponses(TestOpenAI):
    @property
    def chat_model_params(self):
        return {**super().chat_model_params, "use_responses_api": True}


class TestAnthropic(Common):
    @property
    def chat_model_class(self):
        return ChatAnthropic

    @property
    def chat_model_params(self):
        return {
            "base_url": URL,
            "model": os.environ["ROCKET_CHAT_MODEL"],
            "api_key": "unused",
            "max_retries": 0,
            "max_tokens": SIZE,
            "temperature": 0,
        }


class TestOllama(Common):
    @property
    def chat_model_class(self):
        return ChatOllama

    @property
    def chat_model_params(self):
        return {
            "base_url": URL,
            "model": os.environ["ROCKET_CHAT_MODEL"],
            "num_predict": SIZE,
            "temperature": 0,
        }

    @property
    def has_tool_calling(self):
        return False  # Ollama's API has nothing that forces a call

    @property
    def supports_json_mode(self):
        return True
