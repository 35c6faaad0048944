"""Reads Prometheus' text format, as far as the gateway writes it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

LINE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')
ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


@dataclass(frozen=True)
class Sample:
    name: str
    labels: dict[str, str]
    value: float


def samples(text: str) -> Iterator[Sample]:
    """What is no sample is passed over."""
    for line in text.splitlines():
        if line.startswith("#") or not (found := LINE.fullmatch(line)):
            continue
        try:
            value = float(found[3])
        except ValueError:
            continue
        labels = {key: unescape(text) for key, text in LABEL.findall(found[2] or "")}
        yield Sample(found[1], labels, value)


def unescape(text: str) -> str:
    return re.sub(r"\\[\\\"n]", lambda found: ESCAPES[found[0]], text)
