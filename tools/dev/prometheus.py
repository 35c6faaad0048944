"""Prometheus and promtool, as Debian has them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dev import debian


def programs() -> Path:
    """The folder that holds `prometheus` and `promtool`. Raises EngineMissing."""
    return debian.programs("prometheus")


def config(targets: Mapping[str, list[dict[str, Any]]], rules: Path, every: str) -> str:
    """The text of its file. `targets`: by job, groups of addresses and their labels."""
    return json.dumps(
        {
            "global": {"scrape_interval": every, "evaluation_interval": every},
            "rule_files": [str(rules)],
            "scrape_configs": [
                {"job_name": job, "static_configs": groups} for job, groups in targets.items()
            ],
        },
        indent=1,
    )
