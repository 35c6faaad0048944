"""A long answer in parts that each fit into an event. Pure, and greedy from the front: as an answer
grows, the parts before its last one stay what they are."""

import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass

# A part's length in characters, if it fits.
PART_CHARACTERS = 8_000
# What an event has room for (messages.CONTENT_BYTES_MAX), less the tags of usual text.
PART_WEIGHT = 40_000
# Where a part may end, best first; behind what is matched.
_BREAKS = (r"\n\s*\n", r"\n", r"[.!?]\s", r"\s")

# What opens a block of code, perhaps in a list: at its item's mark, or below it.
_OPENING = re.compile(r"( *(?:(?:[-*+]|\d{1,9}[.)]) +)?)(`{3,}|~{3,})(.*)$")


@dataclass(frozen=True)
class Fence:
    """`indent`: of its own line, in characters."""

    mark: str
    info: str
    indent: int

    def closed_by(self, line: str) -> bool:
        found = line.strip()
        marks = len(found) >= len(self.mark) and not found.strip(self.mark[0])
        # One that stands further in is the block's own, as in the comment of a program.
        return marks and len(line) - len(line.lstrip()) <= self.indent + 3


def split(text: str, fits: Callable[[str], bool]) -> list[str]:
    """At least one part. A code block that is cut is closed, and opened again in the next part."""
    parts: list[str] = []
    rest = text
    while True:
        most = _window(rest)
        if len(rest) <= most and fits(rest):
            break
        part, rest = _first(rest, most, fits)
        parts.append(part)
    if rest or not parts:
        parts.append(rest)
    return parts


def _window(text: str) -> int:
    """How many of the first characters may fit into an event. It depends on no others, else what is
    cut off would change whenever more text comes: no part would ever be finished."""
    if _weight(text[:PART_CHARACTERS]) <= PART_WEIGHT:
        return PART_CHARACTERS
    least, most = 1, PART_CHARACTERS
    while most - least > 1:
        middle = (least + most) // 2
        if _weight(text[:middle]) <= PART_WEIGHT:
            least = middle
        else:
            most = middle
    return least


def _weight(text: str) -> int:
    """In bytes: an edit says it twice as text and once as HTML, without the tags."""
    return 2 * len(json.dumps(text)) + len(json.dumps(html.escape(text, quote=False)))


def _first(text: str, most: int, fits: Callable[[str], bool]) -> tuple[str, str]:
    """What comes first of a text that is too long, and the rest."""
    end = most
    while end >= len(text) and end > 1:
        end //= 2
    while True:
        cut = _break_before(text, end)
        part, rest = _cut(text, cut)
        if fits(part) or end <= 1:
            break
        end //= 2
    if len(rest) >= len(text):
        # Nothing but the opening of a block: cut it as it comes.
        return text[:cut], text[cut:]
    return part, rest


def _break_before(text: str, end: int) -> int:
    """The best place to cut in the second half of what may be taken."""
    window = text[:end]
    for pattern in _BREAKS:
        last = None
        for last in re.finditer(pattern, window):
            pass
        if last and last.end() > end // 2:
            return last.end()
    return end


def _cut(text: str, end: int) -> tuple[str, str]:
    part, rest = text[:end], text[end:]
    fence = _open_fence(part)
    if not fence:
        return part.rstrip(), rest.lstrip("\n")
    indent = " " * fence.indent
    if fence.indent:
        # Where the list is not, in which the block stands, its lines begin at the margin.
        rest = _outdented(rest, fence, whole_line=part.endswith("\n"))
    opened = fence.mark + fence.info
    rest = rest.removeprefix("\n")
    return part.rstrip("\n") + f"\n{indent}{fence.mark}", f"{opened}\n{rest}"


def _open_fence(text: str) -> Fence | None:
    """What opened the code block in which the text ends; none if it ends outside."""
    opened: Fence | None = None
    for line in text.split("\n"):
        if opened:
            opened = None if opened.closed_by(line) else opened
        elif found := _OPENING.match(line):
            mark, info = found[2], found[3].strip()
            if mark[0] == "`" and "`" in info:
                continue  # ```code``` in a line
            # A model's info string may be anything; a long one is not repeated.
            plain = len(info) <= 32 and "`" not in info
            opened = Fence(mark, info if plain else "", len(found[1]))
    return opened


def _outdented(text: str, fence: Fence, whole_line: bool) -> str:
    """With the rest of a block further to the left, up to its end. `whole_line`: the first one is."""
    lines = text.split("\n")
    for index, line in enumerate(lines):
        if index or whole_line:
            blanks = len(line) - len(line.lstrip(" "))
            lines[index] = line[min(blanks, fence.indent) :]
        if fence.closed_by(line):
            break
    return "\n".join(lines)
