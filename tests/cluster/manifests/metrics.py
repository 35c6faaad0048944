"""Names of metrics: which an expression has, and which there are."""

import re

from manifests.rendering import ROOT

WORDS = frozenset(
    [
        "and",
        "or",
        "unless",
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "bool",
        "offset",
        "inf",
        "nan",
        "le",
    ]
)
SOURCE = ROOT / "gateway/telemetry/metric_family.cc"
EXPOSITION = ROOT / "gateway/telemetry/exposition.cc"
BOT = ROOT / "python/rocket_matrix/telemetry.py"
KEPT = ROOT / "tests/cluster/data/ray-metrics.txt"


def names_in(expression: str) -> set[str]:
    """The metrics that a PromQL expression asks for."""
    text = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expression)
    text = re.sub(r"\{[^}]*\}", " ", text)
    text = re.sub(r"\[[^\]]*\]", " ", text)
    text = re.sub(r"\$\{?\w+\}?", "0", text)
    text = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", text)
    found = re.findall(r"(?<![\w.:])([A-Za-z_:][\w:]*)(\s*\()?", text)
    return {name for name, call in found if not call and name.lower() not in WORDS}


def of_the_gateway() -> set[str]:
    """As the source has them: histograms with what they are told as."""
    found = set()
    kinds = re.findall(r'MetricKind::(\w+),\s*"([a-z_]+)"', SOURCE.read_text())
    for kind, name in kinds:
        found |= {name + end for end in ENDINGS} if kind == "histogram" else {name}
    found |= set(re.findall(r'"((?:process|rocket)_[a-z_]+)"', EXPOSITION.read_text()))
    return found


def of_the_bot() -> set[str]:
    """As its source has them."""
    text = BOT.read_text()
    found = {f"rocket_matrix_{name}_total" for name in re.findall(r'counter\("(\w+)"', text)}
    for kind, name in re.findall(r'\b(Gauge|Histogram)\(\s*"(\w+)"', text):
        found |= {name + end for end in ENDINGS} if kind == "Histogram" else {name}
    return found


ENDINGS = ("_bucket", "_sum", "_count")


def kept() -> dict[str, str]:
    """Those that others tell: how each is known, by its name."""
    found = {}
    for line in KEPT.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, how = line.split(maxsplit=1)
            found[name] = how
    return found
