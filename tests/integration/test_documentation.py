"""docs/testing.md says which test holds which limit; this holds docs/testing.md."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIGURATION = (ROOT / "docs/configuration.md").read_text()
TESTING = (ROOT / "docs/testing.md").read_text()
GATEWAY = "\n".join(
    path.read_text()
    for path in (ROOT / "gateway").rglob("*.cc")
    if "config" not in path.parts and not path.name.endswith("_test.cc")
)


def settings(section: str) -> list[str]:
    """The keys of a section of the generated documentation."""
    table = CONFIGURATION.partition(f"## `{section}`\n")[2].partition("\n## ")[0]
    keys = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert keys, section
    return [f"{section}.{key}" for key in keys]


# What bounds something; `responses.store` is a switch.
BOUNDS = [one for one in settings("responses") if one != "responses.store"]
BOUNDS += ["store.file_bytes", "store.bytes", "store.expiry"]
LIMITS = settings("limits") + settings("timeouts") + BOUNDS
ROW = r"^\| `((?:limits|timeouts|responses|store)\.\w+)` \| (.+) \|$"
NAMED = dict(re.findall(ROW, TESTING, re.MULTILINE))


def test_the_table_has_every_limit_and_no_other() -> None:
    assert sorted(NAMED) == sorted(LIMITS)


@pytest.mark.parametrize("limit", LIMITS)
def test_the_test_of_a_limit_exists(limit: str) -> None:
    if NAMED[limit] == "none: not in force yet":
        assert f".{limit}" not in GATEWAY, f"{limit} is in force now: name its test"
        return
    tests = re.findall(r"`(test_\w+\.py)::(test_\w+)(?:\[([^`\]]+)\])?`", NAMED[limit])
    assert tests, NAMED[limit]
    for file, name, case in tests:
        (path,) = (ROOT / "tests").rglob(file)
        text = path.read_text()
        assert f"def {name}(" in text, name
        assert not case or f'"{case}' in text, case
