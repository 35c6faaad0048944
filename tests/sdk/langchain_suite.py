"""LangChain's own tests of a chat model, for test_langchain.py in an environment of their own.

Tools are left to test_openai_tools.py: LangChain forces them by name, which llama-server does not
obey, and asks for sums that a small model does not find.
"""

import os

import pytest
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests


class TestRocket(ChatModelIntegrationTests):
    @property
    def chat_model_class(self):
        return ChatOpenAI

    @property
    def chat_model_params(self):
        return {
            "base_url": os.environ["ROCKET_URL"],
            "model": os.environ["ROCKET_CHAT_MODEL"],
            "api_key": "unused",
            "max_retries": 0,
            "max_tokens": 48,
            "stream_usage": True,
            "temperature": 0,
        }

    @property
    def model_override_value(self):
        return os.environ["ROCKET_OTHER_MODEL"]

    @property
    def has_tool_calling(self):
        return False

    @property
    def structured_output_kwargs(self):
        return {"method": "json_schema"}

    @pytest.mark.xfail(reason="falls back to a tool forced by its name")
    def test_structured_output_pydantic_2_v1(self, model):
        super().test_structured_output_pydantic_2_v1(model)

    @pytest.mark.xfail(reason="so small a model tells its joke until it is cut off")
    def test_structured_output_optional_param(self, model):
        super().test_structured_output_optional_param(model)
