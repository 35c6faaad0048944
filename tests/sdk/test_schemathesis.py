"""Schemathesis: requests made up from OpenAI's description, right ones and wrong ones. Rocket never
answers one with a fault of its own, and every refusal is one that clients can read."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from description import description

from dev.venvs import python
from harness.fake import Fake
from harness.gateway import Gateway, backend

HERE = Path(__file__).parent
SERVED = {"/chat/completions", "/completions", "/embeddings", "/models", "/models/{model}"}
# One of a backend that answers, and one of a backend that always fails.
MODELS = ["m", "bad"]
SEED = 1


def requests_of_ours(node: dict | list) -> None:
    """Requests name our models: to be refused for another would be all that most are."""
    if isinstance(node, dict) and isinstance(node.get("properties", {}).get("model"), dict):
        node["properties"]["model"] = {"type": "string", "enum": MODELS}
    for child in node.values() if isinstance(node, dict) else node:
        if isinstance(child, dict | list):
            requests_of_ours(child)


def written_description(folder: Path) -> Path:
    described = json.loads(description().read_text())
    described["paths"] = {p: each for p, each in described["paths"].items() if p in SERVED}
    assert described["paths"].keys() == SERVED
    requests_of_ours(described)
    file = folder / "description.json"
    file.write_text(json.dumps(described))
    return file


def exchanges(gateway: Gateway, folder: Path) -> Iterator[tuple[dict, dict]]:
    """Each request and its response, as the HAR format has them."""
    record = folder / "record.har"
    command = [
        python(HERE / "schemathesis_requirements.txt").with_name("schemathesis"),
        "run",
        written_description(folder),
        f"--url={gateway.url}/v1",
        "--phases=coverage,fuzzing",
        "--checks=not_a_server_error",
        "--max-examples=2",
        f"--seed={SEED}",
        "--no-shrink",
        "--continue-on-failure",
        "--generation-database=none",
        "--report=har",
        f"--report-har-path={record}",
    ]
    ran = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=240, check=False
    )
    # It counts the backend that always fails as failures.
    assert ran.returncode in (0, 1), ran.stdout[-3000:] + ran.stderr[-3000:]
    for entry in json.loads(record.read_text())["log"]["entries"]:
        yield entry["request"], entry["response"]


def test_made_up_requests(rocket, fake, tmp_path: Path) -> None:
    print(f"seed {SEED}")
    good: Fake = fake(models=["m"])
    config = {
        "backends": [
            backend("good", good.url),
            backend("bad", fake(models=["bad"], fault="status_500").url),
        ]
    }
    gateway: Gateway = rocket(config)
    gateway.wait_for_models(*MODELS)
    statuses: dict[int, int] = {}
    for request, response in exchanges(gateway, tmp_path):
        status = response["status"]
        statuses[status] = statuses.get(status, 0) + 1
        headers = {each["name"].lower(): each["value"] for each in response["headers"]}
        seen = (request["method"], request["url"], request.get("postData"), response)
        assert headers["x-request-id"], seen
        if status < 400:
            continue
        error = json.loads(response["content"]["text"])["error"]
        assert error["message"] and error["type"], seen
        # A backend that refuses a request does so in its own words.
        if "request_id" in error:
            assert {"param", "code"} <= error.keys(), seen
        else:
            assert status == 400 and headers["x-rocket-backend"] == "good", seen
        assert (status == 405) == ("allow" in headers), seen
        # Only who asked the backend that fails is told that it has, and that it was not us.
        if status >= 500:
            assert status == 502 and error["code"] == "upstream_status", seen
            assert json.loads(request["postData"]["text"])["model"] == "bad", seen
    assert statuses.keys() >= {200, 400, 404, 405, 502}, statuses
    assert sum(statuses.values()) > 300, statuses
    assert (
        gateway.chat({"model": "m", "messages": [{"role": "user", "content": "x"}]}).status == 200
    )
    # Whatever came in front, only HTTP as it should be went out behind.
    assert good.stop()["malformed"] == 0
