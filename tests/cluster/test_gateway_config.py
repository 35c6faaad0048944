"""Each environment's rocket.yaml, by the binary's own word."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from manifests.rendering import ENVIRONMENTS, MANIFESTS

from harness.gateway import Gateway, binary

# What a pod has and this machine has not.
PLACES = {
    "/run/rocket/secrets/rocket-keys.yaml": '- {name: alice, hash: "sha256:' + "ab" * 32 + '"}\n',
    "/run/rocket/secrets/anthropic-api-key": "key\n",
}
ENVIRONMENT = {"ROCKET_POSTGRES_URL": "postgresql://rocket:password@postgres:5432/rocket"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_it_has_no_problem(environment: str, tmp_path: Path) -> None:
    text = (MANIFESTS / environment / "rocket.yaml").read_text()
    for path, content in PLACES.items():
        if path in text:
            (tmp_path / Path(path).name).write_text(content)
            (tmp_path / Path(path).name).chmod(0o600)
            text = text.replace(path, str(tmp_path / Path(path).name))
    (tmp_path / "rocket.yaml").write_text(text)
    answer = subprocess.run(
        [binary(), "check", tmp_path / "rocket.yaml"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={**os.environ, **ENVIRONMENT},
    )
    said = (answer.stdout + answer.stderr).splitlines()
    assert (answer.returncode, said) == (0, [f"{tmp_path / 'rocket.yaml'}: ok"])


def test_dev_keeps_no_files_and_no_batches_and_says_so(tmp_path: Path) -> None:
    """Its gateways share no store: what one has been sent the next would not know."""
    given = yaml.safe_load((MANIFESTS / "dev/rocket.yaml").read_text())
    store = {"on": given["store"][True]}  # which is what `on` is to this reader
    gateway = Gateway({"backends": given["backends"], "store": store}, tmp_path)
    try:
        for path in ("/v1/files", "/v1/batches"):
            answer = gateway.call("GET", path)
            assert (answer.status, answer.json()["error"]["code"]) == (501, "store_off")
    finally:
        gateway.finish()
