#!/usr/bin/env python3
"""Checks what compilers do not: arrows between folders, banned calls, dead files, sizes.

usage: tidy.py [ROOT]. Prints `path:line: problem; remedy` and exits 1 if there is any.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

# Which folders of gateway/ a folder may include, besides itself. Tests and fuzz targets may also
# include testing.
ARROWS = {
    "base": set(),
    "wire": {"base"},
    "policy": {"base"},
    "telemetry": {"base"},
    "store": {"base"},
    "config": {"base", "policy"},
    "schema": {"base", "wire"},
    "net": {"base", "wire"},
    "proxy": {"base", "wire", "schema", "policy", "config", "telemetry", "net"},
    "batch": {"base", "wire", "schema", "policy", "config", "telemetry", "store", "proxy", "net"},
    "admin": {"base", "wire", "config", "policy", "telemetry", "store", "proxy", "net"},
}
EVERYTHING = set(ARROWS)

# Where an arrow is narrower than a folder: the request's path knows sockets only by interfaces.
NARROW = {
    ("proxy", "net"): {
        "io.h",
        "connection_count.h",
        "connection_pool.h",
        "http_connection.h",
        "response_writer.h",
    },
}

FILE_LINES_MAX = 500
FILE_LINES_GOOD = 300
FUNCTION_LINES_MAX = 60
# A ratchet: how many functions are longer today. It only ever goes down.
LONG_FUNCTIONS_MAX = 0

TESTED = {"wire", "policy", "schema", "config"}
DATA_PATH = {"wire", "policy", "schema", "config", "net", "proxy"}
PURE = {"wire", "policy", "schema", "config"}


@dataclass(frozen=True)
class Problem:
    path: str
    line: int
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}" + (
            f"; {self.remedy}" if self.remedy else ""
        )


@dataclass(frozen=True)
class Source:
    """A C++ file of gateway/: its path, its lines, and its lines without comments and literals."""

    path: str
    lines: list[str]
    code: list[str]

    @property
    def folder(self) -> str:
        parts = PurePosixPath(self.path).parts
        return parts[1] if len(parts) > 2 else "main"

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name

    @property
    def test(self) -> bool:
        return self.name.endswith(("_test.cc", "_fuzz.cc"))

    @property
    def program(self) -> bool:
        return self.name == "main.cc" or self.name.endswith("_main.cc")


@dataclass(frozen=True)
class Ban:
    pattern: str
    message: str
    remedy: str
    applies: Callable[[Source], bool] = lambda source: True


def outside(*folders: str) -> Callable[[Source], bool]:
    return lambda source: source.folder not in folders


def within(folders: set[str]) -> Callable[[Source], bool]:
    return lambda source: source.folder in folders and not source.test


BANS = [
    Ban(
        r"\b(?:u|nano)?sleep\s*\(|\bsleep_for\b|\bthis_thread::sleep",
        "sleeping",
        "arm a deadline (SleepUntil), or advance the simulated clock",
    ),
    Ban(
        r"\bstd::(?:j?thread|async)\b(?!::)|\bpthread_create\b",
        "a thread",
        "stay on the loop; threads live in main, net, base, telemetry and store",
        lambda source: (
            source.folder not in ("net", "base", "telemetry", "store", "main") and not source.test
        ),
    ),
    Ban(
        r"\bsteady_clock\s*::\s*now\b",
        "reading the clock",
        "take `now` as an argument, or ask Timers",
        lambda source: source.folder not in ("net", "store", "main") and not source.program,
    ),
    Ban(
        r"\b(?:system|high_resolution)_clock\s*::\s*now\b|\bclock_gettime\b|\bgettimeofday\b|(?<![\w.>:])time\s*\(\s*(?:0|NULL|nullptr|&)",
        "reading the clock",
        "take the time as an argument",
        within(PURE | {"proxy"}),
    ),
    Ban(
        r"\b(?:std::)?f?(?:printf|puts)\s*\(|\bstd::c(?:out|err|log)\b",
        "printing on the data path",
        "log through telemetry, or return an Error",
        within(DATA_PATH),
    ),
    Ban(
        r"\brandom_device\b",
        "a random source that differs at every run",
        "let main seed a Random of base/random.h and pass it in",
        lambda source: source.folder != "main" and not source.test,
    ),
    Ban(
        r"\bs?rand\s*\(|\bmt19937",
        "an unseeded or slow random source",
        "take a Random of base/random.h",
    ),
    Ban(
        r"(?<!operator )(?<!include <)\bnew\b(?!\s*\()", "naked new", "std::make_unique, or a value"
    ),
    Ban(r"(?<!= )(?<!operator )\bdelete\b", "naked delete", "std::unique_ptr, or a value"),
    Ban(r"\busing\s+namespace\s+std\s*;", "a whole namespace", "name what is used"),
    Ban(
        r"\busing\s+namespace\s+(?!std::(?:\w+_)?literals\b)",
        "a namespace forced on every includer",
        "name what is used",
        lambda source: source.name.endswith(".h"),
    ),
    Ban(r"\b(?:boost::)?asio\b", "Asio", "net/ has its own loop"),
    Ban(
        r"\bthrow\b(?!\s*\()",
        "throwing on the data path",
        "return fail(code, detail)",
        within({"proxy", "wire", "policy", "schema", "net"}),
    ),
    Ban(
        r"\bstd::(?:recursive_|shared_)?mutex\b",
        "a lock on the request path",
        "keep the object on one loop, or make it immutable",
        within(PURE | {"proxy"}),
    ),
    Ban(r"^\s*#\s*define\s+(?!ROCKET_ASSERT\b)", "a macro", "a constant, a function or a template"),
    Ban(
        r"\b(?:class|struct)\s+\w*(?:Manager|Helper|Utils?|Impl|Data)\b(?!\s*::)",
        "a name that says nothing",
        "say what it is",
    ),
]

# Anywhere in the tree, comments and documents too.
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
ELSEWHERE = re.compile(
    r"(?<![\w.\-])[/](?:root|work)[/][\w.]"
    r"|\b(?:pypi[.]org|files[.]pythonhosted[.]org|proxy[.]golang[.]org|sum[.]golang[.]org"
    r"|registry[.]npmjs[.]org|deb[.]debian[.]org|crates[.]io|repo1[.]maven[.]org)\b"
)
# Files that have to spell out what they look for.
SPELLED = {"tools/tidy.py", "tools/tidy_test.py"}
TEXT = {
    ".h",
    ".cc",
    ".py",
    ".md",
    ".txt",
    ".json",
    ".yaml",
    ".yml",
    ".toml",
    ".ini",
    ".sh",
    ".cmake",
    "",
}


def blanked(lines: list[str]) -> list[str]:
    """The lines with comments and the insides of literals turned into spaces."""
    text = "\n".join(lines)
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(?P<mark>[^\s()\\]{0,16})\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
        re.DOTALL,
    )
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text).split("\n")


def includes(source: Source) -> Iterator[tuple[int, str]]:
    """Line and path of each include of ours."""
    for number, line in enumerate(source.lines, 1):
        if found := re.match(r'\s*#\s*include\s+"([^"]+)"', line):
            yield number, found[1]


def check_arrows(source: Source) -> Iterator[Problem]:
    if source.folder == "testing":
        return
    allowed = EVERYTHING if source.folder == "main" else ARROWS.get(source.folder)
    if allowed is None:
        yield Problem(
            source.path,
            1,
            f"gateway/{source.folder} has no arrows",
            "give it a row in ARROWS of tools/tidy.py",
        )
        return
    # What lies in gateway/ itself is main's, and is included without a folder.
    own = "" if source.folder == "main" else source.folder
    allowed = allowed | {own} | ({"testing"} if source.test else set())
    for number, path in includes(source):
        folder, _, name = path.rpartition("/")
        if folder not in allowed:
            yield Problem(
                source.path,
                number,
                f"{source.folder} may not include {path}",
                "includes are relative to gateway/ and follow ARROWS of tools/tidy.py",
            )
        elif not source.test and name not in NARROW.get((source.folder, folder), {name}):
            yield Problem(
                source.path,
                number,
                f"{source.folder} may not include {path}",
                f"of {folder} it sees only " + ", ".join(sorted(NARROW[source.folder, folder])),
            )


def check_bans(source: Source) -> Iterator[Problem]:
    for ban in BANS:
        if ban.applies(source):
            for number, line in enumerate(source.code, 1):
                if re.search(ban.pattern, line):
                    yield Problem(source.path, number, ban.message, ban.remedy)
    if source.name.endswith(".h") and "#pragma once" not in source.lines:
        yield Problem(source.path, 1, "no #pragma once", "put it on the first line")


def check_dead(sources: list[Source]) -> Iterator[Problem]:
    included = {path for source in sources for _, path in includes(source)}
    present = {source.path for source in sources}
    for source in sources:
        path = source.path.removeprefix("gateway/")
        if source.name.endswith(".h"):
            if path not in included:
                yield Problem(source.path, 1, "nobody includes this header", "delete it")
        elif (
            not source.test
            and not source.program
            and source.path.removesuffix(".cc") + ".h" not in present
        ):
            yield Problem(
                source.path,
                1,
                "no header of this name",
                "add it, or move the code to where it belongs",
            )
        if (
            source.folder in TESTED
            and source.name.endswith(".cc")
            and not source.test
            and source.path.removesuffix(".cc") + "_test.cc" not in present
        ):
            yield Problem(
                source.path,
                1,
                "no test of this name",
                f"write {source.name.removesuffix('.cc')}_test.cc beside it",
            )


def functions(source: Source) -> Iterator[tuple[int, int]]:
    """First line and length of each function body, as clang-format lays them out."""
    stack: list[tuple[int, bool]] = []
    statement = ""
    for number, line in enumerate(source.code, 1):
        if line.lstrip().startswith("#"):
            continue
        for character in line:
            if character == "{":
                stack.append(
                    (number, is_function(statement) and not any(inside for _, inside in stack))
                )
                statement = ""
            elif character == "}":
                start, outermost = stack.pop() if stack else (number, False)
                if outermost:
                    yield start, number - start + 1
                statement = ""
            elif character == ";":
                statement = ""
            else:
                statement += character
        statement += " "


def is_function(statement: str) -> bool:
    """Whether what stands before a brace is a function's head."""
    return "(" in statement and not re.match(
        r"(?:\s*(?:public|protected|private)\s*:)*\s*(?:template\s*<.*>\s*)?(?:namespace|class|struct|enum|union)\b",
        statement,
    )


