"""The official `openai` package for Node, over real llama-server and real Ollama."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.engines import OLLAMA_MODEL
from harness.gateway import Gateway
from harness.waiting import wait_until

SCRIPT = Path(__file__).with_name("openai_node.mjs")


@pytest.mark.parametrize(
    ("backend", "model"), [("llama", "chat"), ("ollama", OLLAMA_MODEL)], ids=["llama", "ollama"]
)
def test_openai_for_node(
    backend: str, model: str, over_real_engines: Gateway, node_packages: Path
) -> None:
    # Node looks for packages beside the script, so it runs beside the packages.
    script = Path(shutil.copy(SCRIPT, node_packages))
    cancelled = sum(over_real_engines.samples("rocket_cancels_total").values())
    result = subprocess.run(
        ["node", script, f"{over_real_engines.url}/v1", model, "tiny-embeddings"],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["backend"] == found["mark"] == backend
    assert found["text"] and found["streamed"] == found["text"]
    assert found["usage"]["completion_tokens"] > 0
    assert found["chunksBeforeAbort"] == 3
    assert {"chat", "tiny-embeddings", OLLAMA_MODEL} <= set(found["models"])
    assert found["retrieved"] == model
    assert found["vectors"][0] == found["vectors"][1] > 0
    assert found["unknownModel"] == ["NotFoundError", 404, "model_not_found"]
    assert found["unknownBackend"] == ["BadRequestError", 400, "unknown_backend"]
    wait_until(
        "the abort has reached the engine",
        lambda: sum(over_real_engines.samples("rocket_cancels_total").values()) == cancelled + 1,
    )
    assert over_real_engines.in_flight() == 0
