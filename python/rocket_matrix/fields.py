"""Reads settings into dataclasses: each field says how its value is read, and a problem says where
it is and how to mend it. Nothing here knows which settings there are."""

import dataclasses
import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

Reader = Callable[[Any], Any]


@dataclass(frozen=True)
class Problem:
    path: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}; {self.remedy}"


class Wrong(ValueError):
    """A value that can not be read: what is wrong with it, and the remedy."""

    def __init__(self, message: str, remedy: str):
        super().__init__(message)
        self.message = message
        self.remedy = remedy


def setting(read: Reader, default: Any = dataclasses.MISSING, why: str = "") -> Any:
    """A field of a settings dataclass. Without a default it has to be given."""
    return dataclasses.field(default=default, metadata={"read": read, "why": why})


def read_settings(kind: type, given: Any, path: str, problems: list[Problem]) -> Any:
    """`kind` with what `given` says; None once there is a problem, which is added to `problems`."""
    if not isinstance(given, dict):
        problems.append(Problem(path or "file", "not a mapping", "write `name: value` lines"))
        return None
    before = len(problems)
    known = {each.name: each for each in dataclasses.fields(kind) if "read" in each.metadata}
    for name in given:
        if name not in known:
            problems.append(Problem(_join(path, name), "unknown setting", nearest(name, known)))
    values = {}
    for name, each in known.items():
        if name in given:
            values[name] = _read(each.metadata["read"], given[name], _join(path, name), problems)
        elif each.default is dataclasses.MISSING:
            problems.append(
                Problem(_join(path, name), "missing", f"add it: {each.metadata['why']}")
            )
    return kind(**values) if len(problems) == before else None


def nearest(name: Any, known: Iterable[str]) -> str:
    """The remedy for a name that nobody knows."""
    known = sorted(known)
    close = difflib.get_close_matches(str(name), known, n=1)
    return f"did you mean {close[0]}?" if close else "known are " + ", ".join(known)


def _join(path: str, name: Any) -> str:
    return f"{path}.{name}" if path else str(name)


def _read(read: Reader, value: Any, path: str, problems: list[Problem]) -> Any:
    nested = getattr(read, "nested", None)
    if nested:
        return nested(value, path, problems)
    try:
        return read(value)
    except Wrong as wrong:
        problems.append(Problem(path, wrong.message, wrong.remedy))
        return None


def nested(kind: type) -> Reader:
    """A mapping with settings of its own."""

    def read(value: Any) -> Any:
        raise AssertionError("read_settings reads it with its path")

    read.nested = lambda value, path, problems: read_settings(kind, value, path, problems)  # type: ignore[attr-defined]
    return read


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong("not a text", 'put it in quotes: "..."')
    return value


def texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Wrong("not a list of texts", 'write ["one", "two"]')
    return tuple(value)


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Wrong("neither true nor false", "write true or false")
    return value


def url(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", value):
        raise Wrong("not a URL", "write https://HOST or http://HOST:PORT, without a user name")
    return value.rstrip("/")


def count(least: int, most: int) -> Reader:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Wrong("not such a number", f"write a whole number from {least} to {most}")
        return value

    return read


def number(least: float, most: float) -> Reader:
    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise Wrong("not a number", f"write one from {least:g} to {most:g}")
        if not least <= value <= most:
            raise Wrong("out of range", f"write a number from {least:g} to {most:g}")
        return float(value)

    return read


_DURATIONS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SIZES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20}


def duration(least: float, most: float) -> Reader:
    """In seconds."""

    def read(value: Any) -> float:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", str(value))
        if not found:
            raise Wrong("not a duration", "write one with its unit: 250ms, 2s, 5m, 1h")
        seconds = float(found[1]) * _DURATIONS[found[2]]
        if not least <= seconds <= most:
            raise Wrong("out of range", f"write a duration from {least:g}s to {most:g}s")
        return seconds

    return read


def size(least: int, most: int) -> Reader:
    """In bytes."""

    def read(value: Any) -> int:
        found = re.fullmatch(r"(\d+)(B|KiB|MiB)", str(value))
        if not found:
            raise Wrong("not a size", "write one with its unit: 512B, 64KiB, 10MiB")
        size_bytes = int(found[1]) * _SIZES[found[2]]
        if not least <= size_bytes <= most:
            raise Wrong("out of range", f"write a size from {least}B to {most}B")
        return size_bytes

    return read
