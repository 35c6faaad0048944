"""The `anthropic` package's own tests, once against the fake of Anthropic's API and once through
Rocket: in front of that fake, which hears the client's own bytes, and in front of a chat backend,
for which everything is translated."""

from pathlib import Path

from anthropic.resources.messages import DEPRECATED_MODELS
from own_tests import Suite, differences

from dev.downloads import Archive
from harness.gateway import Gateway, backend

SOURCE = Archive(
    "anthropic",
    "2.14.0",
    "anthropic-2.14.0.tar.gz",
    "afb02f4df8efba429ff769bbfd71340d8b244b41ba42c073a45cc307702549fe",
)
SUITE = Suite(
    SOURCE,
    "anthropic_suite_requirements.txt",
    (
        "tests/api_resources/test_messages.py",
        "tests/api_resources/test_models.py",
        "tests/api_resources/beta/test_messages.py",
        "tests/api_resources/beta/test_models.py",
    ),
    # What mocks one package's connections mocks the other's.
    ("-p", "tests._alias_httpx"),
)
# Those that the package's tests ask for.
MODELS = ["claude-opus-5-5", "model_id", *DEPRECATED_MODELS]


def over(gateway: Gateway) -> Gateway:
    gateway.wait_for_models(*MODELS)
    return gateway


def test_the_package_s_own_tests_see_no_difference(rocket, fake, tmp_path: Path) -> None:
    anthropic, chat = fake("anthropic", models=MODELS), fake("vllm", models=MODELS)
    same = over(rocket({"backends": [backend("same", anthropic.url, "anthropic")]}))
    other = over(rocket({"backends": [backend("other", chat.url, "vllm")]}))
    direct = SUITE.outcomes(anthropic.url, tmp_path / "direct.xml")
    assert list(direct.values()).count("passed") > 100
    found = [
        differences(direct, SUITE.outcomes(gateway.url, tmp_path / f"{name}.xml"))
        for name, gateway in (("same", same), ("other", other))
    ]
    assert found == [{}, {}]
