"""Writes gateway/link_order.txt: the functions that a request needs, in the order of its way.

The linker puts them side by side (docs/decisions/0065-functions-in-the-order-of-a-request.md).
Whoever has moved much of that way runs this again; names that are no more are passed over.

    ./dev bench link_order
"""

import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
sys.path[1:1] = [str(HERE.parent / "tests"), str(HERE.parent / "tools")]

from dev.setup import install, missing_packages
from harness.gateway import binary
from overhead import callgrind, measure

ORDER = HERE.parent / "gateway" / "link_order.txt"
REQUESTS = 1000
LOADS = {"whole": ["--model", "small"], "stream": ["--model", "brief", "--stream"]}
# What is called less often belongs to the start, the clock's chores or a rare case.
CALLS_MIN = REQUESTS // 3
# Where all ways begin: a turn of the loop.
FIRST = "_ZN6rocket9EpollLoop4turnEv"

Calls = Counter[tuple[str, str]]


def calls(profile: str) -> Iterator[tuple[str, str, int]]:
    """Caller, callee, count, of functions of the program itself and not of its libraries.

    As callgrind writes them: its manual, "Callgrind Format".
    """
    names: dict[tuple[str, str], str] = {}

    def name(kind: str, text: str) -> str:
        number, _, given = text.partition(" ")
        if given:
            names[kind, number] = given
        return names.get((kind, number), text)

    program = str(binary())
    caller = callee = at = to = ""
    for line in profile.splitlines():
        kind, _, rest = line.partition("=")
        if kind == "ob":
            at = name("ob", rest)
        elif kind == "cob":
            to = name("ob", rest)
        # Behind the quote is the depth of a recursion.
        elif kind == "fn":
            caller = name("fn", rest).partition("'")[0]
        elif kind == "cfn":
            callee = name("fn", rest).partition("'")[0]
        elif kind == "calls":
            if at == program and to in ("", program):
                yield caller, callee, int(rest.split()[0])
            to = ""


def ordered(found: Calls) -> list[str]:
    """Depth first, who is called most first: so each stands near those that it calls."""
    called: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for (caller, callee), count in found.items():
        called[caller].append((count, callee))
    # Behind the loop's own way, by name: what it does not lead to (a library's callbacks).
    waiting = [*sorted(called, reverse=True), FIRST]
    done: dict[str, None] = {}
    while waiting:
        function = waiting.pop()
        if function not in done:
            done[function] = None
            waiting += [callee for _, callee in sorted(called[function])]
    return list(done)


def often(found: Iterable[tuple[str, str, int]]) -> Calls:
    total: Calls = Counter()
    for caller, callee, count in found:
        total[caller, callee] += count
    return Counter({edge: count for edge, count in total.items() if count >= CALLS_MIN})


def main() -> int:
    if missing := missing_packages(callgrind.PACKAGES):
        install(missing)
    found: Calls = Counter()
    with tempfile.TemporaryDirectory(prefix="rocket-link-order-") as scratch:
        upstream = measure.start_upstream(Path(scratch) / "upstream")
        try:
            for name, options in LOADS.items():
                folder = Path(scratch) / name
                text = callgrind.profile(upstream.port, folder, REQUESTS, {}, *options)
                found += often(calls(text))
        finally:
            upstream.stop()
    functions = ordered(found)
    ORDER.write_text("".join(f"{function}\n" for function in functions))
    print(f"{len(functions)} functions in {ORDER.relative_to(HERE.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
