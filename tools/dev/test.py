"""`./dev test`: unit tests, then everything that crosses a process boundary, with real engines."""

import json
import re
import sys
import xml.etree.ElementTree
from collections.abc import Callable, Mapping, Set
from pathlib import Path

from dev import engines, image, kubernetes_tools, process, prometheus
from dev.build import RELEASE, build, programs
from dev.console import DevError, Tally, conclude, say
from dev.places import BUILD, ROOT
from dev.ray_cluster import ray_python
from dev.setup import setup
from dev.venvs import python

TESTS = ROOT / "tests"
REPORTS = BUILD / "reports"
# Marks of tests that run only when asked for, and why.
OPT_IN = {
    "long": "takes minutes",
    "vllm": "needs vLLM, gigabytes to install",
    "cluster": "starts a Ray cluster and compiles Kubernetes, which takes minutes and gigabytes",
}
# Suites that ask what is said and not how soon, and need other engines: groups of folders that
# run side by side.
SIDE_BY_SIDE = (("sdk",), ("matrix", "cluster"))


def test(pattern: str | None, asked: set[str]) -> int:
    setup("test")
    build("release")
    tally = unit_tests(RELEASE, pattern) + tool_tests(pattern) + suites(pattern, asked)
    if tally.failed == 0 and tally.passed == 0:
        say(f"no test matches {pattern!r}")
    return conclude(tally)


def unit_tests(
    folder: Path,
    pattern: str | None = None,
    env: Mapping[str, str] | None = None,
    limit: float = 900,
    program: str = "rocket_tests",
    shards: int = 1,
) -> Tally:
    """A build folder's GoogleTests. `pattern`: a part of a name, or GoogleTest's own *pattern*.
    `shards`: how many processes share them, side by side."""
    reports = [REPORTS / f"{folder.name}-{index}.json" for index in range(shards)]
    REPORTS.mkdir(parents=True, exist_ok=True)
    for report in reports:
        report.unlink(missing_ok=True)
    if pattern and not set(pattern) & set("*?:"):
        pattern = f"*{pattern}*"
    say(f"unit tests, {folder.name}")
    options = ["--gtest_brief=1", *([f"--gtest_filter={pattern}"] if pattern else [])]
    runs = [
        (
            [folder / program, *options, f"--gtest_output=json:{report}"],
            {**(env or {}), "GTEST_TOTAL_SHARDS": str(shards), "GTEST_SHARD_INDEX": str(index)},
        )
        for index, report in enumerate(reports)
    ]
    codes = process.relay_together(runs, limit=limit)
    return sum(map(tally_of, codes, reports), Tally())


def tally_of(code: int, report: Path) -> Tally:
    """What one GoogleTest program has found, which ended with `code`."""
    try:
        suites_run = json.loads(report.read_text())["testsuites"]
    except (OSError, ValueError, KeyError):
        return without_report("unit tests", code)
    results = [
        case for suite in suites_run for case in suite["testsuite"] if case["status"] == "RUN"
    ]
    named = [
        (f"{case['classname']}.{case['name']}", "\n".join(text["failure"] for text in failures))
        for case in results
        if (failures := case.get("failures"))
    ]
    passed = sum(case["result"] != "SKIPPED" for case in results) - len(named)
    skipped = len(results) - passed - len(named)
    if code and not named:
        named = [complaint("unit tests", code)]
    return Tally(passed, len(named), skipped, tuple(named))


def without_report(program: str, code: int) -> Tally:
    say(f"  {program} ended with exit {code} and no report")
    return Tally(failed=1, named=((program, f"ended with exit {code} and no report"),))


def complaint(program: str, code: int) -> tuple[str, str]:
    """A sanitizer's at the end, say of a leak, fails no single test."""
    return program, f"ended with exit {code}, though no test failed"


def tool_tests(pattern: str | None = None) -> Tally:
    """The tests of the tools themselves, and those beside the source of python/."""
    if pattern:
        return Tally()
    unittest = [sys.executable, "-B", "-m", "unittest"]
    packages = ["discover", "--quiet", "-s", "rocket_ray", "-t", ".", "-p", "*_test.py"]
    runs = {"tools": ["--quiet", "tidy_test", "dev_test"], "python": packages}
    tally = Tally()
    for folder, options in runs.items():
        code = process.relay([*unittest, *options], cwd=ROOT / folder)
        named = ((f"tests of {folder}/", "see above"),) if code else ()
        tally += Tally(passed=0 if code else 1, failed=len(named), named=named)
    return tally


