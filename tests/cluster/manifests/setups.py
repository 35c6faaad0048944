"""The environments as they stand in the tree."""

import re

import yaml

from manifests import metrics, rules_of_access, rules_of_names, rules_of_pods, rules_of_ray
from manifests.rendering import MANIFESTS, ROOT, environment, render
from manifests.rules import Setup

# Their rules register themselves.
MODULES = (rules_of_ray, rules_of_pods, rules_of_access, rules_of_names)
DOCUMENTS = ("docs/cluster.md", "docs/operations.md", "docs/ray.md")


def setup(name: str) -> Setup:
    documents = {each: ROOT / each for each in DOCUMENTS}
    return Setup(
        environment=name,
        objects=environment(name),
        operator_values=yaml.safe_load((MANIFESTS / "operator/values.yaml").read_text()),
        documents={each: path.read_text() for each, path in documents.items() if path.exists()},
        monitoring=render(ROOT / "monitoring"),
        priorities=render(MANIFESTS / "operator"),
        secret_keys=frozenset(secret_keys()),
        backends=render(MANIFESTS / "backends"),
        metric_names=frozenset(
            metrics.of_the_gateway() | metrics.of_the_bot() | metrics.kept().keys() | recorded()
        ),
    )


def secret_keys() -> list[str]:
    text = (MANIFESTS / "shared/ray-secrets.yaml").read_text()
    return re.findall(r"^#   ([a-z-]+)  ", text, re.MULTILINE)


def recorded() -> set[str]:
    """Those that our own rules make."""
    found = set()
    for path in (ROOT / "monitoring/rules").glob("*.rules.yaml"):
        for group in yaml.safe_load(path.read_text())["groups"]:
            found |= {each["record"] for each in group["rules"] if "record" in each}
    return found
