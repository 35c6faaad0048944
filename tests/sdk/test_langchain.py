"""LangChain's own tests of a chat model, by each of its clients, through Rocket over each engine."""

import os
import subprocess
import xml.etree.ElementTree
from pathlib import Path

import pytest
from clients import ENGINES

from dev.venvs import python
from harness.engines import OLLAMA_TOOLS_MODEL
from harness.gateway import Gateway

HERE = Path(__file__).parent
# They do not stand in a configuration of their own, which pytest would look for above the suite.
OPTIONS = {
    "addopts": "",
    "asyncio_mode": "auto",
    # The package keeps connections from test to test.
    "asyncio_default_test_loop_scope": "session",
    "asyncio_default_fixture_loop_scope": "session",
}
# To another model the client is to go over for one of its calls.
OTHER = {"llama": "tools", "ollama": OLLAMA_TOOLS_MODEL, "vllm": "chat"}


def test_langchain_s_own_tests(over_real_engines: Gateway, tmp_path: Path) -> None:
    own_tests("OpenAI", "llama", over_real_engines, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("client", ["OpenAI", "Responses", "Anthropic", "Ollama"])
def test_langchain_s_own_tests_in_every_dialect(
    client: str, engine: str, over_real_engines: Gateway, tmp_path: Path
) -> None:
    own_tests(client, engine, over_real_engines, tmp_path)


def own_tests(client: str, engine: str, over_real_engines: Gateway, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    command = [python(HERE / "langchain_requirements.txt"), "-m", "pytest"]
    command += [f"{HERE / 'langchain_suite.py'}::Test{client}", "-q", "--tb=short", "-rxX"]
    command += [f"--junitxml={report}", "-p", "no:cacheprovider", f"--rootdir={tmp_path}"]
    for name, value in OPTIONS.items():
        command += ["-o", f"{name}={value}"]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "ROCKET_URL": over_real_engines.url,
        "ROCKET_ENGINE": engine,
        "ROCKET_CHAT_MODEL": ENGINES[engine],
        "ROCKET_OTHER_MODEL": OTHER[engine],
    }
    ran = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:]
    cases = list(xml.etree.ElementTree.parse(report).getroot().iter("testcase"))
    skipped = sum(case.find("skipped") is not None for case in cases)
    assert len(cases) - skipped >= 25, ran.stdout[-5000:]
