"""LangChain's own tests of a chat model, through Rocket over a real engine."""

import os
import subprocess
import xml.etree.ElementTree
from pathlib import Path

from clients import ENGINES

from dev.venvs import python
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


def test_langchain_s_own_tests(over_real_engines: Gateway, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    command = [python(HERE / "langchain_requirements.txt"), "-m", "pytest"]
    command += [HERE / "langchain_suite.py", "-q", "--tb=short", f"--junitxml={report}"]
    command += ["-p", "no:cacheprovider", f"--rootdir={tmp_path}"]
    for name, value in OPTIONS.items():
        command += ["-o", f"{name}={value}"]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "ROCKET_URL": f"{over_real_engines.url}/v1",
        "ROCKET_CHAT_MODEL": ENGINES["llama"],
        "ROCKET_OTHER_MODEL": "tools",
    }
    ran = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr[-2000:]
    cases = list(xml.etree.ElementTree.parse(report).getroot().iter("testcase"))
    skipped = sum(case.find("skipped") is not None for case in cases)
    assert len(cases) - skipped >= 25, ran.stdout[-5000:]
