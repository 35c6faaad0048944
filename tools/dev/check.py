"""`./dev check`: what a reviewer should not have to say."""

import ast
import difflib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from dev import process
from dev.broken import check_table
from dev.build import RELEASE, build, configure
from dev.console import DevError, Tally, conclude, relay_line, say
from dev.places import BUILD, ROOT, shown
from dev.setup import setup
from dev.test import tool_tests
from dev.venvs import python


def check(everything: bool) -> int:
    setup("build", "check")
    tally = Tally()
    for name, step in steps(everything).items():
        tally += attempt(name, step)
    return conclude(tally)


def steps(everything: bool) -> dict[str, Callable[[], object]]:
    return {
        "format": formatted,
        "tidy": tidy,
        "tests of the tools": tools,
        "python": python_compiles,
        "types": types,
        "broken policies apply": check_table,
        "docs": docs_follow,
        "monitoring": monitoring_follows,
        "clang-tidy": lambda: clang_tidy(everything),
    }


def attempt(name: str, step: Callable[[], object]) -> Tally:
    """One step, counted. It fails by DevError; a Tally that it returns counts for itself."""
    try:
        found = step()
    except DevError as error:
        say(f"{name}: failed")
        for line in str(error).splitlines():
            relay_line(line.removeprefix("| "))
        return Tally(failed=1, named=((name, str(error)),))
    if not isinstance(found, Tally):
        found = Tally(passed=1)
    unnamed = found.failed - len(found.named)
    if unnamed > 0:
        found += Tally(named=((name, f"{unnamed} failed: see above"),))
    say(f"{name}: {'failed' if found.failed else 'ok'}")
    return found


def sources() -> list[Path]:
    return sorted(path for path in (ROOT / "gateway").rglob("*") if path.suffix in (".h", ".cc"))


def formatted() -> None:
    process.run("clang-format", ["clang-format-19", "--dry-run", "--Werror", *sources()])


def tidy() -> None:
    process.run("tidy", [sys.executable, ROOT / "tools/tidy.py"])


def tools() -> None:
    if tool_tests().failed:
        raise DevError("a test of tools/ fails: see above")


def python_compiles() -> None:
    for path in [
        ROOT / "dev",
        *(ROOT / "tools").rglob("*.py"),
        *(ROOT / "python").rglob("*.py"),
        *(ROOT / "tests").rglob("*.py"),
        *(ROOT / "bench").rglob("*.py"),
        *(ROOT / "python").rglob("*.py"),
        *(ROOT / "deploy").rglob("*.py"),
    ]:
        try:
            ast.parse(path.read_text(encoding="utf-8"), str(path))
        except SyntaxError as error:
            raise DevError(f"{shown(path)}:{error.lineno}: {error.msg}") from error


def types() -> None:
    """Of the bot: what its parts take from each other is seen by no compiler. Its tests, which give
    them less than that on purpose, and Ray's decorators, which hide what they make, are left out."""
    bot = python(ROOT / "python/rocket_matrix/requirements.txt")
    mypy = [python(ROOT / "tools/requirements.txt"), "-m", "mypy", "--python-executable", bot]
    settings = ["--config-file", ROOT / "pyproject.toml", "--cache-dir", BUILD / "mypy"]
    process.run("types", [*mypy, *settings, "-p", "rocket_matrix"], cwd=ROOT / "python")


def docs_follow() -> None:
    """docs/configuration.md is what the binary says of itself."""
    build("release", "rocket")
    written = subprocess.run(
        [RELEASE / "rocket", "docs", "configuration"], capture_output=True, text=True, check=False
    )
    if written.returncode != 0:
        raise DevError(
            f"rocket docs configuration: exit {written.returncode}\n{written.stderr}".rstrip()
        )
    path = ROOT / "docs/configuration.md"
    kept = path.read_text() if path.exists() else ""
    if kept != written.stdout:
        drift = difflib.unified_diff(
            kept.splitlines(), written.stdout.splitlines(), "kept", "generated", lineterm="", n=1
        )
        raise DevError(
            "docs/configuration.md is not what the binary says; run: "
            "build/release/rocket docs configuration > docs/configuration.md\n"
            + "\n".join(list(drift)[:20])
        )


def monitoring_follows() -> None:
    """Dashboards, and rules as Kubernetes takes them, are what tools/monitoring.py makes."""
    process.run("monitoring", [sys.executable, "-B", ROOT / "tools/monitoring.py", "--check"])


def clang_tidy(everything: bool) -> None:
    folder = configure("release")
    # Tests are left out: half of the time, and they are read anyway.
    chosen = [
        path for path in sources() if path.suffix == ".cc" and not path.stem.endswith("_test")
    ]
    if not everything:
        changed = changed_files()
        chosen = [path for path in chosen if touched(path, changed)]
    if not chosen:
        return
    listed = folder / "clang-tidy-files.txt"
    listed.write_text("".join(f"{path}\n" for path in chosen))
    xargs = ["xargs", "-a", listed, "-P", str(os.cpu_count()), "-n", "1"]
    tidy_one = ["clang-tidy-19", "-p", folder, "--quiet"]
    try:
        process.run(f"clang-tidy of {len(chosen)} files", [*xargs, *tidy_one])
    except DevError as error:
        # It counts what it found in other people's headers, too, and then leaves it out.
        told = [line for line in str(error).splitlines() if " warnings generated" not in line]
        raise DevError("\n".join(told)) from error


def touched(source: Path, changed: set[Path]) -> bool:
    """A source is looked at again when it or the header of its name has changed."""
    return source in changed or source.with_suffix(".h") in changed


def changed_files() -> set[Path]:
    """What differs from where this branch left main; on main itself, from the commit before."""
    head = git("rev-parse", "HEAD")
    base = git("merge-base", "HEAD", "origin/main")
    if not head or base == head:
        base = git("rev-parse", "HEAD~1")
    if not base:
        return set(sources())
    names = git("diff", "--name-only", base).splitlines()
    names += git("ls-files", "--others", "--exclude-standard").splitlines()
    return {ROOT / name for name in names}


def git(*words: str) -> str:
    """git's answer; empty if it has none."""
    answer = subprocess.run(
        ["git", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    return answer.stdout.strip() if answer.returncode == 0 else ""
