"""The own tests of an official package, run against whatever address: once against a mock and once
through Rocket, whatever fails must fail both times."""

import os
import subprocess
import xml.etree.ElementTree
from dataclasses import dataclass
from pathlib import Path

from dev.downloads import Archive, unpack
from dev.places import CACHE
from dev.venvs import python

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Suite:
    source: Archive
    requirements: str
    tests: tuple[str, ...]
    options: tuple[str, ...] = ()

    def outcomes(self, base_url: str, report: Path) -> dict[str, str]:
        """Each test's name and how it ended."""
        prefix = f"{self.source.package}-{self.source.version}/"
        source = unpack(self.source, prefix, CACHE / "sources" / self.source.key)
        command = [python(HERE / self.requirements), "-m", "pytest", *self.tests, *self.options]
        # The package's own options ask for a process per core.
        command += ["-q", "--tb=line", "-o", "addopts=", "-p", "no:cacheprovider"]
        command.append(f"--junitxml={report}")
        environment = {
            "TEST_API_BASE_URL": base_url,
            "PYTHONPATH": str(source / "src"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PATH": os.environ["PATH"],
        }
        ran = subprocess.run(
            command,
            cwd=source,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert ran.returncode in (0, 1), ran.stdout[-3000:] + ran.stderr[-3000:]
        ended = {}
        for case in xml.etree.ElementTree.parse(report).getroot().iter("testcase"):
            faults = (each.tag for each in case if each.tag in ("failure", "error", "skipped"))
            ended[f"{case.get('classname')}::{case.get('name')}"] = next(faults, "passed")
        return ended


def differences(direct: dict[str, str], through: dict[str, str]) -> dict[str, tuple[str, str]]:
    """What ended in two ways; each of them has run both times."""
    assert direct.keys() == through.keys()
    return {n: (direct[n], through[n]) for n in direct if direct[n] != through[n]}
