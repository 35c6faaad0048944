"""OpenAI's own API description, where the surroundings have it."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def description() -> Path:
    default = ROOT.parent / "shared/data/openai-subset.openapi.json"
    file = Path(os.environ.get("ROCKET_OPENAI_SPEC") or default)
    if not file.exists():
        pytest.skip(f"no API description: ROCKET_OPENAI_SPEC or {file.name} beside the repository")
    return file
