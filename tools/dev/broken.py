"""`./dev sim --broken`: a test of the tests. Breaks the gateway's decisions one by one, in a copy of
the tree, and demands that the simulation notices each."""

import importlib.util
import subprocess
import sys
from pathlib import Path

from dev import process
from dev.build import compiler_cache
from dev.console import DevError, Tally, relay_line, say
from dev.places import BUILD, ROOT, THIRD_PARTY, shown
from dev.setup import setup

TABLE = ROOT / "tests/broken_policies/policies.py"
# The copy. It is laid out as the tree is, so that the compiler's cache knows what it compiles.
COPY = BUILD / "broken"
# A life is over in milliseconds, in a debug build in a fraction of a second.
SECONDS_PER_SEED = 10


def broken(pattern: str = "", preset: str = "release") -> int:
    table = load_table()
    chosen = [one for one in table.POLICIES if pattern in one.name]
    if not chosen:
        raise DevError(f"no broken policy has {pattern!r} in its name")
    copy_tree()
    folder = configure_copy(preset)
    found = survives(folder, compile_copy(folder), 50)
    if found is None:
        say("as it is: 50 lives keep every promise")
    else:
        raise DevError(f"the simulation fails without anything broken: {found}")
    tally = Tally()
    for one in chosen:
        tally += try_one(one, folder)
    say(f"{tally.passed} broken policies found, {tally.failed} not")
    return 1 if tally.failed else 0


def check_table() -> None:
    """DevError unless every edit applies to the sources as they are."""
    lost = []
    for one in load_table().POLICIES:
        try:
            edited(one, originals_of(one))
        except DevError as error:
            lost.append(f"{one.name}: {error}")
    if lost:
        raise DevError("\n".join(lost))


def originals_of(one) -> dict[str, str]:
    return {path: (ROOT / path).read_text(encoding="utf-8") for path, _, _ in one.edits}


def load_table():
    spec = importlib.util.spec_from_file_location("broken_policies", TABLE)
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def copy_tree() -> None:
    """The sources as they are now; what has not changed keeps its time."""
    COPY.mkdir(parents=True, exist_ok=True)
    kept = set()
    for source in [
        ROOT / "CMakeLists.txt",
        ROOT / "CMakePresets.json",
        ROOT / "tools/precompile.cmake",
        ROOT / "gateway/profile.txt",
        *(path for path in (ROOT / "gateway").rglob("*") if path.suffix in (".h", ".cc")),
    ]:
        target = COPY / source.relative_to(ROOT)
        kept.add(target)
        write_if_changed(target, source.read_text(encoding="utf-8"))
    for old in (COPY / "gateway").rglob("*"):
        if old.is_file() and old not in kept:
            old.unlink()
    (COPY / "build").mkdir(exist_ok=True)
    link = COPY / "build/third_party"
    if not link.is_symlink():
        link.symlink_to(THIRD_PARTY)


def write_if_changed(path: Path, text: str) -> None:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def cache() -> dict[str, str]:
    return {**compiler_cache(), "CCACHE_BASEDIR": str(COPY)}


def configure_copy(preset: str) -> Path:
    setup("build")
    process.run("configuring a copy", ["cmake", "--preset", preset], env=cache(), cwd=COPY)
    return COPY / "build" / preset


def compile_copy(folder: Path) -> Path:
    process.run("building the copy", ["cmake", "--build", folder, "--target", "simulate"], env=cache())
    return folder / "simulate"


def try_one(one, folder: Path) -> Tally:
    originals = originals_of(one)
    try:
        for path, text in edited(one, originals).items():
            (COPY / path).write_text(text, encoding="utf-8")
        program = compile_copy(folder)
        found = survives(folder, program, one.mutated or one.seeds, mutated=one.mutated > 0)
    except DevError as error:
        say(f"{one.name}: does not apply")
        for line in str(error).splitlines():
            relay_line(line.removeprefix("| "))
        return Tally(failed=1)
    finally:
        for path, text in originals.items():
            write_if_changed(COPY / path, text)
    if found is None:
        where = f"{one.mutated} streams" if one.mutated else f"{one.seeds} lives"
        say(f"{one.name}: NOT FOUND in {where}")
        return Tally(failed=1)
    say(f"{one.name}: {found}")
    return Tally(passed=1)


def edited(one, originals: dict[str, str]) -> dict[str, str]:
    texts = dict(originals)
    for path, before, after in one.edits:
        times = texts[path].count(before)
        if times != 1:
            raise DevError(
                f"{path} has {times} times what is to be edited; mend {shown(TABLE)}:\n{before}"
            )
        texts[path] = texts[path].replace(before, after)
    return texts


def survives(folder: Path, program: Path, seeds: int, *, mutated: bool = False) -> str | None:
    """What the first life that fails says; none: all go well. `mutated`: damaged client streams,
    so many."""
    argv = [program, "--seed", "1", "--count", str(seeds), "--mutated" if mutated else "--first"]
    try:
        done = subprocess.run(
            argv,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=seeds * SECONDS_PER_SEED,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "it hangs"
    if done.returncode == 0:
        return None
    if done.returncode < 0:
        said = (done.stdout + done.stderr).strip().splitlines()
        return f"it ends by signal {-done.returncode}" + (f": {said[-1]}" if said else "")
    return done.stdout.splitlines()[0]
