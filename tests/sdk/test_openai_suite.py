"""The `openai` package's own tests, once against a mock of OpenAI's API and once through Rocket."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from description import description
from openai_mock import MODELS, Mock
from own_tests import Suite, differences

from dev.downloads import Archive
from harness.gateway import backend

SOURCE = Archive(
    "openai",
    "3.54.0",
    "openai-3.54.0.tar.gz",
    "2e393e63f8a38be6452806f9ef0b6534fecd6d41ab3b2165180dfce3599249cd",
)
SUITE = Suite(
    SOURCE,
    "suite_requirements.txt",
    (
        "tests/api_resources/chat",
        "tests/api_resources/test_completions.py",
        "tests/api_resources/test_embeddings.py",
        "tests/api_resources/test_models.py",
    ),
)


@pytest.fixture
def mock(tmp_path: Path, node_packages: Path) -> Iterator[Mock]:
    served = Mock(description(), node_packages, tmp_path)
    try:
        yield served
    finally:
        served.close()


def test_the_package_s_own_tests_see_no_difference(rocket, mock: Mock, tmp_path: Path) -> None:
    gateway = rocket({"backends": [backend("mock", mock.url)]})
    gateway.wait_for_models(*MODELS)
    direct = SUITE.outcomes(f"{mock.url}/v1", tmp_path / "direct.xml")
    through = SUITE.outcomes(f"{gateway.url}/v1", tmp_path / "through.xml")
    assert list(direct.values()).count("passed") > 150
    assert not differences(direct, through)
