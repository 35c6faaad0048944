"""`./dev fuzz`: every *_fuzz.cc is a target; what it once found interesting is kept beside it."""

import secrets
from pathlib import Path

from dev import process
from dev.build import BUILD, build
from dev.console import DevError, Tally, conclude, say
from dev.places import ROOT, shown

FOLDER = BUILD / "asan"
FOUND = FOLDER / "found"
CRASHES = FOLDER / "crashes"
SYMBOLS = {"ASAN_SYMBOLIZER_PATH": "/usr/lib/llvm-19/bin/llvm-symbolizer"}


def fuzz(target: str | None, seconds: float) -> int:
    chosen = targets()
    if target:
        chosen = [
            name for name in chosen if name.removesuffix("_fuzz") == target.removesuffix("_fuzz")
        ]
    if not chosen:
        raise DevError(f"the fuzz targets are: {', '.join(targets()) or 'none yet'}")
    return conclude(fuzz_each(chosen, seconds))


def targets() -> list[str]:
    return sorted(path.stem for path in (ROOT / "gateway").rglob("*_fuzz.cc"))


def fuzz_each(names: list[str], seconds: float) -> Tally:
    """Each target for so long, two at a time, from the kept corpus; new finds go under the build
    folder only."""
    build(FOLDER.name, *names)
    tally = Tally()
    for at in range(0, len(names), 2):
        pair = names[at : at + 2]
        before = {name: crashes_of(name) for name in pair}
        runs = [(command(name, seconds), SYMBOLS) for name in pair]
        codes = process.relay_together(runs, limit=seconds + 120)
        for name, code in zip(pair, codes, strict=True):
            if code == 0:
                tally += Tally(passed=1)
                continue
            told = [f"exit {code}"]
            for path in sorted(crashes_of(name) - before[name]):
                told.append(f"crash: {shown(path)}; again: build/asan/{name} {shown(path)}")
            for line in told:
                say(f"  fuzz {name}: {line}")
            tally += Tally(failed=1, named=((f"fuzz {name}", "\n".join(told)),))
    return tally


def crashes_of(name: str) -> set[Path]:
    folder = CRASHES / name
    folder.mkdir(parents=True, exist_ok=True)
    return set(folder.iterdir())


def command(name: str, seconds: float) -> list[str | Path]:
    kept = sorted((ROOT / "gateway").glob(f"*/corpus/{name}"))
    found = FOUND / name
    found.mkdir(parents=True, exist_ok=True)
    seed = secrets.randbelow(2**31 - 1) + 1
    say(
        f"fuzz {name} for {seconds:.0f} s, seed {seed}, "
        f"corpus {', '.join(shown(folder) for folder in kept) or 'empty'}"
    )
    # libFuzzer writes to the first folder and only reads the others.
    return [
        FOLDER / name,
        f"-seed={seed}",
        f"-max_total_time={max(1, round(seconds))}",
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        "-verbosity=0",
        f"-artifact_prefix={CRASHES / name}/",
        found,
        *kept,
    ]