def check_sizes(sources: list[Source], notes: list[str]) -> Iterator[Problem]:
    long = []  # a test's table may be longer than a screen
    for source in sources:
        if len(source.lines) > FILE_LINES_MAX:
            yield Problem(
                source.path,
                1,
                f"{len(source.lines)} lines",
                f"past {FILE_LINES_MAX}: which second thing does it do?",
            )
        elif len(source.lines) > FILE_LINES_GOOD:
            notes.append(
                f"{source.path}: {len(source.lines)} lines; {FILE_LINES_GOOD} are a coffee's read"
            )
        long += [
            Problem(
                source.path,
                start,
                f"a function of {length} lines",
                "what does a screen not need to see?",
            )
            for start, length in functions(source)
            if length > FUNCTION_LINES_MAX and not source.test
        ]
    if len(long) > LONG_FUNCTIONS_MAX:
        yield from long
    elif len(long) < LONG_FUNCTIONS_MAX:
        yield Problem(
            "tools/tidy.py",
            1,
            f"only {len(long)} functions are long now",
            "lower LONG_FUNCTIONS_MAX",
        )


def check_text(path: str, text: str) -> Iterator[Problem]:
    if path in SPELLED:
        return
    for number, line in enumerate(text.split("\n"), 1):
        if UNFINISHED.search(line):
            yield Problem(
                path, number, "unfinished work", "finish it, or file an issue and drop the note"
            )
        if found := ELSEWHERE.search(line):
            yield Problem(
                path, number, f"{found[0]} belongs to one machine or registry", "leave it out"
            )