def suites(pattern: str | None, asked: set[str], limit: float | None = None) -> Tally:
    """The pytest suites under tests/, which find binaries and engines in their environment."""
    if not any(TESTS.rglob("*.py")):
        say("skipped: tests/ holds no suite")
        return Tally()
    left_out = [mark for mark in OPT_IN if mark not in asked]
    for mark in left_out:
        if any(f"mark.{mark}" in path.read_text() for path in TESTS.rglob("*.py")):
            say(f"skipped: tests marked `{mark}` ({OPT_IN[mark]}); run them with --{mark}")
    declared = "\n".join(f"{mark}: {why}" for mark, why in OPT_IN.items())
    options = ["-q", "-rfEs", "-p", "no:cacheprovider", "-o", f"markers={declared}"]
    options.append("--strict-markers")
    if left_out:
        options += ["-m", " and ".join(f"not {mark}" for mark in left_out)]
    if pattern:
        options += ["-k", " and ".join(re.findall(r"\w+", pattern))]
    env = surroundings(asked)
    return sum((run_suites(groups, options, env, limit) for groups in turns()), Tally())


def turns() -> list[list[list[Path]]]:
    """The folders of suites: those that measure have the machine for themselves, then the others
    run in groups side by side."""
    folders = sorted({path.parent for path in TESTS.rglob("test_*.py")})
    groups = [[folder for folder in folders if folder.name in names] for names in SIDE_BY_SIDE]
    alone = [folder for folder in folders if not any(folder in group for group in groups)]
    return [[alone], [group for group in groups if group]]


def run_suites(
    groups: list[list[Path]], options: list[str], env: Mapping[str, str], limit: float | None
) -> Tally:
    """Each group of folders in a pytest of its own, side by side."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    reports = [REPORTS / f"suites-{group[0].name}.xml" for group in groups]
    runs = []
    for group, report in zip(groups, reports, strict=True):
        report.unlink(missing_ok=True)
        say(f"suites of tests/, with real engines: {', '.join(path.name for path in group)}")
        interpreter = python(TESTS / "requirements.txt")
        argv = [interpreter, "-m", "pytest", *group, *options, f"--junitxml={report}"]
        runs.append((argv, env))
    codes = process.relay_together(runs, limit=limit)
    return sum(map(suites_tally, codes, reports), Tally())


def suites_tally(code: int, report: Path) -> Tally:
    """What one pytest has found, which ended with `code`."""
    if code == 5:  # nothing matched
        return Tally()
    try:
        root = xml.etree.ElementTree.parse(report).getroot()
    except (OSError, xml.etree.ElementTree.ParseError):
        return without_report("pytest", code)
    counts = {
        key: sum(int(suite.get(key, 0)) for suite in root.iter("testsuite"))
        for key in ("tests", "failures", "errors", "skipped")
    }
    named = [
        (f"{case.get('classname')}.{case.get('name')}", wrong.text or wrong.get("message", ""))
        for case in root.iter("testcase")
        for wrong in case
        if wrong.tag in ("failure", "error")
    ]
    passed = max(0, counts["tests"] - counts["failures"] - counts["errors"] - counts["skipped"])
    if code and not named:
        named = [complaint("pytest", code)]
    return Tally(passed, len(named), counts["skipped"], tuple(named))


def surroundings(asked: Set[str] = frozenset()) -> dict[str, str]:
    """What the suites find in their environment, without the engines that can not be had here."""
    found = {
        "ROCKET_BINARY": str(RELEASE / "rocket"),
        "ROCKET_FAKE_BACKEND": str(RELEASE / "fake_backend"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    wanted: dict[str, Callable[[], Path]] = {
        "ROCKET_LLAMA_SERVER": engines.llama_server,
        "ROCKET_MODEL": engines.chat_model,
        "ROCKET_TINY_MODEL": engines.tiny_model,
        "ROCKET_OLLAMA": engines.ollama,
        "ROCKET_OLLAMA_MODELS": engines.ollama_models,
        "ROCKET_PROMETHEUS": prometheus.programs,
        "ROCKET_LOCUST": lambda: python(TESTS / "load/locust_requirements.txt"),
    }
    if "cluster" in asked:
        wanted["ROCKET_RAY_PYTHON"] = ray_python
        wanted["ROCKET_IMAGE"] = image.ready
        wanted["ROCKET_KUBERNETES"] = kubernetes_tools.programs
    if "vllm" in asked:
        wanted |= {"ROCKET_VLLM": engines.vllm, "ROCKET_VLLM_MODEL": engines.vllm_model}
    for variable, get in wanted.items():
        try:
            found[variable] = str(get())
        except engines.EngineMissing as missing:
            say(f"skipped: what needs {variable}. {missing}")
    return found


def sim(seed: int | None, count: int, mutated: bool) -> int:
    """Seeded simulations of the request's path; a failure prints the seed that shows it again."""
    build("release", "simulate")
    options = ["--count", str(count), "--seed", str(1 if seed is None else seed)]
    return process.relay([RELEASE / "simulate", *options, *(["--mutated"] if mutated else [])])


def bench(name: str | None) -> int:
    """Runs bench/NAME.py with the same surroundings as the suites."""
    known = sorted(path.stem for path in (ROOT / "bench").glob("*.py"))
    if name not in known:
        raise DevError(f"name a benchmark: {', '.join(known) or 'there is none yet in bench/'}")
    build("release", *programs())
    return process.relay(
        [python(TESTS / "requirements.txt"), ROOT / "bench" / f"{name}.py"], env=surroundings()
    )
