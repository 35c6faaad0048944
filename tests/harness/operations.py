"""The steps of docs/operations.md, for tests that execute them as they stand."""

import re
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "docs/operations.md").read_text()


def section(heading: str) -> str:
    """From a heading, such as `### In place`, to the next one of its rank or above."""
    rank = heading.split()[0]
    found = TEXT.partition(f"{heading}\n")[2]
    assert found, f"docs/operations.md has no {heading}"
    return re.split(rf"^#{{2,{len(rank)}}} ", found, maxsplit=1, flags=re.MULTILINE)[0]


def blocks(heading: str, kind: str) -> list[str]:
    """What stands between ```kind and ``` in that section."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", section(heading), re.MULTILINE | re.DOTALL)


def command(heading: str, start: str) -> list[str]:
    """The words, from those of `start` on, of the section's one command that has them; what is sent
    elsewhere, and comments, are left out."""
    lines = [line for block in blocks(heading, "sh") for line in block.splitlines()]
    (found,) = [line for line in lines if start in line]
    words = found[found.index(start) :]
    return re.split(r"\s+(?:[<>|&#]|&&)", words, maxsplit=1)[0].split()
