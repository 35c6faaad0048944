"""The `openai` package's own tests, once against a mock of OpenAI's API and once through Rocket:
whatever fails must fail both times."""

import os
import subprocess
import xml.etree.ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest
from description import description
from openai_mock import MODELS, Mock

from dev.downloads import Archive, unpack
from dev.places import CACHE
from dev.venvs import python
from harness.gateway import backend

HERE = Path(__file__).parent
SOURCE = Archive(
    "openai",
    "3.54.0",
    "openai-3.54.0.tar.gz",
    "2e393e63f8a38be6452806f9ef0b6534fecd6d41ab3b2165180dfce3599249cd",
)
TESTS = (
    "tests/api_resources/chat",
    "tests/api_resources/test_completions.py",
    "tests/api_resources/test_embeddings.py",
    "tests/api_resources/test_models.py",
)


@pytest.fixture
def mock(tmp_path: Path, node_packages: Path) -> Iterator[Mock]:
    served = Mock(description(), node_packages, tmp_path)
    try:
        yield served
    finally:
        served.close()


def outcomes(base_url: str, report: Path) -> dict[str, str]:
    """Each test's name and how it ended."""
    source = unpack(SOURCE, f"{SOURCE.package}-{SOURCE.version}/", CACHE / "sources" / SOURCE.key)
    command = [python(HERE / "suite_requirements.txt"), "-m", "pytest", *TESTS, "-q", "--tb=line"]
    # The package's own options ask for a process per core.
    command += ["-o", "addopts=", "-p", "no:cacheprovider", f"--junitxml={report}"]
    environment = {
        "TEST_API_BASE_URL": base_url,
        "PYTHONPATH": str(source / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": os.environ["PATH"],
    }
    ran = subprocess.run(
        command,
        cwd=source,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ran.returncode in (0, 1), ran.stdout[-3000:] + ran.stderr[-3000:]
    ended = {}
    for case in xml.etree.ElementTree.parse(report).getroot().iter("testcase"):
        fault = next((e.tag for e in case if e.tag in ("failure", "error", "skipped")), "passed")
        ended[f"{case.get('classname')}::{case.get('name')}"] = fault
    return ended


def test_the_package_s_own_tests_see_no_difference(rocket, mock: Mock, tmp_path: Path) -> None:
    gateway = rocket({"backends": [backend("mock", mock.url)]})
    gateway.wait_for_models(*MODELS)
    direct = outcomes(f"{mock.url}/v1", tmp_path / "direct.xml")
    through = outcomes(f"{gateway.url}/v1", tmp_path / "through.xml")
    assert direct.keys() == through.keys()
    assert list(direct.values()).count("passed") > 150
    differences = {n: (direct[n], through[n]) for n in direct if direct[n] != through[n]}
    assert not differences
