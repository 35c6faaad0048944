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
BOUNDS += ["store.file_bytes", "store.bytes", "store.expiry", "store.batch_expiry"]
BOUNDS += ["batch.unfinished"]
LIMITS = settings("limits") + settings("timeouts") + BOUNDS
ROW = r"^\| `((?:limits|timeouts|responses|store|batch)\.\w+)` \| (.+) \|$"
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
        text = "".join(path.read_text() for path in sorted((ROOT / "tests").rglob(file)))
        assert f"def {name}(" in text, name
        assert not case or f'"{case}' in text, case


OPERATIONS = (ROOT / "docs/operations.md").read_text()
DRILLS = re.findall(
    r"`(test_\w+\.py)::(test_\w+)`", OPERATIONS.partition("## Disaster recovery\n")[2]
)


def test_there_are_drills() -> None:
    assert len(DRILLS) >= 10


@pytest.mark.parametrize("file,name", DRILLS)
def test_the_drill_of_a_disaster_exists(file: str, name: str) -> None:
    (path,) = (ROOT / "tests").rglob(file)
    assert f"def {name}(" in path.read_text()


def anchors(path: Path) -> set[str]:
    """Of a document's headings, as they are linked to."""
    found = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in found}


DOCUMENTS = sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    lost = []
    for target, anchor in re.findall(r"\]\(([\w./-]*\.md)?#([\w-]+)\)", path.read_text()):
        file = path.parent / target if target else path
        if not file.exists() or anchor not in anchors(file):
            lost.append(f"{target}#{anchor}")
    assert lost == []


# Of the faults of one gateway: F23 to F26 are the cluster's and the bot's.
FAULTS = [f"F{number}" for number in (*range(1, 23), 27, 28)]
FAULT_ROWS = dict(re.findall(r"^\| (F\d+) [^|]+\|[^|]+\| (.+) \|$", TESTING, re.MULTILINE))
UNIT_TESTS = "\n".join(path.read_text() for path in (ROOT / "gateway").rglob("*_test.cc"))


def test_the_table_has_every_fault_and_no_other() -> None:
    assert list(FAULT_ROWS) == FAULTS


@pytest.mark.parametrize("fault", FAULTS)
def test_the_test_of_a_fault_exists(fault: str) -> None:
    names = re.findall(r"`([^`]+)`", FAULT_ROWS[fault])
    assert names
    for name in names:
        if unit := re.fullmatch(r"(\w+)\.(\w+)", name):
            suite, test = unit.groups()
            assert re.search(rf"TEST(_F|_P)?\({suite}, {test}\)", UNIT_TESTS), name
        else:
            holds_test(name)


def holds_test(name: str) -> None:
    found = re.fullmatch(r"(test_\w+\.py)::(test_\w+)(?:\[([^\]]+)\])?", name)
    assert found, name
    file, test, case = found.groups()
    # Suites may have files of the same name.
    texts = [path.read_text() for path in (ROOT / "tests").rglob(file)]
    text = next((each for each in texts if f"def {test}(" in each), None)
    assert text, name
    assert not case or f'"{case}"' in text, name
