"""A long answer in parts that each fit into an event. Pure, and greedy from the front: as an answer
grows, the parts before its last one stay what they are."""

import html
import json
import re
from collections.abc import Callable

# A part's length in characters, if it fits.
PART_CHARACTERS = 8_000
# What an event has room for (messages.CONTENT_BYTES_MAX), less the tags of usual text.
PART_WEIGHT = 40_000
# Where a part may end, best first; behind what is matched.
_BREAKS = (r"\n\s*\n", r"\n", r"[.!?]\s", r"\s")


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
    mark = re.match(r"[`~]+", fence)
    closing = mark[0] if mark else "```"
    return part.rstrip("\n") + "\n" + closing, fence + "\n" + rest.removeprefix("\n")


def _open_fence(text: str) -> str:
    """The line that opened the code block in which the text ends; empty if it ends outside."""
    opened = ""
    for line in text.split("\n"):
        found = re.match(r" {0,3}(`{3,}|~{3,})(.*)$", line)
        if not found:
            continue
        mark, info = found[1], found[2].strip()
        if not opened:
            # A model's info string may be anything; a long one is not repeated.
            opened = mark + info if len(info) <= 32 and "`" not in info else mark
        elif (
            mark[0] == opened[0]
            and len(mark) >= len(opened) - len(opened.lstrip("`~"))
            and not info
        ):
            opened = ""
    return opened
