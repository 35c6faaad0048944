"""Configuring and compiling, a preset at a time."""

import functools
from pathlib import Path

from dev import process
from dev.places import BUILD, CACHE, ROOT
from dev.setup import setup

PRESETS = ("release", "debug", "asan", "tsan", "profiling")

INSTRUMENTED = ("asan", "tsan", "profiling")

RELEASE = BUILD / "release"


@functools.cache
def compiler_cache() -> dict[str, str]:
    """ccache keyed so that clones of the tree share what they compile."""
    return {
        "CCACHE_DIR": str(CACHE / "ccache"),
        "CCACHE_BASEDIR": str(ROOT),
        "CCACHE_NOHASHDIR": "true",
        "CCACHE_MAXSIZE": "5G",
        # What precompiled headers need (ccache's manual, "Precompiled headers").
        "CCACHE_SLOPPINESS": "pch_defines,time_macros",
        "CCACHE_PCH_EXTSUM": "true",
    }


def configure(preset: str) -> Path:
    """The preset's build folder, ready for ninja, which then follows CMakeLists.txt by itself."""
    setup("build", *(["instrument"] if preset in INSTRUMENTED else []))
    folder = BUILD / preset
    made = folder / "configured"
    presets = ROOT / "CMakePresets.json"
    if not made.exists() or made.stat().st_mtime < presets.stat().st_mtime:
        process.run(f"configuring {preset}", ["cmake", "--preset", preset], env=compiler_cache())
        made.touch()
    return folder


def programs() -> list[str]:
    """What is run: the gateway, and what the suites and benchmarks put around it. Not the tests."""
    mains = sorted((ROOT / "gateway/testing").glob("*_main.cc"))
    return ["rocket", *(path.stem.removesuffix("_main") for path in mains)]


def build(preset: str = "release", *targets: str) -> Path:
    folder = configure(preset)
    chosen = ["--target", *targets] if targets else []
    process.run(f"building {preset}", ["cmake", "--build", folder, *chosen], env=compiler_cache())
    return folder
