"""A long answer in parts that each fit into an event. Pure, and greedy from the front: as an answer
grows, the parts before its last one stay what they are."""

import re
from collections.abc import Callable

# A part's length in characters, if it fits.
PART_CHARACTERS = 8_000
# Where a part may end, best first; behind what is matched.
_BREAKS = (r"\n\s*\n", r"\n", r"[.!?]\s", r"\s")


def split(text: str, fits: Callable[[str], bool]) -> list[str]:
    """At least one part. A code block that is cut is closed, and opened again in the next part."""
    parts: list[str] = []
    rest = text
    while len(rest) > PART_CHARACTERS or not fits(rest):
        end = min(len(rest), PART_CHARACTERS)
        while True:
            end = _break_before(rest, end)
            part, rest_after = _cut(rest, end)
            if fits(part) or end <= 1:
                break
            end //= 2
        if len(rest_after) >= len(rest):
            # Nothing but the opening of a block: cut it as it comes.
            part, rest_after = rest[:end], rest[end:]
        parts.append(part)
        rest = rest_after
    if rest or not parts:
        parts.append(rest)
    return parts


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