def read(root: Path, names: list[str]) -> tuple[list[Source], dict[str, str]]:
    sources, texts = [], {}
    for name in names:
        path = root / name
        if path.suffix not in TEXT or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        texts[name] = text
        if name.startswith("gateway/") and path.suffix in (".h", ".cc"):
            lines = text.split("\n")[:-1] if text.endswith("\n") else text.split("\n")
            sources.append(Source(name, lines, blanked(lines)))
    return sources, texts


def check(root: Path, names: list[str]) -> tuple[list[Problem], list[str]]:
    """Problems, and notes that fail nothing."""
    sources, texts = read(root, names)
    problems: list[Problem] = []
    notes: list[str] = []
    for source in sources:
        problems += check_arrows(source)
        problems += check_bans(source)
    problems += check_dead(sources)
    problems += check_sizes(sources, notes)
    for name, text in texts.items():
        problems += check_text(name, text)
    return sorted(problems, key=lambda problem: (problem.path, problem.line)), notes


def tracked(root: Path) -> list[str]:
    """What git tracks or would track."""
    answer = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        stdout=subprocess.PIPE,
        check=True,
    )
    return sorted(set(answer.stdout.decode().split("\0")) - {""})


def main() -> int:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    problems, notes = check(root, tracked(root))
    for note in notes:
        print(f"note: {note}")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
